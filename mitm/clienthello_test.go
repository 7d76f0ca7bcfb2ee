package mitm

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/cryptobyte"
)

// helloOf is the first flight of crypto/tls with a configuration.
func helloOf(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	var sent bytes.Buffer
	_ = tls.Client(&scriptedConn{w: &sent}, config).Handshake() // nobody answers
	if sent.Len() == 0 {
		t.Fatal("crypto/tls sent nothing")
	}
	return sent.Bytes()
}

// scriptedConn reads from r, which may be nil, and writes to w, which may too.
type scriptedConn struct {
	net.Conn
	r io.Reader
	w io.Writer
}

func (c *scriptedConn) Read(p []byte) (int, error) {
	if c.r == nil {
		return 0, io.EOF
	}
	return c.r.Read(p)
}

func (c *scriptedConn) Write(p []byte) (int, error) {
	if c.w == nil {
		return len(p), nil
	}
	return c.w.Write(p)
}

func (c *scriptedConn) Close() error { return nil }

// echConfigList is what a server would publish for Encrypted ClientHello.
func echConfigList(t testing.TB, public string) []byte {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(0xfe0d)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint8(1)       // config id
			b.AddUint16(0x0020) // DHKEM(X25519, HKDF-SHA256)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(key.PublicKey().Bytes()) })
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(1); b.AddUint16(1) }) // HKDF-SHA256, AES-128-GCM
			b.AddUint8(0)                                                                             // maximum name length
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(public)) })
			b.AddUint16(0)
		})
	})
	return b.BytesOrPanic()
}

func TestReadClientHello(t *testing.T) {
	tests := []struct {
		name   string
		config tls.Config
		want   ClientHello
	}{
		{name: "a usual one", config: tls.Config{ServerName: "api.example.com", NextProtos: []string{"h2", "http/1.1"}},
			want: ClientHello{ServerName: "api.example.com", ALPN: []string{"h2", "http/1.1"}}},
		{name: "upper case", config: tls.Config{ServerName: "API.Example.COM"}, want: ClientHello{ServerName: "api.example.com", SentName: "API.Example.COM"}},
		{name: "punycode", config: tls.Config{ServerName: "xn--mnchen-3ya.example"}, want: ClientHello{ServerName: "xn--mnchen-3ya.example"}},
		{name: "an underscore", config: tls.Config{ServerName: "a_b.example"}, want: ClientHello{ServerName: "a_b.example"}},
		{name: "an address, for which there is no SNI", config: tls.Config{ServerName: "192.0.2.1"}, want: ClientHello{}},
		{name: "TLS 1.2", config: tls.Config{ServerName: "a.example", MaxVersion: tls.VersionTLS12}, want: ClientHello{ServerName: "a.example"}},
		{name: "without post-quantum key shares", config: tls.Config{ServerName: "a.example", CurvePreferences: []tls.CurveID{tls.X25519}}, want: ClientHello{ServerName: "a.example"}},
		{name: "encrypted: the outer name", config: tls.Config{ServerName: "hidden.example", MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: echConfigList(t, "public.example")},
			want: ClientHello{ServerName: "public.example", ECH: true}},
	}
	for i := range tests {
		test := &tests[i]
		t.Run(test.name, func(t *testing.T) {
			test.config.InsecureSkipVerify = test.config.ServerName == ""
			raw := helloOf(t, &test.config)
			follows := []byte("what follows")
			r := bytes.NewReader(append(slices.Clone(raw), follows...))
			got, err := ReadClientHello(iotest.OneByteReader(r))
			if err != nil {
				t.Fatal(err)
			}
			if test.want.SentName == "" {
				test.want.SentName = test.want.ServerName
			}
			if got.ServerName != test.want.ServerName || got.SentName != test.want.SentName || !slices.Equal(got.ALPN, test.want.ALPN) || got.ECH != test.want.ECH {
				t.Errorf("got %q %q %v, want %+v", got.ServerName, got.ALPN, got.ECH, test.want)
			}
			if !bytes.Equal(got.Raw, raw) || r.Len() != len(follows) {
				t.Errorf("%d bytes read, the hello has %d", len(got.Raw), len(raw))
			}
		})
	}
}

// records puts a handshake message into records of at most n bytes.
func records(msg []byte, n int) (out []byte) {
	for fragment := range slices.Chunk(msg, n) {
		out = append(out, 0x16, 3, 1)
		out = binary.BigEndian.AppendUint16(out, uint16(len(fragment)))
		out = append(out, fragment...)
	}
	return out
}

func TestAHelloInManyRecords(t *testing.T) {
	msg := helloOf(t, &tls.Config{ServerName: "a.example", NextProtos: []string{"h2"}})[5:]
	for _, n := range []int{len(msg)/maxHelloRecords + 1, 100, 500, len(msg) - 1, len(msg)} {
		raw := records(msg, n)
		got, err := ReadClientHello(bytes.NewReader(raw))
		if err != nil || got.ServerName != "a.example" || !bytes.Equal(got.Raw, raw) {
			t.Errorf("records of %d: %+v, %v", n, got, err)
		}
	}
	if _, err := ReadClientHello(bytes.NewReader(records(msg, len(msg)/(maxHelloRecords+1)-1))); err == nil || !strings.Contains(err.Error(), "records") {
		t.Errorf("too many records: %v", err)
	}
}

// hello builds a message with extensions, given as type and data.
func hello(extensions ...any) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(1)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(0x0303)
		b.AddBytes(make([]byte, 32))
		b.AddUint8(0)
		b.AddUint16(2)
		b.AddUint16(0x1301)
		b.AddUint16(0x0100)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for i := 0; i < len(extensions); i += 2 {
				b.AddUint16(uint16(extensions[i].(int)))
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(extensions[i+1].([]byte)) })
			}
		})
	})
	return b.BytesOrPanic()
}

func sni(names ...string) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, n := range names {
			b.AddUint8(0)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(n)) })
		}
	})
	return b.BytesOrPanic()
}

func TestReadClientHelloRefuses(t *testing.T) {
	const whole = 1 << 14
	good := records(hello(0, sni("a.example")), whole)
	if _, err := ReadClientHello(bytes.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	noExtensions := append([]byte{1, 0, 0, 41, 3, 3}, append(make([]byte, 33), 0, 2, 0x13, 1, 1, 0)...)
	if h, err := ReadClientHello(bytes.NewReader(records(noExtensions, whole))); err != nil || h.ServerName != "" {
		t.Fatalf("a hello without extensions: %v", err)
	}
	tests := []struct {
		name string
		in   []byte
		want string // in the error; "" is ErrNotTLS
	}{
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), ""},
		{"SSH", []byte("SSH-2.0-x\r\n"), ""},
		{"one byte of something else", []byte{0x80}, ""},
		{"an alert", []byte{0x15, 3, 1, 0, 2, 2, 40}, ""},
		{"SSL 2", []byte{0x16, 2, 0, 0, 1, 1}, ""},
		{"an empty record", []byte{0x16, 3, 1, 0, 0}, ""},
		{"a record that is too long", []byte{0x16, 3, 1, 0x40, 1}, ""},
		{"a ServerHello", records([]byte{2, 0, 0, 1, 0}, whole), ""},
		{"an alert between two records", append(records(hello(0, sni("a.example")), whole)[:0:0], append(records(hello(0, sni("a.example"))[:20], whole), 0x15, 3, 1, 0, 2, 2, 40)...), ""},
		{"nothing", nil, "EOF"},
		{"half a record", good[:len(good)-1], "cut off"},
		{"half a head", good[:3], "cut off"},
		{"a message that is too long", records([]byte{1, 1, 0, 1}, whole), "longer than 64 KiB"},
		{"a message behind it", records(append(hello(0, sni("a.example")), 1, 0, 0, 0), whole), "follows"},
		{"a fixed part that is cut off", records([]byte{1, 0, 0, 3, 3, 3, 0}, whole), "fixed part"},
		{"bytes behind the extensions", records(append([]byte{1, 0, 0, 44}, append(noExtensions[4:len(noExtensions):len(noExtensions)], 0, 0, 0)...), whole), "extensions"},
		{"two server names", records(hello(0, sni("a.example", "b.example")), whole), "one host name"},
		{"no server name in the extension", records(hello(0, sni()), whole), "one host name"},
		{"the extension twice", records(hello(0, sni("a.example"), 0, sni("b.example")), whole), "comes twice"},
		{"any extension twice", records(hello(43, []byte{2, 3, 4}, 43, []byte{2, 3, 4}), whole), "comes twice"},
		{"an empty name", records(hello(0, sni("")), whole), "server name"},
		{"a final dot", records(hello(0, sni("a.example.")), whole), "server name"},
		{"a NUL in the name", records(hello(0, sni("a.example\x00.evil.example")), whole), "server name"},
		{"a name beyond ASCII", records(hello(0, sni("münchen.example")), whole), "server name"},
		{"bytes behind the name", records(hello(0, append(sni("a.example"), 0)), whole), "one host name"},
		{"a name of another type", records(hello(0, []byte{0, 5, 1, 0, 2, 'a', 'b'}), whole), "one host name"},
		{"an empty protocol", records(hello(16, []byte{0, 1, 0}), whole), "ALPN"},
		{"no protocols", records(hello(16, []byte{0, 0}), whole), "ALPN"},
		{"an inner hello on the wire", records(hello(0xfe0d, []byte{1}), whole), "outer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h, err := ReadClientHello(bytes.NewReader(test.in))
			switch {
			case err == nil:
				t.Fatalf("accepted: %+v", h)
			case test.want == "" && !errors.Is(err, ErrNotTLS):
				t.Errorf("got %v, want ErrNotTLS", err)
			case test.want != "" && (errors.Is(err, ErrNotTLS) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q in it", err, test.want)
			}
			if h == nil || !bytes.HasPrefix(test.in, h.Raw) {
				t.Errorf("Raw is not what was read: %+v", h)
			}
		})
	}
}

func TestNotTLSIsKnownFromTheFirstByte(t *testing.T) {
	r := strings.NewReader("SSH-2.0-x")
	if h, err := ReadClientHello(r); !errors.Is(err, ErrNotTLS) || string(h.Raw) != "S" || r.Len() != 8 {
		t.Errorf("%+v, %v, %d bytes left", h, err, r.Len())
	}
}

// FuzzClientHello compares with crypto/tls: what both read must be the same, or
// a check of the name could be got round.
func FuzzClientHello(f *testing.F) {
	for _, config := range []*tls.Config{
		{ServerName: "api.example.com", NextProtos: []string{"h2", "http/1.1"}},
		{ServerName: "a.example", MaxVersion: tls.VersionTLS12},
		{ServerName: "192.0.2.1", CurvePreferences: []tls.CurveID{tls.X25519}},
	} {
		raw := helloOf(f, config)
		f.Add(raw)
		f.Add(records(raw[5:], 90))
	}
	f.Add(records(hello(0, sni("A.example"), 16, []byte{0, 3, 2, 'h', '2'}), 1<<14))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := ReadClientHello(bytes.NewReader(in))
		if !bytes.HasPrefix(in, got.Raw) || len(got.Raw) > maxClientHello+maxHelloRecords*5+1<<14 {
			t.Fatalf("Raw has %d bytes of %d, and is not their beginning", len(got.Raw), len(in))
		}
		if err != nil {
			return
		}
		if name := got.ServerName; name != strings.ToLower(name) || strings.HasSuffix(name, ".") {
			t.Fatalf("the name %q is not canonical", name)
		}
		var theirs *tls.ClientHelloInfo
		stop := errors.New("seen")
		_ = tls.Server(&scriptedConn{r: bytes.NewReader(got.Raw)}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			theirs = h
			return nil, stop
		}}).Handshake()
		if theirs == nil {
			return // crypto/tls is stricter about other extensions
		}
		if strings.ToLower(theirs.ServerName) != got.ServerName || !slices.Equal(theirs.SupportedProtos, got.ALPN) {
			t.Fatalf("read as %q %q, by crypto/tls as %q %q", got.ServerName, got.ALPN, theirs.ServerName, theirs.SupportedProtos)
		}
	})
}
