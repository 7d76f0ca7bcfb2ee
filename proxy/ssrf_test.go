package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// special has at least one address of every range that only private: true may
// reach.
var special = map[string]string{
	"127.0.0.1": "loopback", "127.255.0.3": "loopback", "::1": "loopback",
	"10.1.2.3": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private",
	"fc00::1": "ULA", "fd00:ec2::254": "ULA", "fec0::1": "site-local",
	"169.254.169.254": "metadata", "fe80::1": "link-local",
	"100.64.0.1": "carrier-grade NAT", "100.100.100.200": "carrier-grade NAT",
	"0.0.0.0": "0.0.0.0/8", "0.1.2.3": "0.0.0.0/8", "::": "unspecified",
	"192.0.0.8": "protocol assignment", "192.0.2.1": "documentation", "198.51.100.1": "documentation", "203.0.113.1": "documentation",
	"2001:db8::1": "documentation", "3fff::1": "documentation",
	"198.18.0.1": "benchmarking", "198.19.255.255": "benchmarking", "192.88.99.1": "6to4 relay",
	"224.0.0.1": "multicast", "239.1.2.3": "multicast", "ff02::1": "multicast", "240.0.0.1": "reserved", "255.255.255.255": "reserved",
	"::ffff:127.0.0.1": "loopback", "::ffff:10.0.0.1": "private", "::ffff:169.254.169.254": "metadata",
	"::127.0.0.1": "IPv4-compatible", "64:ff9b::7f00:1": "NAT64", "64:ff9b::a9fe:a9fe": "NAT64", "64:ff9b:1::a00:1": "NAT64",
	"2002:7f00:1::1": "6to4", "2001:0:7f00:1::": "Teredo", "100::1": "discard", "5f00::1": "segment routing",
}

func TestSpecialAddresses(t *testing.T) {
	covered := map[netip.Prefix]bool{}
	for text, want := range special {
		addr := netip.MustParseAddr(text)
		if got := specialAddress(addr); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		for _, r := range specialRanges {
			if r.prefix.Contains(addr.Unmap()) {
				covered[r.prefix] = true
			}
		}
	}
	for _, r := range specialRanges {
		if !covered[r.prefix] {
			t.Errorf("%v has no address in this test", r.prefix)
		}
	}
	for _, text := range []string{"1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "100.63.255.255",
		"100.128.0.0", "169.253.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "::ffff:1.1.1.1", "2003::1", "2a00::1"} {
		if got := specialAddress(netip.MustParseAddr(text)); got != "" {
			t.Errorf("%s is called %s", text, got)
		}
	}
}

// fakeDNS answers for the names in its table; a name with several answers gives
// one at each lookup, the last for ever.
type fakeDNS struct {
	mu    sync.Mutex
	names map[string][][]string
}

func (d *fakeDNS) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe() // a stream: messages have their length in front
		go d.serve(server)
		return client, nil
	}}
}

func (d *fakeDNS) serve(c net.Conn) {
	defer c.Close()
	for {
		var size uint16
		if binary.Read(c, binary.BigEndian, &size) != nil {
			return
		}
		msg := make([]byte, size)
		if _, err := io.ReadFull(c, msg); err != nil {
			return
		}
		answer, err := d.answer(msg)
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func (d *fakeDNS) answer(msg []byte) ([]byte, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	addrs, ok := d.lookup(strings.TrimSuffix(q.Name.String(), "."), q.Type)
	reply := dnsmessage.Header{ID: h.ID, Response: true, Authoritative: true, RecursionAvailable: true}
	if !ok {
		reply.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, reply)
	_ = b.StartQuestions()
	_ = b.Question(q)
	_ = b.StartAnswers()
	for _, text := range addrs {
		addr := netip.MustParseAddr(text)
		rh := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			_ = b.AResource(rh, dnsmessage.AResource{A: addr.As4()})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			_ = b.AAAAResource(rh, dnsmessage.AAAAResource{AAAA: addr.As16()})
		}
	}
	return b.Finish()
}

// lookup moves on to the next answer with each A question: every lookup has
// one.
func (d *fakeDNS) lookup(name string, typ dnsmessage.Type) ([]string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	answers, ok := d.names[name]
	if !ok {
		return nil, false
	}
	now := answers[0]
	if typ == dnsmessage.TypeA && len(answers) > 1 {
		d.names[name] = answers[1:]
	}
	return now, true
}

func withResolver(d *fakeDNS) rigOption {
	return func(_ *rig, o *Options, _ *ListenOptions) { o.Resolver = d.resolver() }
}

// haveIPv6 says whether this machine has such sockets; the guard runs when
// there is one.
func haveIPv6() bool {
	made := false
	d := net.Dialer{ControlContext: func(context.Context, string, string, syscall.RawConn) error {
		made = true
		return errors.New("that is all there is to know")
	}}
	c, err := d.Dial("tcp6", "[::1]:1")
	if err == nil {
		c.Close()
	}
	return made
}

func TestEverySpecialAddressIsRefusedAfterResolution(t *testing.T) {
	dns := &fakeDNS{names: map[string][][]string{}}
	names := map[string]string{}
	v6 := haveIPv6()
	for addr := range special {
		if !v6 && strings.Contains(addr, ":") {
			t.Logf("no IPv6 here: %s is only in the table test", addr)
			continue
		}
		name := fmt.Sprintf("n%d.example.com", len(names))
		names[name] = addr
		dns.names[name] = [][]string{{addr}}
	}
	r := newRig(t, http.NotFoundHandler(), Config{}, withResolver(dns))
	routes := []Route{{Host: "*.example.com", Ports: []int{80, 443}}}
	r.cfg.Policy = mustPolicy(t, Deny, routes...)
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	for name, addr := range names {
		for _, scheme := range []string{"https", "http"} {
			status, body := r.get(scheme + "://" + name + "/")
			d := denialIn(t, body)
			if status != 403 || d.Rule != "address-guard" || !strings.Contains(d.Message, special[addr]) || !strings.Contains(d.Message, "private: true") {
				t.Errorf("%s at %s: %d %q", scheme, addr, status, body)
			}
		}
	}
}

// TestWhatTheGuardRefusesIsADenialInTheJournal on every road: whoever looks for
// denials must find it, though the decision before it was to allow.
func TestWhatTheGuardRefusesIsADenialInTheJournal(t *testing.T) {
	dns := &fakeDNS{names: map[string][][]string{}}
	for _, name := range []string{"inside.example.com", "pass.example.com"} {
		dns.names[name] = [][]string{{"10.0.0.1"}}
	}
	r := newRig(t, http.NotFoundHandler(), Config{}, withResolver(dns))
	r.cfg.Policy = mustPolicy(t, Deny, Route{Host: "inside.example.com", Ports: []int{80, 443}}, Route{Host: "pass.example.com", TLS: Passthrough}, Route{Host: "10.0.0.1"},
		Route{Host: "self.example.com", Upstream: r.addr, Private: true})
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	get := func(url string) func() { return func() { r.get(url) } }
	const notPrivate = ", and no route says private: true for it. " + advice
	tests := []struct {
		name   string
		send   func()
		host   string
		path   string
		reason string
	}{
		{"intercepted", get("https://inside.example.com/a?b"), "inside.example.com", "/a?b", "inside.example.com leads to 10.0.0.1, which is a private address" + notPrivate},
		{"plain http", get("http://inside.example.com/a"), "inside.example.com", "/a", "inside.example.com leads to 10.0.0.1, which is a private address" + notPrivate},
		{"passthrough", func() { r.connect(r.dial(), "pass.example.com:443") }, "pass.example.com", "", "pass.example.com leads to 10.0.0.1, which is a private address" + notPrivate},
		{"an address", get("http://10.0.0.1/a"), "10.0.0.1", "/a", "10.0.0.1 is a private address" + notPrivate},
		{"the proxy itself", get("https://self.example.com/a"), "self.example.com", "/a", "self.example.com leads to " + r.addr + ", which is this proxy itself, and it opens no connections to itself. Do not retry."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.send()
			e := r.lastEnd()
			if e.Verdict != Deny || e.Rule != ruleGuard || e.Status != 403 || e.Host != tt.host || e.Path != tt.path || e.Method == "" || e.Reason != tt.reason {
				t.Errorf("end %+v", e)
			}
		})
	}
}

func TestAddressesInRequestsAreGuardedToo(t *testing.T) {
	r := newRig(t, http.NotFoundHandler(), Config{})
	for _, host := range []string{"127.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"} {
		r.cfg.Policy = mustPolicy(t, Deny, Route{Host: host})
		if err := r.server.Reload(context.Background(), r.cfg); err != nil {
			t.Fatal(err)
		}
		if status, body := r.get("http://" + host + "/"); status != 403 || denialIn(t, body).Rule != "address-guard" {
			t.Errorf("%s: %d %q", host, status, body)
		}
	}
}

func TestRebindingGainsNothing(t *testing.T) {
	var mu sync.Mutex
	accepted := 0
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			mu.Lock()
			accepted++
			mu.Unlock()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	dns := &fakeDNS{names: map[string][][]string{
		"rebind.example.com": {{"192.0.2.1"}, {"10.0.0.1"}, {"127.0.0.1"}},
	}}
	d := &dialer{resolver: dns.resolver()}
	for _, want := range []string{"192.0.2.1", "10.0.0.1", "127.0.0.1", "127.0.0.1"} {
		_, err := d.dialTCP(t.Context(), "rebind.example.com:"+port, false)
		var guard *guardError
		if !errors.As(err, &guard) || guard.addr != want {
			t.Errorf("the dial that resolves to %s: %v", want, err)
		}
	}
	c, err := d.dialTCP(t.Context(), "rebind.example.com:"+port, true)
	if err != nil {
		t.Fatalf("private: %v", err)
	}
	c.Close()
	mu.Lock()
	defer mu.Unlock()
	if accepted > 1 {
		t.Errorf("the listener was reached %d times", accepted)
	}
}

// TestOnlyCheckedAddressesAreTried has names with several addresses, of which the
// guard lets one: whichever is tried first, or both at once, only that is reached.
func TestOnlyCheckedAddressesAreTried(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, refused := range []string{"127.0.0.2", "::1"} {
		other, err := net.Listen("tcp", net.JoinHostPort(refused, port))
		if err == nil { // else nobody is there, as for the client
			defer other.Close()
			go func() {
				if c, err := other.Accept(); err == nil {
					c.Close()
					t.Errorf("%s was reached", refused)
				}
			}()
		}
		dns := &fakeDNS{names: map[string][][]string{
			"first.example.com": {{"127.0.0.1", refused}},
			"last.example.com":  {{refused, "127.0.0.1"}},
			"none.example.com":  {{refused}},
		}}
		d := &dialer{resolver: dns.resolver(), own: func(ap netip.AddrPort) bool { return ap.Addr().String() == refused }}
		for name, want := range map[string]string{"first.example.com": "127.0.0.1:" + port, "last.example.com": "127.0.0.1:" + port, "none.example.com": ""} {
			c, err := d.dialTCP(t.Context(), name+":"+port, true)
			if (err == nil) != (want != "") {
				t.Fatalf("%s with %s: %v", name, refused, err)
			}
			if err == nil {
				if got := c.RemoteAddr().String(); got != want {
					t.Errorf("%s leads to %s", name, got)
				}
				c.Close()
			}
		}
	}
}

func TestUpstreamOverrideIsGuardedByName(t *testing.T) {
	dns := &fakeDNS{names: map[string][][]string{"inner.example.com": {{"127.0.0.1"}}}}
	up := &upstreamLog{}
	r := newRig(t, up, Config{}, withResolver(dns))
	_, port, _ := net.SplitHostPort(r.upstream.Listener.Addr().String())
	for _, private := range []bool{false, true} {
		r.reroute(Route{Host: "example.com", Upstream: "inner.example.com:" + port, Private: private})
		status, body := r.get("https://example.com/")
		if !private && (status != 403 || denialIn(t, body).Rule != "address-guard") || private && (status != 200 || up.take()[0].host != "example.com") {
			t.Errorf("private %v: %d %q", private, status, body)
		}
	}
}

func TestTheProxyDoesNotTalkToItself(t *testing.T) {
	r := newRig(t, http.NotFoundHandler(), Config{})
	_, port, _ := net.SplitHostPort(r.addr)
	for _, target := range []string{r.addr, "0.0.0.0:" + port, "[::ffff:127.0.0.1]:" + port} {
		r.reroute(Route{Host: "example.com", Upstream: target, Private: true})
		if status, body := r.get("http://example.com/"); status != 403 || !strings.Contains(body, "this proxy itself") {
			t.Errorf("%s: %d %q", target, status, body)
		}
	}
}

func TestSameHost(t *testing.T) {
	own := "192.0.2.77" // of no interface
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
				own = n.IP.String()
			}
		}
	}
	tests := []struct {
		listener, dialled string
		want              bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "0.0.0.0", true},
		{"127.0.0.1", "127.0.0.2", false},
		{"0.0.0.0", "127.0.0.2", true},
		{"::", "::1", true},
		{"0.0.0.0", own, own != "192.0.2.77"},
		{"127.0.0.1", own, false},
		{"0.0.0.0", "192.0.2.78", false},
	}
	for _, tt := range tests {
		if got := sameHost(netip.MustParseAddr(tt.listener), netip.MustParseAddr(tt.dialled)); got != tt.want {
			t.Errorf("a listener on %s and a dial to %s: %v", tt.listener, tt.dialled, got)
		}
	}
}

func TestOnlyPrivateLiftsTheGuard(t *testing.T) {
	up := &upstreamLog{}
	dns := &fakeDNS{names: map[string][][]string{"a.example.com": {{"127.0.0.1"}}, "b.example.com": {{"127.0.0.1"}}}}
	r := newRig(t, up, Config{}, withResolver(dns))
	_, port, _ := net.SplitHostPort(plainUpstream(t, up))
	var n int
	fmt.Sscan(port, &n)
	r.cfg.Policy = mustPolicy(t, Deny, Route{Host: "a.example.com", Ports: []int{n}, Private: true}, Route{Host: "b.example.com", Ports: []int{n}})
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	// The first leaves a pooled connection that the second must not get.
	if status, body := r.get("http://a.example.com:" + port + "/"); status != 200 {
		t.Errorf("private: %d %q", status, body)
	}
	if status, body := r.get("http://b.example.com:" + port + "/"); status != 403 {
		t.Errorf("not private: %d %q", status, body)
	}
	// default: allow lifts nothing either.
	r.cfg.Policy = mustPolicy(t, Allow)
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	if status, body := r.get("http://a.example.com:" + port + "/"); status != 403 {
		t.Errorf("by default: %d %q", status, body)
	}
}
