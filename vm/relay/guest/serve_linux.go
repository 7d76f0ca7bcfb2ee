package guest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

// ports are flags PORT=SOCKET: what is listened on, and where it leads.
type ports []portSocket

type portSocket struct {
	port   int
	socket string
}

func (p *ports) String() string { return fmt.Sprint(*p) }

func (p *ports) Set(s string) error {
	port, socket, ok := strings.Cut(s, "=")
	n, err := strconv.Atoi(port)
	if !ok || err != nil || n < 1 || n > 65535 || socket == "" {
		return fmt.Errorf("%q: want PORT=SOCKET", s)
	}
	*p = append(*p, portSocket{n, socket})
	return nil
}

// How long serve waits before it starts its worker again.
const minRestart, maxRestart = 100 * time.Millisecond, 5 * time.Second

// relayLock is the file of the state folder that serve has locked.
const relayLock = "relay.lock"

// serve runs the relay in a process of its own, and starts it again when that
// ends, for whatever reason. It must be started anew after each start of the
// machine. Where one serves already, another leaves it to that: its relays would find
// the ports taken, for ever.
func serve(args []string, _ io.Reader, _ io.Writer) error {
	opt, err := parseServe(args)
	if err != nil {
		return err
	}
	if opt.state != "" {
		f, err := os.OpenFile(filepath.Join(opt.state, relayLock), os.O_CREATE|os.O_RDWR, 0o600)
		if err == nil {
			defer f.Close()
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		}
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			return nil
		case err != nil:
			return fmt.Errorf("be the only one that serves: %w", err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	pause := minRestart
	for {
		began := time.Now()
		worker := exec.CommandContext(ctx, selfPath, append([]string{"work"}, args...)...)
		worker.Args[0], worker.Stderr = Name, os.Stderr
		worker.SysProcAttr = workerAttr()
		err := worker.Run()
		if ctx.Err() != nil {
			return nil
		}
		fmt.Fprintf(os.Stderr, "%s: the relay ended (%v) and is started again\n", Name, err)
		if time.Since(began) > maxRestart {
			pause = minRestart
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, maxRestart)
	}
}

// serveOptions are the flags of serve.
type serveOptions struct {
	state    string // the folder of setup; "" for none, and for as many as like
	listen   ports
	forward  string // the socket of the host's own connections, and of questions to it
	proxy    int    // the port among listen that is the proxy's
	capture  bool
	answer   time.Duration // see relay.Options
	services services
}

func parseServe(args []string) (opt serveOptions, err error) {
	f := flags("serve")
	f.Var(&opt.listen, "listen", "")
	f.Var(&opt.services, "service", "")
	f.StringVar(&opt.state, "state", "", "")
	f.StringVar(&opt.forward, "forward", "", "")
	f.IntVar(&opt.proxy, "proxy", 0, "")
	f.DurationVar(&opt.answer, "answer", 0, "")
	f.BoolVar(&opt.capture, "capture", false, "")
	if err := f.Parse(args); err != nil {
		return opt, &codeError{ExitUsage, err}
	}
	captures := opt.capture || len(opt.services) > 0
	hasProxy := slices.ContainsFunc(opt.listen, func(p portSocket) bool { return p.port == opt.proxy })
	switch {
	case len(opt.listen) == 0:
		return opt, &codeError{ExitUsage, errors.New("nothing to listen on")}
	case captures && (!hasProxy || opt.forward == ""):
		return opt, &codeError{ExitUsage, errors.New("capture needs a proxy among what is listened on, and whom to ask")}
	}
	return opt, nil
}

// work is the relay itself.
func work(args []string, _ io.Reader, _ io.Writer) error {
	opt, err := parseServe(args)
	if err != nil {
		return err
	}
	raiseFiles()
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	ctx := context.Background() // to the end of the process
	ended := make(chan error, len(opt.listen))
	var proxy, forward *tunnel.Dialer
	for _, p := range opt.listen {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.port})
		if err != nil {
			return err
		}
		d := tunnel.NewDialer(strconv.Itoa(p.port), tunnel.Unix(p.socket), nil)
		if p.port == opt.proxy {
			proxy = d
		}
		go d.Keep(ctx)
		go func() { ended <- accept(l, d) }()
	}
	if opt.forward != "" {
		forward = tunnel.NewDialer("forward", tunnel.Unix(opt.forward), inward)
	}
	if opt.capture || len(opt.services) > 0 {
		if err := capture(ctx, opt, proxy, forward); err != nil {
			return err
		}
	}
	if forward != nil { // last: the host takes it for all being there
		go forward.Keep(ctx)
	}
	return <-ended
}

// accept carries what a listener accepts to the host.
func accept(l net.Listener, d *tunnel.Dialer) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED) {
			time.Sleep(acceptPause) // connections that end free some
			continue
		}
		if err != nil {
			return err
		}
		go outward(c.(*net.TCPConn), d)
	}
}

const acceptPause = 20 * time.Millisecond

// outward carries a connection to the host. When that is not there, the client
// sees a reset instead of silence.
func outward(c *net.TCPConn, d *tunnel.Dialer) {
	s, err := d.Dial(context.Background())
	if err != nil {
		_ = c.SetLinger(0)
		_ = c.Close()
		return
	}
	tunnel.Pipe(c, s)
}

// inwardTimeout bounds how long the host may take to name the port, and the
// program inside to accept.
const inwardTimeout = 5 * time.Second

// inward carries a connection of the host to a port of a program inside: two
// bytes with the port's number, answered by one that is 0 when it is connected.
func inward(c *tunnel.Conn) {
	_ = c.SetDeadline(time.Now().Add(inwardTimeout))
	var port [2]byte
	if _, err := io.ReadFull(c, port[:]); err != nil {
		_ = c.Close()
		return
	}
	to, err := dialLoopback(int(binary.BigEndian.Uint16(port[:])), inwardTimeout)
	if err != nil {
		_, _ = c.Write([]byte{1})
		_ = c.Close()
		return
	}
	if _, err := c.Write([]byte{0}); err != nil {
		_ = to.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	tunnel.Pipe(to, c)
}

// dialLoopback connects to a server inside: many listen on one of the two only.
func dialLoopback(port int, timeout time.Duration) (*net.TCPConn, error) {
	c, err := dial(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, timeout)
	if err != nil {
		c, err = dial(&net.TCPAddr{IP: net.IPv6loopback, Port: port}, timeout)
	}
	return c, err
}

// dial connects to an address. A net.Dialer would bring the resolver of names, which
// this program has no use for, and which is a tenth of its size.
func dial(to *net.TCPAddr, timeout time.Duration) (*net.TCPConn, error) {
	type result struct {
		c   *net.TCPConn
		err error
	}
	done := make(chan result)
	gone := make(chan struct{})
	go func() {
		c, err := net.DialTCP("tcp", nil, to)
		select {
		case done <- result{c, err}:
		case <-gone:
			if err == nil {
				_ = c.Close()
			}
		}
	}()
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case r := <-done:
		return r.c, r.err
	case <-t.C:
		close(gone)
		return nil, os.ErrDeadlineExceeded
	}
}

// probe sends a request through the relay to the proxy, which answers every one.
func probe(args []string, _ io.Reader, out io.Writer) error {
	f := flags("probe")
	port := f.Int("port", 0, "")
	timeout := f.Duration("timeout", 10*time.Second, "")
	send := f.String("send", "", "what to send; its answer's first line is printed")
	if err := f.Parse(args); err != nil {
		return &codeError{ExitUsage, err}
	}
	deadline := time.Now().Add(*timeout)
	c, err := dial(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: *port}, *timeout)
	if err != nil {
		return fmt.Errorf("the relay does not listen: %w", err)
	}
	defer c.Close()
	_ = c.SetDeadline(deadline)
	if _, err := io.WriteString(c, *send); err != nil {
		return fmt.Errorf("nothing goes through the relay: %w", err)
	}
	line := make([]byte, 256)
	n, err := c.Read(line)
	if n == 0 {
		return fmt.Errorf("nothing comes back through the relay: %w", err)
	}
	first, _, _ := strings.Cut(string(line[:n]), "\n")
	_, err = fmt.Fprintln(out, strings.TrimSpace(first))
	return err
}
