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
	"strconv"
	"strings"
	"syscall"
	"time"

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

// serve runs the relay in a process of its own, and starts it again when that
// ends, for whatever reason. It must be started anew after each start of the
// machine.
func serve(args []string, _ io.Reader, _ io.Writer) error {
	if _, _, err := parseServe(args); err != nil {
		return err
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

func parseServe(args []string) (ports, string, error) {
	var listen ports
	f := flags("serve")
	f.Var(&listen, "listen", "")
	forward := f.String("forward", "", "")
	if err := f.Parse(args); err != nil {
		return nil, "", &codeError{ExitUsage, err}
	}
	if len(listen) == 0 {
		return nil, "", &codeError{ExitUsage, errors.New("nothing to listen on")}
	}
	return listen, *forward, nil
}

// work is the relay itself.
func work(args []string, _ io.Reader, _ io.Writer) error {
	listen, forward, err := parseServe(args)
	if err != nil {
		return err
	}
	raiseFiles()
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	ended := make(chan error, len(listen))
	for _, p := range listen {
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
		if err != nil {
			return err
		}
		d := tunnel.NewDialer(strconv.Itoa(p.port), tunnel.Unix(p.socket), nil)
		go d.Keep(context.Background())
		go func() { ended <- accept(l, d) }()
	}
	if forward != "" {
		d := tunnel.NewDialer("forward", tunnel.Unix(forward), inward)
		go d.Keep(context.Background())
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
	to, err := dialLoopback(strconv.Itoa(int(binary.BigEndian.Uint16(port[:]))))
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
func dialLoopback(port string) (*net.TCPConn, error) {
	var err error
	for _, host := range []string{"127.0.0.1", "::1"} {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", net.JoinHostPort(host, port), inwardTimeout); err == nil {
			return c.(*net.TCPConn), nil
		}
	}
	return nil, err
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
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(*port)), *timeout)
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
