package guest

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm/relay"
	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

// aloneVariable tells the test that it is in the new network.
const aloneVariable = "BOTTLE_TEST_ALONE"

// TestCaptureAlone is the guest program in a network as a microVM's is: with a
// loopback that is down, and nobody who has made a route before.
func TestCaptureAlone(t *testing.T) {
	alone(t, syscall.CLONE_NEWNET, captureAlone)
}

// alone runs a part of a test by itself, as root of a user namespace and of what the
// flags of clone(2) say.
func alone(t *testing.T, flags uintptr, part func(*testing.T)) {
	t.Helper()
	if os.Getenv(aloneVariable) != "" {
		part(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), selfPath, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), aloneVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | flags,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true" {
		t.Skip("this host lets nobody make a user namespace")
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

func captureAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	// While lo is down there is no table of what is local, and all can be bound.
	if err := loopbackUp(); err != nil {
		t.Fatal(err)
	}
	if isLocal(relay.Prefix.Addr().Next()) {
		t.Fatal("somebody has made the route before")
	}
	for range 2 { // it may be done again
		if err := network([]string{"--root", dir, "--local", "0.0.0.0/0", "--local", "::/0", "--resolver"}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	proxy, forward := host(t, filepath.Join(dir, "p")), host(t, filepath.Join(dir, "f"))
	came := make(chan struct{}, 1)
	go serveForward(forward, came)
	go func() {
		err := work([]string{"--listen", "3128=" + filepath.Join(dir, "p"), "--forward", filepath.Join(dir, "f"), "--proxy", "3128", "--capture"}, nil, nil)
		t.Errorf("the relay ended: %v", err)
	}()
	asked := make(chan string)
	go serveConnect(proxy, asked)
	waitForRelay(t)
	var addrs []netip.Addr
	for _, server := range []string{"127.0.0.1:53", "8.8.8.8:53"} { // whoever is asked
		for _, network := range []string{"udp", "tcp"} {
			resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server)
			}}
			var err error
			addrs, err = resolver.LookupNetIP(t.Context(), "ip4", "name.example.")
			if err != nil || len(addrs) != 1 || !relay.Prefix.Contains(addrs[0].Unmap()) {
				t.Fatalf("of %s by %s the name has the addresses %v, %v", server, network, addrs, err)
			}
		}
	}
	<-came // the ports of the name were asked for
	named := addrs[0].Unmap()
	for _, c := range []struct{ dial, want string }{
		{netip.AddrPortFrom(named, 443).String(), "name.example:443"},
		{netip.AddrPortFrom(named, furtherPort).String(), "name.example:9999"},
		{"192.0.2.7:80", "192.0.2.7:80"},
		{"[2001:db8::7]:443", "[2001:db8::7]:443"},
	} {
		conn, err := net.Dial("tcp", c.dial)
		if err != nil {
			t.Errorf("%s: %v", c.dial, err)
			continue
		}
		if got := <-asked; got != "CONNECT "+c.want+" HTTP/1.1" {
			t.Errorf("%s: the proxy is asked %q, want %s", c.dial, got, c.want)
		}
		_ = conn.Close()
	}
	if conn, err := net.Dial("tcp", "192.0.2.7:9999"); err == nil {
		_ = conn.Close()
		t.Error("a port of one name is open at another address")
	}
}

// furtherPort is that of a route for the name.
const furtherPort = 9999

// host is the host's side of a socket.
func host(t *testing.T, path string) *tunnel.Listener {
	inner, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return tunnel.Listen(inner, "test", nil)
}

func serveForward(l *tunnel.Listener, came chan<- struct{}) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = AnswerPorts(c, func(string) []int { return []int{furtherPort} })
		select {
		case came <- struct{}{}:
		default:
		}
	}
}

// serveConnect passes on the first line of what comes.
func serveConnect(l *tunnel.Listener, asked chan<- string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(c).ReadString('\n')
		asked <- strings.TrimSpace(line)
		_ = c.Close()
	}
}

// waitForRelay waits until the relay listens for names.
func waitForRelay(t *testing.T) {
	t.Helper()
	for range 1000 {
		if c, err := net.Dial("tcp", "127.0.0.1:53"); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the relay does not listen for names")
}
