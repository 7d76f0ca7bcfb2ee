package sandbox

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// everything is what a captured machine takes for its own.
var everything = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

func TestAllAddressesCanBeTheMachinesOwn(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{Local: everything})
	n, ok := m.(vm.Network)
	if !ok {
		t.Fatal("the machine has no network to listen in")
	}
	l, err := n.ListenAt(t.Context(), netip.MustParseAddrPort("[::]:443"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	arrived := make(chan string, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			arrived <- c.LocalAddr().String()
			fmt.Fprint(c, "taken")
			c.Close()
		}
	}()
	for _, addr := range []string{"8.8.8.8:443", "198.18.0.1:443", "169.254.169.254:443", "[2001:db8::1]:443", "10.1.2.3:443"} {
		code, out := run(t, m, insideHelper("dial", addr)...)
		if code != codeSuccess || out != "taken" {
			t.Errorf("dialling %s: code %d, %s", addr, code, out)
			continue
		}
		if got := netip.MustParseAddrPort(within(t, arrived, "the connection")); got != netip.MustParseAddrPort(addr) {
			t.Errorf("a connection to %s arrived at %s", addr, got)
		}
	}
	for _, addr := range []string{"8.8.8.8:8443", "192.0.2.1:22"} {
		if code, out := run(t, m, insideHelper("dial", addr)...); code != codeContained {
			t.Errorf("a port at which nothing listens, %s: code %d, %s", addr, code, out)
		}
	}
	// QUIC, and DNS over UDP elsewhere: refused at once, so nobody waits.
	for _, addr := range []string{"8.8.8.8:53", "192.0.2.1:443", "[2001:db8::1]:443"} {
		if code, out := run(t, m, insideHelper("refused-datagram", addr)...); code != codeSuccess {
			t.Errorf("a datagram to %s: code %d, %s", addr, code, out)
		}
	}
}

func TestSocketsAtFurtherAddresses(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{Local: everything})
	n := m.(vm.Network)
	conn, err := n.ListenPacket(t.Context(), netip.MustParseAddrPort("127.0.0.1:53"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		buf := make([]byte, 64)
		for {
			k, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(append([]byte("you said "), buf[:k]...), from)
		}
	}()
	if code, out := run(t, m, insideHelper("ask", "127.0.0.1:53")...); code != codeSuccess || out != "you said hello" {
		t.Errorf("code %d: %s", code, out)
	}
	// One name's port leaves that of the agent's own servers alone.
	l, err := n.ListenAt(t.Context(), netip.MustParseAddrPort("198.18.0.7:5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	own, err := m.Listen(t.Context(), 5432)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if _, err := n.ListenAt(t.Context(), netip.MustParseAddrPort("198.18.0.7:5432")); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second listener: %v", err)
	}
	if _, err := n.ListenAt(t.Context(), netip.AddrPort{}); err == nil {
		t.Error("no address was accepted")
	}
}

func TestWithoutLocalAddressesNothingIsReached(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	l, err := m.(vm.Network).ListenAt(t.Context(), netip.MustParseAddrPort("[::]:443"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if code, out := run(t, m, insideHelper("dial", "8.8.8.8:443")...); code != codeContained {
		t.Errorf("code %d: %s", code, out)
	}
}

// dialIt prints what it is told.
func dialIt(args []string) error {
	c, err := net.DialTimeout("tcp", args[0], patience)
	if err != nil {
		return err
	}
	defer c.Close()
	buf := make([]byte, 64)
	n, err := c.Read(buf)
	if err != nil {
		return err
	}
	fmt.Print(string(buf[:n]))
	return nil
}

// askIt prints the answer to a datagram.
func askIt(args []string) error {
	c, err := net.Dial("udp", args[0])
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 64)
	n, err := c.Read(buf)
	if err != nil {
		return err
	}
	fmt.Print(string(buf[:n]))
	return nil
}

// refusedDatagram succeeds when a datagram is refused, and not just lost.
func refusedDatagram(args []string) error {
	if err := askIt(args); !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("not refused: %w", err)
	}
	return nil
}
