package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/vm"
)

var (
	_ vm.Machine = (*machine)(nil)
	_ vm.Network = (*machine)(nil)
)

// machine is the parent's side of a sandbox.
type machine struct {
	spec      vm.Spec
	conn      *conn
	init      *os.Process
	limits    []vm.Limit
	group     string // the control group that was made, if any
	lastWords tail   // what init wrote to its stderr
	ready     chan error
	received  chan struct{} // closed when nothing more is read from init
	ended     chan struct{} // closed when nothing of it runs any more
	err       error         // why, once ended is closed

	mu     sync.Mutex
	up     bool // init is ready, or setup has failed
	nextID uint64
	calls  map[uint64]*pending
	procs  map[uint64]*process
	cause  error // why it was ended; errClosed by Close
}

// errClosed is the cause of an end by Close.
var errClosed = errors.New("the machine was closed")

// pending is a call that waits for its reply.
type pending struct {
	fds    int // how many descriptors a success brings
	result chan result
	// abandoned says that nobody waits any more; late is then called with the
	// reply.
	abandoned bool
	late      func(result)
}

type result struct {
	fds  []int
	step string
	err  error
	late bool // the caller gave up; late is called if there is a reply after all
}

func (m *machine) ID() string { return m.spec.ID }

func (m *machine) Limits() []vm.Limit { return append([]vm.Limit(nil), m.limits...) }

func (m *machine) Wait() error {
	<-m.ended
	return m.err
}

func (m *machine) Close() error {
	m.kill(errClosed)
	<-m.ended
	return nil
}

// Listen opens a listener inside, as vm.Machine says.
func (m *machine) Listen(ctx context.Context, port int) (net.Listener, error) {
	if port < 0 || port > 65535 {
		return nil, fmt.Errorf("listen at 127.0.0.1:%d in sandbox %q: want a port of 0 to 65535", port, m.spec.ID)
	}
	return m.ListenAt(ctx, netip.AddrPortFrom(loopback4, uint16(port)))
}

// ListenAt opens a listener inside, as vm.Network says.
func (m *machine) ListenAt(ctx context.Context, addr netip.AddrPort) (net.Listener, error) {
	return openSocket(ctx, m, opListen, addr, net.FileListener)
}

// ListenPacket opens a UDP socket inside, as vm.Network says.
func (m *machine) ListenPacket(ctx context.Context, addr netip.AddrPort) (net.PacketConn, error) {
	return openSocket(ctx, m, opPacket, addr, net.FilePacketConn)
}

// openSocket has init open a socket, and makes a T of it.
func openSocket[T any](ctx context.Context, m *machine, kind op, addr netip.AddrPort, from func(*os.File) (T, error)) (T, error) {
	var none T
	fail := func(err error) (T, error) {
		return none, fmt.Errorf("%s at %v in sandbox %q: %w", kind, addr, m.spec.ID, err)
	}
	if !addr.IsValid() {
		return fail(errors.New("want an address with a port"))
	}
	res, err := m.call(ctx, request{Op: kind, Addr: addr}, nil, 1, func(r result) { closeFDs(r.fds) })
	if err != nil {
		return fail(err)
	}
	fd := res.fds[0]
	f := os.NewFile(uintptr(fd), "socket")
	defer func() { _ = f.Close() }() // what is made of it has a duplicate
	if err := socketKinds[kind].check(fd, addr); err != nil {
		m.kill(err)
		return fail(err)
	}
	s, err := from(f)
	if err != nil {
		return fail(err)
	}
	return s, nil
}

// call sends a request and waits for its reply. When ctx ends first, late is
// called with the reply if there is one after all. An ID is given out unless
// the request has one.
func (m *machine) call(ctx context.Context, req request, fds []int, want int, late func(result)) (result, error) {
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	p := &pending{fds: want, result: make(chan result, 1), late: late}
	m.mu.Lock()
	if m.cause != nil {
		defer m.mu.Unlock()
		return result{}, m.cause
	}
	if req.ID == 0 {
		m.nextID++
		req.ID = m.nextID
	}
	m.calls[req.ID] = p
	m.mu.Unlock()
	if err := m.conn.send(maxRequest, req, fds...); err != nil {
		m.mu.Lock()
		delete(m.calls, req.ID)
		m.mu.Unlock()
		if e := (*tooLongError)(nil); errors.As(err, &e) {
			return result{}, err
		}
		m.kill(err)
		<-m.ended
		return result{}, m.endError()
	}
	select {
	case res := <-p.result:
		return res, res.err
	case <-m.ended:
	case <-ctx.Done():
	}
	m.mu.Lock()
	p.abandoned = true
	m.mu.Unlock()
	select {
	case res := <-p.result: // it came in between
		return res, res.err
	default:
	}
	if err := ctx.Err(); err != nil {
		return result{late: true}, err
	}
	return result{}, m.endError()
}

// endError is for what the machine's end stopped.
func (m *machine) endError() error {
	if m.err != nil {
		return m.err
	}
	return errClosed
}

// receive reads what setup and init send. Whatever is not exactly as it must
// be ends the machine: the agent may have become init.
func (m *machine) receive() {
	defer close(m.received)
	for {
		var rep report
		fds, err := m.conn.recv(maxReport, &rep)
		if err != nil {
			m.kill(fmt.Errorf("the machine's init went away: %w", err))
			return
		}
		if err := m.handle(&rep, fds); err != nil {
			closeFDs(fds)
			m.kill(err)
			return
		}
	}
}

var errProtocol = errors.New("the machine's init sent what it must not")

// handle takes over fds unless it returns an error.
func (m *machine) handle(rep *report, fds []int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.up {
		m.up = true
		switch {
		case len(fds) > 0:
			return errProtocol
		case rep.Op == opReady:
			m.ready <- nil
			return nil
		case rep.Op == opReply && rep.Errno != 0:
			m.ready <- &setupError{text: escape.Text(rep.Step), err: syscall.Errno(rep.Errno)}
			return nil
		}
		return errProtocol
	}
	switch rep.Op {
	case opReply:
		p := m.calls[rep.ID]
		if p == nil {
			return errProtocol
		}
		res := result{fds: fds}
		if rep.Errno != 0 {
			res.step, res.err = rep.Step, syscall.Errno(rep.Errno)
		}
		if want := p.fds; res.err != nil && len(fds) != 0 || res.err == nil && len(fds) != want {
			return errProtocol
		}
		delete(m.calls, rep.ID)
		if p.abandoned {
			go p.late(res)
			return nil
		}
		p.result <- res
		return nil
	case opExit:
		p := m.procs[rep.ID]
		if p == nil || len(fds) > 0 || rep.Code < 0 || rep.Code > 255 {
			return errProtocol
		}
		delete(m.procs, rep.ID)
		p.code = rep.Code
		close(p.exited)
		return nil
	}
	return errProtocol
}

// kill ends everything, once, for a reason.
func (m *machine) kill(cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cause != nil {
		return
	}
	m.cause = cause
	_ = m.init.Kill() // and with it, by the kernel, everything in its PID namespace
	_ = m.conn.Close()
}

// end is called when the first process has ended, by the kernel's rules as the
// last.
func (m *machine) end(state *os.ProcessState) {
	<-m.received // to its end, for setup may have said why it failed
	m.removeGroup()
	m.mu.Lock()
	cause := m.cause
	m.mu.Unlock()
	if !errors.Is(cause, errClosed) {
		text := state.String()
		if words := m.lastWords.String(); words != "" {
			text += "; it wrote: " + escape.Text(words)
		}
		m.err = fmt.Errorf("%w (%s)", cause, text)
	}
	close(m.ended)
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// maxTail bounds what a tail keeps.
const maxTail = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[max(0, len(p)-maxTail):]...)
	t.text = t.text[max(0, len(t.text)-maxTail):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
