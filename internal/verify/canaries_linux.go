package verify

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// targets is what the inner half is told.
type targets struct {
	Nonce     string   `json:"nonce"`
	Control   bool     `json:"control"` // the run on the host
	TCP       []string `json:"tcp"`
	UDP       string   `json:"udp"`
	DNS       string   `json:"dns"`
	Abstract  string   `json:"abstract"`
	HomeFile  string   `json:"home_file"`
	VictimPID int      `json:"victim_pid"`
	Key       string   `json:"key"`
	Variable  string   `json:"variable"`
	DeniedURL string   `json:"denied_url"`
	Gateway   string   `json:"gateway"`
}

// variable is the canary in the environment of this process, which runners on
// the host pass on as everybody does.
const variable = "BOTTLE_VERIFY_CANARY"

// canaries are planted by the outer half.
type canaries struct {
	targets targets
	counts  map[string]*sight
	undo    []func()
	runs    int
}

// sight counts what one canary saw. What happens to a canary is queued by the
// kernel, so before it is read, poke sends something of our own through the
// same queue and the canary reports that as settled.
type sight struct {
	n       atomic.Int64
	poke    func(ctx context.Context) error
	settled chan struct{}
}

// sentinel is what poke sends.
const sentinel = "bottle-verify-settled"

// settleTimeout bounds how long a canary may take to see its own sentinel.
const settleTimeout = 10 * time.Second

// plant makes all canaries, or none.
func plant(ctx context.Context, opt Options) (_ *canaries, err error) {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	c := &canaries{counts: map[string]*sight{}}
	defer func() {
		if err != nil {
			c.remove()
		}
	}()
	c.targets.Nonce, c.targets.DeniedURL, c.targets.Gateway = hex.EncodeToString(nonce), opt.DeniedURL, cmp.Or(opt.Gateway, gateway)
	for _, step := range []func(context.Context, Options) error{
		c.plantTCP, c.plantDatagrams, c.plantAbstract, c.plantHomeFile, c.plantVictim, c.plantVariable, c.plantDescriptor,
	} {
		if err := step(ctx, opt); err != nil {
			return nil, err
		}
	}
	c.plantKey()
	return c, nil
}

func (c *canaries) remove() {
	for i := len(c.undo) - 1; i >= 0; i-- {
		c.undo[i]()
	}
}

func (c *canaries) cleanup(f func()) { c.undo = append(c.undo, f) }

func (c *canaries) sight(name string, poke func(context.Context) error) *sight {
	s := &sight{poke: poke, settled: make(chan struct{}, 1)}
	c.counts[name] = s
	return s
}

// reset forgets what was seen. The first run is the one on the host.
func (c *canaries) reset() {
	c.runs++
	c.targets.Control = c.runs == 1
	for _, s := range c.counts {
		s.n.Store(0)
	}
}

func (c *canaries) saw(name string) bool {
	s := c.counts[name]
	return s != nil && s.n.Load() > 0
}

// settle waits until each canary has seen everything sent to it before.
func (c *canaries) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for name, s := range c.counts {
		if err := s.poke(ctx); err != nil {
			return fmt.Errorf("the canary %s: %w", name, err)
		}
		select {
		case <-s.settled:
		case <-ctx.Done():
			return fmt.Errorf("the canary %s no longer sees what is sent to it: %w", name, ctx.Err())
		}
	}
	return nil
}

// pokeAddr sends the sentinel to an address.
func pokeAddr(network, addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = io.WriteString(conn, sentinel)
		return err
	}
}

// plantTCP listens on every address of the host.
func (c *canaries) plantTCP(ctx context.Context, _ Options) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	c.cleanup(func() { _ = l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	for _, ip := range hostAddresses() {
		c.targets.TCP = append(c.targets.TCP, net.JoinHostPort(ip, port))
	}
	go accept(l, c.sight("tcp", pokeAddr("tcp", c.targets.TCP[0])))
	return nil
}

// accept counts connections, but for those that turn out to be our own.
func accept(l net.Listener, s *sight) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.n.Add(1)
		go func() {
			defer conn.Close()
			buf := make([]byte, len(sentinel))
			_ = conn.SetReadDeadline(time.Now().Add(settleTimeout))
			if n, err := io.ReadFull(conn, buf); err == nil && string(buf[:n]) == sentinel {
				s.n.Add(-1)
				s.settled <- struct{}{}
			}
		}()
	}
}

// hostAddresses are loopback and what else this host calls itself.
func hostAddresses() []string {
	list := []string{"127.0.0.1"}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return list
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			list = append(list, n.IP.String())
		}
	}
	return list
}

func (c *canaries) plantDatagrams(ctx context.Context, _ Options) error {
	for _, p := range []struct {
		name string
		addr *string
	}{{"udp", &c.targets.UDP}, {"dns", &c.targets.DNS}} {
		var lc net.ListenConfig
		conn, err := lc.ListenPacket(ctx, "udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c.cleanup(func() { _ = conn.Close() })
		*p.addr = conn.LocalAddr().String()
		go receive(conn, c.sight(p.name, pokeAddr("udp", *p.addr)))
	}
	return nil
}

func receive(conn net.PacketConn, s *sight) {
	buf := make([]byte, 2<<10)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if string(buf[:n]) == sentinel {
			s.settled <- struct{}{}
			continue
		}
		s.n.Add(1)
	}
}

func (c *canaries) plantAbstract(ctx context.Context, _ Options) error {
	c.targets.Abstract = "@bottle-verify-" + c.targets.Nonce
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", c.targets.Abstract)
	if err != nil {
		return err
	}
	c.cleanup(func() { _ = l.Close() })
	go accept(l, c.sight("abstract-socket", pokeAddr("unix", c.targets.Abstract)))
	return nil
}

func (c *canaries) plantHomeFile(_ context.Context, opt Options) error {
	f, err := os.CreateTemp(opt.Home, ".bottle-verify-*")
	if err != nil {
		return fmt.Errorf("a file in the home folder: %w", err)
	}
	c.cleanup(func() { _ = os.Remove(f.Name()) })
	c.targets.HomeFile = f.Name()
	_, err = f.WriteString(c.targets.Nonce)
	return errors.Join(err, f.Close())
}

// The signals of the process canary. The second is our own sentinel: its number
// is the higher one, so it is told after the first when both are pending.
var (
	victimSignal  = syscall.SIGCONT
	settledSignal = syscall.SIGWINCH
)

// plantVictim starts this program as a process that waits.
func (c *canaries) plantVictim(ctx context.Context, _ Options) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "verify", "--victim")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("a process: %w", err)
	}
	c.cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != victimReady {
		return errors.New("a process: it did not start")
	}
	c.targets.VictimPID = cmd.Process.Pid
	s := c.sight("signal", func(context.Context) error { return cmd.Process.Signal(settledSignal) })
	go func() {
		for lines.Scan() {
			if lines.Text() == settledSignal.String() {
				s.settled <- struct{}{}
			} else {
				s.n.Add(1)
			}
		}
	}()
	return nil
}

const victimReady = "ready"

// Victim is the process canary: it prints a line when it is ready and one for
// each signal, until its standard input ends.
func Victim(r io.Reader, w io.Writer) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, victimSignal, settledSignal)
	defer signal.Stop(signals)
	if _, err := fmt.Fprintln(w, victimReady); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, r)
		close(done)
	}()
	for {
		select {
		case s := <-signals:
			if _, err := fmt.Fprintln(w, s); err != nil {
				return err
			}
		case <-done:
			return nil
		}
	}
}

func (c *canaries) plantVariable(context.Context, Options) error {
	c.targets.Variable = variable
	c.cleanup(func() { _ = os.Unsetenv(variable) })
	return os.Setenv(variable, c.targets.Nonce)
}

// leakedFD is the least number of the descriptor canary. Lower ones are covered
// by those that a sandbox's first process is given, leak or not.
const leakedFD = 200

// plantDescriptor leaves a descriptor open for whoever is started.
func (c *canaries) plantDescriptor(context.Context, Options) error {
	low, err := unix.MemfdCreate("bottle-verify", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	high, err := unix.FcntlInt(uintptr(low), unix.F_DUPFD, leakedFD) // not close-on-exec
	_ = unix.Close(low)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(high), "bottle-verify")
	c.cleanup(func() { _ = f.Close() })
	_, err = f.WriteString(c.targets.Nonce)
	return err
}
