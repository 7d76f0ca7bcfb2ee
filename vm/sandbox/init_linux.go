package sandbox

import (
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// initProcess is the first process of a machine. It does what the parent asks
// for, one request after the other.
type initProcess struct {
	conn   *conn
	limits []rlimit // of each command

	// mu is held from before a start until its reply is sent, so that a
	// command cannot be reaped before it is known, nor its exit be told before
	// its start.
	mu    sync.Mutex
	pids  map[uint64]int // of the commands that run
	procs map[int]uint64 // the other way round
}

// runInit does not return.
func runInit(arg string) {
	var cfg initConfig
	if err := json.Unmarshal([]byte(arg), &cfg); err != nil {
		os.Exit(1)
	}
	if !cfg.Breach.has(BreachDump) {
		// Or the agent could trace init, which acts as the same user, and
		// speak to the parent itself.
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			os.Exit(1)
		}
	}
	// A handler, not ignoring: what is ignored stays so in the commands.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals)
	reap := make(chan os.Signal, 1)
	signal.Notify(reap, unix.SIGCHLD)
	go func() {
		for range signals {
		}
	}()
	c, err := newConn(os.NewFile(controlFD, "control"))
	if err != nil {
		os.Exit(1)
	}
	if err := makeThreads(); err != nil {
		os.Exit(1)
	}
	p := &initProcess{conn: c, limits: cfg.Limits, pids: map[uint64]int{}, procs: map[int]uint64{}}
	go func() {
		for range reap {
			p.reap()
		}
	}()
	if err := c.send(maxReport, report{Op: opReady}); err != nil {
		os.Exit(1)
	}
	for {
		var req request
		fds, err := c.recv(maxRequest, &req)
		if err != nil {
			break
		}
		p.serve(&req, fds)
	}
	if cfg.Breach.has(BreachLifeline) {
		select {}
	}
	os.Exit(0) // the kernel ends all others with the first
}

// spareThreads is about as many threads as init's goroutines can ever block.
const spareThreads = 6

// makeThreads has the runtime make its threads now, which it keeps: where the
// number of processes of the machine is limited, the agent may have used it up
// when the next one is needed, and the runtime would give up.
func makeThreads() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	fd := int(r.Fd()) // and makes it blocking
	var blocked, ended sync.WaitGroup
	blocked.Add(spareThreads)
	for range spareThreads {
		ended.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			blocked.Done()
			for {
				if _, err := unix.Read(fd, make([]byte, 1)); !errors.Is(err, unix.EINTR) {
					return
				}
			}
		})
	}
	blocked.Wait()
	err = w.Close()
	ended.Wait()
	return errors.Join(err, r.Close())
}

func (p *initProcess) serve(req *request, fds []int) {
	defer closeFDs(fds)
	switch req.Op {
	case opStart:
		p.start(req, fds)
	case opSignal:
		p.reply(req, p.signal(req))
	case opListen, opPacket, opDial:
		fd, err := socketKinds[req.Op].open(req.Addr)
		if err != nil {
			p.reply(req, err)
			return
		}
		p.reply(req, nil, fd)
		_ = unix.Close(fd)
	default:
		p.reply(req, unix.ENOSYS)
	}
}

// reply answers. When that is not possible the parent is gone.
func (p *initProcess) reply(req *request, err error, fds ...int) {
	rep := report{Op: opReply, ID: req.ID}
	if err != nil {
		rep.Errno = int(unix.EIO)
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			rep.Errno = int(errno)
		}
		if e := (*startError)(nil); errors.As(err, &e) {
			rep.Step = e.step
		}
	}
	if p.conn.send(maxReport, rep, fds...) != nil {
		os.Exit(1)
	}
}

// start starts a command. The descriptors are those of its streams that
// req.Stdio has, in order.
func (p *initProcess) start(req *request, fds []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, master, err := startCommand(req, fds, p.limits)
	if err != nil {
		p.reply(req, err)
		return
	}
	p.pids[req.ID], p.procs[pid] = pid, req.ID
	if master < 0 {
		p.reply(req, nil)
		return
	}
	p.reply(req, nil, master)
	_ = unix.Close(master)
}

func (p *initProcess) signal(req *request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, ok := p.pids[req.Proc]
	if !ok {
		return unix.ESRCH
	}
	return unix.Kill(-pid, syscall.Signal(req.Signal))
}

// reap takes every process that has ended: commands, and orphans, whose parent
// init has become.
func (p *initProcess) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		id, ok := p.procs[pid]
		if !ok || !status.Exited() && !status.Signaled() {
			continue
		}
		delete(p.procs, pid)
		delete(p.pids, id)
		code := status.ExitStatus()
		if status.Signaled() {
			code = 128 + int(status.Signal())
		}
		if p.conn.send(maxReport, report{Op: opExit, ID: id, Code: code}) != nil {
			os.Exit(1)
		}
	}
}
