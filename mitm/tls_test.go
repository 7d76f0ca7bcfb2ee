package mitm

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
)

// namedConn is a connection of a tunnel to host, from far away or not.
type namedConn struct {
	net.Conn
	host string
	far  bool
}

func (c *namedConn) RemoteAddr() net.Addr {
	if c.far {
		return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	}
	return c.Conn.RemoteAddr()
}

func tunnelName(hello *tls.ClientHelloInfo) (string, error) {
	if c, ok := hello.Conn.(*namedConn); ok && c.host != "" {
		return c.host, nil
	}
	return "", errors.New("no tunnel")
}

// handshake connects a client in a tunnel to host and exchanges a byte, so that
// the client gets its session ticket.
func handshake(t *testing.T, server *tls.Config, host string, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	return handshakeFrom(t, false, server, host, client)
}

func handshakeFrom(t *testing.T, far bool, server *tls.Config, host string, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	// Not net.Pipe: both ends may write at once, the one its alert.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer ours.Close()
		s := tls.Server(&namedConn{ours, host, far}, server)
		if s.Handshake() == nil {
			_, _ = s.Write([]byte{1})
			_, _ = io.Copy(io.Discard, s)
		}
	}()
	c := tls.Client(theirs, client)
	var b [1]byte
	err = c.Handshake()
	if err == nil {
		_, err = io.ReadFull(c, b[:])
	}
	state := c.ConnectionState()
	_ = theirs.Close()
	<-done
	return state, err
}

func testRoots(ca *Authority) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.Certificate())
	return p
}

func TestHandshake(t *testing.T) {
	ca := mustAuthority(t, Options{})
	server := mustMinter(t, ca, MinterOptions{}).TLSConfig(tunnelName)
	tests := []struct {
		name   string
		host   string
		client *tls.Config
		alpn   string
		fails  bool
	}{
		{name: "h2 where the client speaks it", host: "a.example", client: &tls.Config{ServerName: "a.example", NextProtos: []string{"h2", "http/1.1"}}, alpn: "h2"},
		{name: "http/1.1 where it does not", host: "a.example", client: &tls.Config{ServerName: "a.example", NextProtos: []string{"http/1.1"}}, alpn: "http/1.1"},
		{name: "a client without ALPN", host: "a.example", client: &tls.Config{ServerName: "a.example"}},
		{name: "TLS 1.2", host: "a.example", client: &tls.Config{ServerName: "a.example", MaxVersion: tls.VersionTLS12}},
		{name: "TLS 1.1 is refused", host: "a.example", client: &tls.Config{ServerName: "a.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, fails: true},
		{name: "an address", host: "192.0.2.1", client: &tls.Config{ServerName: "192.0.2.1"}},
		{name: "the name is the tunnel's, not the client's", host: "a.example", client: &tls.Config{ServerName: "b.example"}, fails: true},
		{name: "no tunnel, no certificate", client: &tls.Config{ServerName: "a.example"}, fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := test.client.Clone()
			client.RootCAs = testRoots(ca)
			state, err := handshake(t, server, test.host, client)
			if (err != nil) != test.fails {
				t.Fatalf("error %v", err)
			}
			if err == nil && state.NegotiatedProtocol != test.alpn {
				t.Errorf("ALPN %q, want %q", state.NegotiatedProtocol, test.alpn)
			}
		})
	}
}

func TestKeysAreAgreedOnAsTheWayToTheClientAsks(t *testing.T) {
	for _, test := range []struct {
		name   string
		far    bool
		offers []tls.CurveID
		want   tls.CurveID
	}{
		{"a client on this machine", false, nil, tls.X25519},
		{"a client on another", true, nil, tls.X25519MLKEM768},
		{"one on this machine with P-256 only", false, []tls.CurveID{tls.CurveP256}, tls.CurveP256},
		{"one on this machine that insists", false, []tls.CurveID{tls.X25519MLKEM768}, tls.X25519MLKEM768},
		{"one on this machine with P-521 only", false, []tls.CurveID{tls.CurveP521}, tls.CurveP521},
	} {
		t.Run(test.name, func(t *testing.T) {
			ca := mustAuthority(t, Options{})
			server := mustMinter(t, ca, MinterOptions{}).TLSConfig(tunnelName)
			state, err := handshakeFrom(t, test.far, server, "a.example", &tls.Config{RootCAs: testRoots(ca), ServerName: "a.example", CurvePreferences: test.offers})
			if err != nil || state.CurveID != test.want {
				t.Errorf("%v with %v, want %v", err, state.CurveID, test.want)
			}
		})
	}
}

func TestSessionsAreResumedForTheSameHostOnly(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			ca := mustAuthority(t, Options{})
			server := mustMinter(t, ca, MinterOptions{}).TLSConfig(tunnelName)
			// One cache for all hosts, under one key: a client that offers its
			// session of a.example anywhere.
			cache := oneSession{}
			client := func(host string) *tls.Config {
				return &tls.Config{RootCAs: testRoots(ca), ServerName: host, ClientSessionCache: &cache, MaxVersion: version}
			}
			resumed := func(host string) bool {
				state, err := handshake(t, server, host, client("a.example"))
				if err != nil && host == "a.example" {
					t.Fatal(err)
				}
				return err == nil && state.DidResume
			}
			if resumed("a.example") {
				t.Error("the first connection was resumed")
			}
			if !resumed("a.example") {
				t.Error("the second connection was not resumed")
			}
			if cache.session == nil {
				t.Fatal("no session to offer")
			}
			if resumed("b.example") {
				t.Error("a session of a.example was resumed in a tunnel to b.example")
			}
			if !resumed("a.example") {
				t.Error("the session is not good for a.example any more")
			}
		})
	}
}

// oneSession offers the last session to every server.
type oneSession struct{ session *tls.ClientSessionState }

func (c *oneSession) Get(string) (*tls.ClientSessionState, bool) {
	return c.session, c.session != nil
}

func (c *oneSession) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		c.session = s
	}
}
