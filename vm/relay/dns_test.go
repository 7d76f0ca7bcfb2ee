package relay

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// query packs a question; with edns, it says so.
func query(t testing.TB, name string, typ dnsmessage.Type, edns bool) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 0x1234, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}}}
	if edns {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(4096, 0, true); err != nil {
			t.Fatal(err)
		}
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: 10, Data: []byte("a cookie")}}}}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	typeSVCB  = dnsmessage.Type(64) // RFC 9460
	typeHTTPS = dnsmessage.Type(65)
)

func TestAnswers(t *testing.T) {
	long := strings.Repeat("a", 63) + "."
	for _, c := range []struct {
		name  string
		query string
		typ   dnsmessage.Type
		code  dnsmessage.RCode
		want  string // the address
	}{
		{"a name", "example.com.", dnsmessage.TypeA, 0, "198.18.0.1"},
		{"in other letters", "EXAMPLE.Com.", dnsmessage.TypeA, 0, "198.18.0.1"},
		{"one label", "db.", dnsmessage.TypeA, 0, "198.18.0.1"},
		{"an underscore", "_x.example.com.", dnsmessage.TypeA, 0, "198.18.0.1"},
		{"anything about it", "example.com.", dnsmessage.TypeALL, 0, "198.18.0.1"},
		{"IPv6", "example.com.", dnsmessage.TypeAAAA, 0, ""},
		{"HTTPS", "example.com.", typeHTTPS, 0, ""},
		{"SVCB", "_dns.example.com.", typeSVCB, 0, ""},
		{"text, which could carry an answer", "data.example.com.", dnsmessage.TypeTXT, 0, ""},
		{"a type that does not exist", "example.com.", dnsmessage.Type(65280), 0, ""},
		{"localhost", "localhost.", dnsmessage.TypeA, 0, "127.0.0.1"},
		{"below localhost", "app.localhost.", dnsmessage.TypeAAAA, 0, "::1"},
		{"the root", ".", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"a reverse lookup", "1.0.18.198.in-addr.arpa.", dnsmessage.TypePTR, dnsmessage.RCodeNameError, ""},
		{"an address", "192.0.2.1.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"an address in hex", "example.0x7f.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"a space", "ex ample.com.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"bytes that no host has", "ex\x00\xffample.com.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"a hyphen at an end", "-a.example.com.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"invalid", "a.invalid.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		{"onion", "a.onion.", dnsmessage.TypeAAAA, dnsmessage.RCodeNameError, ""},
		{"the longest name", long + long + long + strings.Repeat("b", 60) + ".", dnsmessage.TypeA, 0, "198.18.0.1"},
	} {
		for _, edns := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				table := newNames(4, nil)
				out := answer(query(t, c.query, c.typ, edns), func(n string) netip.Addr { return table.address(n).addr })
				if len(out) > 512 {
					t.Errorf("it has %d bytes", len(out))
				}
				var m dnsmessage.Message
				if err := m.Unpack(out); err != nil {
					t.Fatal(err)
				}
				if m.ID != 0x1234 || !m.Response || !m.RecursionAvailable || !m.RecursionDesired || m.RCode != c.code {
					t.Errorf("header %+v", m.Header)
				}
				if len(m.Questions) != 1 || m.Questions[0].Name.String() != c.query || len(m.Additionals) > 0 != edns {
					t.Errorf("questions %v, further %v", m.Questions, m.Additionals)
				}
				got := ""
				for _, a := range m.Answers {
					switch b := a.Body.(type) {
					case *dnsmessage.AResource:
						got += netip.AddrFrom4(b.A).String()
					case *dnsmessage.AAAAResource:
						got += netip.AddrFrom16(b.AAAA).String()
					}
					if a.Header.TTL == 0 || a.Header.Name.String() != c.query {
						t.Errorf("record %+v", a.Header)
					}
				}
				if got != c.want {
					t.Errorf("the address is %q, want %q", got, c.want)
				}
				if given := len(table.byName) > 0; given != strings.HasPrefix(c.want, "198.") {
					t.Errorf("an address was given out: %v", given)
				}
			})
		}
	}
}

func TestQueriesThatAreNone(t *testing.T) {
	good := query(t, "example.com.", dnsmessage.TypeA, false)
	edit := func(do func(*dnsmessage.Message)) []byte {
		var m dnsmessage.Message
		if err := m.Unpack(good); err != nil {
			t.Fatal(err)
		}
		do(&m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name  string
		query []byte
		code  dnsmessage.RCode
		none  bool
	}{
		{name: "nothing", none: true},
		{name: "half a header", query: good[:8], none: true},
		{name: "an answer, which would make a loop", query: edit(func(m *dnsmessage.Message) { m.Response = true }), none: true},
		{name: "cut off", query: good[:20], code: dnsmessage.RCodeFormatError},
		{name: "no question", query: edit(func(m *dnsmessage.Message) { m.Questions = nil }), code: dnsmessage.RCodeFormatError},
		{name: "two questions", query: edit(func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }), code: dnsmessage.RCodeFormatError},
		{name: "an update", query: edit(func(m *dnsmessage.Message) { m.OpCode = 5 }), code: dnsmessage.RCodeNotImplemented},
		{name: "another class", query: edit(func(m *dnsmessage.Message) { m.Questions[0].Class = dnsmessage.ClassCHAOS }), code: dnsmessage.RCodeRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := answer(c.query, func(string) netip.Addr { t.Error("an address was asked for"); return netip.Addr{} })
			if c.none != (out == nil) {
				t.Fatalf("answer %x", out)
			}
			if c.none {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(out); err != nil || m.RCode != c.code || m.ID != 0x1234 {
				t.Errorf("%+v, %v", m.Header, err)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(query(f, "example.com.", dnsmessage.TypeA, false))
	f.Add(query(f, "localhost.", dnsmessage.TypeAAAA, true))
	f.Add(query(f, "data.example.com.", typeHTTPS, true))
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01")) // a name that points at itself
	f.Fuzz(func(t *testing.T, q []byte) {
		table := newNames(2, nil)
		out := answer(q, func(n string) netip.Addr {
			if name, kind := hostName(n); kind != ordinary || name != n {
				t.Errorf("the address of %q was asked for", n)
			}
			return table.address(n).addr
		})
		if out == nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out[:2], q[:2]) || !m.Response || len(out) > 512 || len(m.Answers) > 1 {
			t.Errorf("answer %x", out)
		}
	})
}
