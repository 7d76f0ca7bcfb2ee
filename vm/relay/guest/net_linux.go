package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// hostLine is a flag ADDR=NAME: a line of hosts(5).
type hostLines []string

func (h *hostLines) String() string { return fmt.Sprint(*h) }

func (h *hostLines) Set(s string) error {
	addr, name, ok := strings.Cut(s, "=")
	if _, err := netip.ParseAddr(addr); err != nil || !ok || name == "" || strings.ContainsAny(name, " \t\r\n#") {
		return fmt.Errorf("%q: want ADDR=NAME", s)
	}
	*h = append(*h, addr+" "+name)
	return nil
}

type prefixes []netip.Prefix

func (p *prefixes) String() string { return fmt.Sprint(*p) }

func (p *prefixes) Set(s string) error {
	v, err := netip.ParsePrefix(s)
	*p = append(*p, v)
	return err
}

// network makes the machine's network what the relay needs: addresses its own, names
// asked of the relay. It may be done again.
func network(args []string, _ io.Reader, _ io.Writer) error {
	var local prefixes
	var hosts hostLines
	f := flags("net")
	f.Var(&local, "local", "")
	f.Var(&hosts, "host", "")
	resolver := f.Bool("resolver", false, "")
	root := f.String("root", "/", "")
	if err := f.Parse(args); err != nil {
		return &codeError{ExitUsage, err}
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	for _, p := range local {
		if err := takeLocal(p); err != nil {
			return fmt.Errorf("take %v for the machine's own: %w", p, err)
		}
	}
	if *resolver {
		if err := put(filepath.Join(*root, "etc/resolv.conf"), []byte("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")); err != nil {
			return fmt.Errorf("have names asked of the relay: %w", err)
		}
	}
	return addHosts(filepath.Join(*root, "etc/hosts"), hosts)
}

// takeLocal makes a network the machine's own, as 127.0.0.0/8 is. What is one already
// is left alone: whoever runs this need not be allowed to change routes then.
func takeLocal(p netip.Prefix) error {
	sample := p.Addr().Next()
	if sample.IsLoopback() && p.Contains(documentation) {
		sample = documentation // ::1 of ::/0 is local without it
	}
	if isLocal(sample) {
		return nil
	}
	err := addLocalRoute(p)
	if p.Addr().Is6() && err != nil {
		return nil // a kernel without IPv6, whose addresses nobody can dial; or it is seen by what follows
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !isLocal(sample) {
		return errors.New("it is not, after the route was made")
	}
	return nil
}

// documentation is an address that nobody has (RFC 3849).
var documentation = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1})

// isLocal reports whether an address is this machine's. One of IPv4 can be listened at
// then. One of IPv6 that a route makes local can not, though [::] has it; what can be
// connected to is local, for there is no interface but lo.
func isLocal(addr netip.Addr) bool {
	var c io.Closer
	var err error
	if addr.Is6() {
		c, err = net.DialUDP("udp6", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 9)))
	} else {
		c, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	}
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// put replaces a file, unless it is so already.
func put(name string, data []byte) error {
	if is, err := os.ReadFile(name); err == nil && bytes.Equal(is, data) {
		return nil
	}
	// A link of another resolver's, which would write there again.
	if info, err := os.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return os.WriteFile(name, data, 0o644)
}

// addHosts adds lines to hosts(5) that are not there.
func addHosts(name string, lines []string) error {
	is, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := string(is)
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			text = strings.TrimSuffix(text, "\n") + "\n" + line + "\n"
		}
	}
	if text == string(is) {
		return nil
	}
	return os.WriteFile(name, []byte(strings.TrimPrefix(text, "\n")), 0o644)
}
