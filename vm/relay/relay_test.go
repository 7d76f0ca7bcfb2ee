package relay

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// patience is how long a test waits for what ought to happen at once.
const patience = 30 * time.Second

// world is a network in which every address is its own, and the proxy beside it.
type world struct {
	t     *testing.T
	relay *Relay
	// proxy serves what the relay has opened, once the CONNECT was read.
	proxy func(c net.Conn, authority string, captured bool)

	mu        sync.Mutex
	listeners map[netip.AddrPort]*listener
	packet    net.PacketConn
}

type listener struct {
	w     *world
	addr  netip.AddrPort
	conns chan net.Conn
	once  sync.Once
	gone  chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.gone)
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		delete(l.w.listeners, l.addr)
	})
	return nil
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// local is a connection that was opened to an address.
type local struct {
	*net.TCPConn
	addr netip.AddrPort
}

func (c local) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.addr) }

func (w *world) ListenAt(_ context.Context, addr netip.AddrPort) (net.Listener, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listeners[addr] != nil {
		return nil, errors.New("address in use")
	}
	l := &listener{w: w, addr: addr, conns: make(chan net.Conn), gone: make(chan struct{})}
	w.listeners[addr] = l
	return l, nil
}

func (w *world) ListenPacket(context.Context, netip.AddrPort) (net.PacketConn, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	w.packet = conn
	return conn, err
}

// pair is a TCP connection.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// dial connects to an address in the network, as a program does.
func (w *world) dial(to string) (*net.TCPConn, error) {
	w.t.Helper()
	addr := netip.MustParseAddrPort(to)
	w.mu.Lock()
	l := w.listeners[addr]
	if l == nil {
		l = w.listeners[netip.AddrPortFrom(netip.IPv6Unspecified(), addr.Port())]
	}
	w.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	c, s := pair(w.t)
	if addr.Addr().Is4() { // as a dual-stack listener shows it
		addr = netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())
	}
	select {
	case l.conns <- local{s, addr}:
	case <-l.gone:
		return nil, errors.New("connection refused")
	}
	return c, nil
}

func (w *world) mustDial(to string) *net.TCPConn {
	w.t.Helper()
	c, err := w.dial(to)
	if err != nil {
		w.t.Fatalf("dial %s: %v", to, err)
	}
	return c
}

// connectProxy is the relay's way to the proxy.
func (w *world) connectProxy(context.Context) (net.Conn, error) {
	c, s := pair(w.t)
	go func() {
		defer s.Close()
		r := bufio.NewReader(s)
		var authority string
		captured := false
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimSpace(line)
			switch {
			case line == "":
				w.proxy(s, authority, captured)
				return
			case authority == "":
				authority = strings.Fields(line)[1]
			case line == CapturedHeader+": 1":
				captured = true
			}
		}
	}()
	_ = c.SetDeadline(time.Time{})
	return c, nil
}

func newWorld(t *testing.T, opt Options, proxy func(net.Conn, string, bool)) *world {
	t.Helper()
	w := &world{t: t, proxy: proxy, listeners: map[netip.AddrPort]*listener{}}
	opt.Network, opt.Dial = w, w.connectProxy
	var err error
	if w.relay, err = Start(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.relay.Close)
	return w
}

// lookUp asks for the address of a name over UDP.
func (w *world) lookUp(name string) string {
	w.t.Helper()
	c, err := net.Dial("udp", w.packet.LocalAddr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(query(w.t, name+".", dnsmessage.TypeA, true)); err != nil {
		w.t.Fatal(err)
	}
	buf := make([]byte, maxUDP)
	n, err := c.Read(buf)
	if err != nil {
		w.t.Fatal(err)
	}
	return addressIn(w.t, buf[:n])
}

func addressIn(t *testing.T, b []byte) string {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	if len(m.Answers) == 0 {
		return m.RCode.String()
	}
	return netip.AddrFrom4(m.Answers[0].Body.(*dnsmessage.AResource).A).String()
}

// tell says what the proxy was asked for, and ends.
func tell(c net.Conn, authority string, captured bool) {
	fmt.Fprintf(c, "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n%s %v", authority, captured)
}

func read(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAConnectionBecomesAConnectToItsName(t *testing.T) {
	w := newWorld(t, Options{Capture: true}, tell)
	a := w.lookUp("Example.COM")
	for to, want := range map[string]string{
		a + ":443":              "example.com:443 true",
		a + ":80":               "example.com:80 true",
		"198.18.7.7:443":        "198.18.7.7:443 true",
		"169.254.169.254:80":    "169.254.169.254:80 true",
		"[2001:db8::1]:443":     "[2001:db8::1]:443 true",
		"[::ffff:192.0.2.1]:80": "192.0.2.1:80 true",
	} {
		if got := read(t, w.mustDial(to)); got != want {
			t.Errorf("%s became %q, want %q", to, got, want)
		}
	}
	for _, to := range []string{a + ":8443", "192.0.2.1:22"} {
		if _, err := w.dial(to); err == nil {
			t.Errorf("something listens at %s", to)
		}
	}
}

func TestTheMachineItselfIsNotCaptured(t *testing.T) {
	w := newWorld(t, Options{Capture: true}, func(_ net.Conn, authority string, _ bool) { t.Errorf("the proxy was asked for %s", authority) })
	for _, to := range []string{"127.0.0.1:443", "127.8.0.1:80", "[::1]:443"} {
		if b, err := io.ReadAll(w.mustDial(to)); err == nil || len(b) > 0 {
			t.Errorf("%s: %q and a good end", to, b)
		}
	}
}

func TestARefusalOfTheProxyReachesTheProgram(t *testing.T) {
	const refusal = "HTTP/1.1 503 too many\r\nContent-Length: 4\r\n\r\nfull"
	w := newWorld(t, Options{Capture: true}, func(c net.Conn, _ string, _ bool) { io.WriteString(c, refusal) })
	if got := read(t, w.mustDial("192.0.2.1:80")); got != refusal {
		t.Errorf("got %q", got)
	}
}

func TestTheProxyBreaksOff(t *testing.T) {
	for name, proxy := range map[string]func(net.Conn, string, bool){
		"without an answer":   func(net.Conn, string, bool) {},
		"in its answer":       func(c net.Conn, _ string, _ bool) { io.WriteString(c, "HTTP/1.1 200") },
		"with an endless one": func(c net.Conn, _ string, _ bool) { _, _ = io.WriteString(c, strings.Repeat("x", 2*maxHead)) },
		"later": func(c net.Conn, _ string, _ bool) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nsome")
			_, _ = io.ReadFull(c, make([]byte, 1))
			_ = c.(*net.TCPConn).SetLinger(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{Capture: true}, proxy)
			c := w.mustDial("192.0.2.1:443")
			_, sent := io.WriteString(c, "x") // a reset is told of once: here, or by the read
			if b, err := io.ReadAll(c); err == nil && sent == nil {
				t.Errorf("%q and a good end", b)
			}
		})
	}
}

// TestASilentProxy: a proxy that never answers is given up, and the program sees that.
func TestASilentProxy(t *testing.T) {
	_, silent := pair(t)
	w := &world{t: t, listeners: map[netip.AddrPort]*listener{}}
	r, err := Start(t.Context(), Options{Network: w, Dial: func(context.Context) (net.Conn, error) { return silent, nil },
		Services: []Service{{Name: "db", Addr: poolAddr(0), Ports: []int{5432}}}, Answer: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := w.mustDial("198.18.0.1:5432")
	if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestHalfCloses(t *testing.T) {
	w := newWorld(t, Options{Capture: true}, func(c net.Conn, _ string, _ bool) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		b, _ := io.ReadAll(c)
		fmt.Fprintf(c, "you sent %d", len(b))
	})
	c := w.mustDial("192.0.2.1:443")
	const size = 3 << 20
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); got != fmt.Sprintf("you sent %d", size) {
		t.Errorf("got %q", got)
	}
}

func TestFurtherPortsAreOpenAtTheNamesAddressOnly(t *testing.T) {
	var ports atomic.Pointer[map[string][]int]
	ports.Store(&map[string][]int{"db.test": {5432, 443}, "git.test": {22, 5432}})
	w := newWorld(t, Options{Capture: true, Ports: func(host string) []int { return (*ports.Load())[host] }}, tell)
	db, git, other := w.lookUp("db.test"), w.lookUp("git.test"), w.lookUp("other.test")
	for to, want := range map[string]string{db + ":5432": "db.test:5432 true", git + ":22": "git.test:22 true", git + ":5432": "git.test:5432 true", db + ":443": "db.test:443 true"} {
		if got := read(t, w.mustDial(to)); got != want {
			t.Errorf("%s became %q, want %q", to, got, want)
		}
	}
	for _, to := range []string{other + ":5432", db + ":22", "127.0.0.1:5432"} {
		if _, err := w.dial(to); err == nil {
			t.Errorf("something listens at %s", to)
		}
	}
	ports.Store(&map[string][]int{"other.test": {6000}})
	w.lookUp("other.test") // once more, when the policy has changed
	if got := read(t, w.mustDial(other+":6000")); got != "other.test:6000 true" {
		t.Errorf("got %q", got)
	}
}

func TestPortsOfANameThatIsForgottenAreClosed(t *testing.T) {
	w := newWorld(t, Options{Capture: true, Ports: func(string) []int { return []int{5432} }}, tell)
	w.relay.table.mu.Lock()
	w.relay.table.max = 2
	w.relay.table.mu.Unlock()
	a := w.lookUp("a.test")
	w.lookUp("b.test")
	w.mustDial(a + ":5432")
	w.lookUp("c.test")
	if _, err := w.dial(a + ":5432"); err == nil {
		t.Error("it is open still")
	}
	if got := read(t, w.mustDial(a+":443")); got != a+":443 true" {
		t.Errorf("the address is still %s", got)
	}
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	if w.relay.open != 2 || len(w.relay.further) != 2 {
		t.Errorf("%d ports of %d names are open", w.relay.open, len(w.relay.further))
	}
}

func TestPortsAreBounded(t *testing.T) {
	var many []int
	for p := range 2 * maxEach {
		many = append(many, 1000+p)
	}
	w := newWorld(t, Options{Capture: true, Ports: func(string) []int { return many }}, tell)
	for i := range maxFurther/maxEach + 4 {
		w.lookUp(fmt.Sprint("n", i, ".test"))
	}
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	if w.relay.open != maxFurther {
		t.Errorf("%d ports are open", w.relay.open)
	}
}

func TestServicesWithoutCapture(t *testing.T) {
	a := Addresses(2)
	w := newWorld(t, Options{Services: []Service{{"db", a[0], []int{5432}}, {"web", a[1], []int{80, 8080}}}}, tell)
	for to, want := range map[string]string{a[0].String() + ":5432": "db:5432 true", a[1].String() + ":80": "web:80 true", a[1].String() + ":8080": "web:8080 true"} {
		if got := read(t, w.mustDial(to)); got != want {
			t.Errorf("%s became %q, want %q", to, got, want)
		}
	}
	if _, err := w.dial("192.0.2.1:443"); err == nil || w.packet != nil {
		t.Error("more than the services was taken")
	}
}

func TestServicesAndCapture(t *testing.T) {
	a := Addresses(1)
	w := newWorld(t, Options{Capture: true, Services: []Service{{"db", a[0], []int{5432, 80}}}}, tell)
	if got := w.lookUp("db"); got != a[0].String() {
		t.Errorf("db has the address %s", got)
	}
	if got := w.lookUp("first.test"); got == a[0].String() {
		t.Error("another name has the same")
	}
	for _, port := range []string{"5432", "80"} {
		if got := read(t, w.mustDial(a[0].String()+":"+port)); got != "db:"+port+" true" {
			t.Errorf("got %q", got)
		}
	}
}

func TestDNSOverTCP(t *testing.T) {
	w := newWorld(t, Options{Capture: true}, tell)
	c := w.mustDial("127.0.0.1:53")
	for i, name := range []string{"a.test", "b.test", "a.test"} {
		q := query(t, name+".", dnsmessage.TypeA, false)
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)); err != nil {
			t.Fatal(err)
		}
		var size uint16
		if err := binary.Read(c, binary.BigEndian, &size); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		if got, want := addressIn(t, b), w.lookUp(name); got != want {
			t.Errorf("query %d: %s over TCP, %s over UDP", i, got, want)
		}
	}
	if _, err := c.Write([]byte{0xff, 0xff, 0}); err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(c); len(b) > 0 {
		t.Errorf("a query of 65,535 bytes was answered by %x", b)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	entered := make(chan struct{})
	w := newWorld(t, Options{Capture: true, Ports: func(string) []int { return []int{22} }}, func(c net.Conn, _ string, _ bool) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		close(entered)
		_, _ = io.ReadAll(c)
	})
	w.lookUp("a.test")
	c := w.mustDial("192.0.2.1:443")
	<-entered
	w.relay.Close()
	w.relay.Close()
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the connection ended well")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.listeners) > 0 {
		t.Errorf("%d listeners stay", len(w.listeners))
	}
}

func TestStartFails(t *testing.T) {
	w := &world{t: t, listeners: map[netip.AddrPort]*listener{}}
	if _, err := w.ListenAt(t.Context(), dnsAddr); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Network: w, Dial: w.connectProxy, Capture: true}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v", err)
	}
	if _, err := Start(t.Context(), Options{}); err == nil {
		t.Error("no network was accepted")
	}
}
