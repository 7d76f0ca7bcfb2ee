package bottle

import (
	"net"
	"strings"
	"testing"
)

func TestReachedAt(t *testing.T) {
	addr := func(cidr string) net.Addr {
		ip, n, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		return &net.IPNet{IP: ip, Mask: n.Mask}
	}
	all := []net.Addr{addr("127.0.0.1/8"), addr("fe80::1/64"), addr("2001:db8::5/64"), addr("192.168.1.7/24"), addr("10.0.0.2/8")}
	for _, c := range []struct {
		listening string
		addrs     []net.Addr
		want      string
	}{
		{"127.0.0.1:80", all, "127.0.0.1:80"},
		{"192.168.1.7:80", all, "192.168.1.7:80"},
		{"0.0.0.0:80", all, "192.168.1.7:80"},
		{"[::]:80", all, "192.168.1.7:80"},
		{"[::]:80", all[:3], "[2001:db8::5]:80"},
		{"0.0.0.0:80", all[:3], "box:80"},
		{"[::]:80", nil, "box:80"},
	} {
		if got := reachedAt(c.listening, c.addrs, "box"); got != c.want {
			t.Errorf("%s: %s, want %s", c.listening, got, c.want)
		}
	}
}

func TestAStandaloneThatOthersReachSaysSo(t *testing.T) {
	for at, open := range map[string]bool{"127.0.0.1:0": false, ":0": true, "0.0.0.0:0": true} {
		p := newProject(t)
		m := p.trusted(noRoutes)
		s, warnings, err := NewStandalone(t.Context(), StandaloneOptions{Manifest: m, Trust: p.trust, Env: p.env, Listen: at})
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(strings.Join(warnings, "\n"), "others on the network"); s.Open() != open || warned != open {
			t.Errorf("%s: open %t, warnings %q", at, s.Open(), warnings)
		}
		if url := s.URL(); strings.Contains(url, "0.0.0.0") || strings.Contains(url, "[::]") {
			t.Errorf("%s: clients are told %s", at, url)
		}
		if err := s.Abandon(); err != nil {
			t.Error(err)
		}
	}
}
