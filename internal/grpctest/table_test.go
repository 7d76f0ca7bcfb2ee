package grpctest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
)

// TestTable makes each call straight to a server and through the intercepting
// proxy. What comes of it must be the same.
func TestTable(t *testing.T) {
	for _, c := range calls {
		for _, plain := range []bool{false, true} {
			name := c.name
			if plain {
				name += ", without TLS"
			}
			t.Run(name, func(t *testing.T) {
				direct, proxied := newWay(t, false, plain).transcript(c), newWay(t, true, plain).transcript(c)
				for _, want := range c.want {
					if !strings.Contains(direct, want) {
						t.Errorf("without the proxy there is no %q in\n%s", want, direct)
					}
				}
				if proxied != direct {
					t.Errorf("with the proxy:\n%s\nwithout:\n%s", proxied, direct)
				}
			})
		}
	}
}

// way is one of the two ways to the server.
type way struct {
	*service
	t       *testing.T
	addr    string
	roots   *x509.CertPool
	plain   bool   // without TLS
	proxy   string // its address, or ""
	server  *grpc.Server
	clients []string
	mu      sync.Mutex
}

func (w *way) saw(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients = append(w.clients, fmt.Sprintf(format, args...))
}

func (w *way) transcript(c call) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c.drive(ctx, w)
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	return "the client saw\n" + strings.Join(w.clients, "\n") + "\nthe server saw\n" + strings.Join(w.lines, "\n") + "\n"
}

func newWay(t *testing.T, proxied, plain bool) *way {
	t.Helper()
	w := &way{t: t, plain: plain, service: &service{more: make(chan struct{})}}
	var leaves *mitm.Minter
	leaves, w.roots = newCA(t)
	creds := insecure.NewCredentials()
	if !plain {
		creds = credentials.NewTLS(leaves.TLSConfig(func(*tls.ClientHelloInfo) (string, error) { return "example.com", nil }))
	}
	w.server = grpc.NewServer(grpc.MaxRecvMsgSize(64<<20), grpc.Creds(creds))
	w.server.RegisterService(&description, w.service)
	l := listen(t)
	w.addr = l.Addr().String()
	go func() { _ = w.server.Serve(l) }()
	t.Cleanup(w.server.Stop)
	if proxied {
		w.startProxy()
	}
	return w
}

// startProxy has the clients go through a proxy, and trust it alone.
func (w *way) startProxy() {
	policy, err := proxy.NewPolicy(proxy.Deny, []proxy.Route{{Host: "example.com", Ports: []int{443}, Upstream: w.addr, Private: true}})
	if err != nil {
		w.t.Fatal(err)
	}
	upstreams := w.roots
	var leaves *mitm.Minter
	leaves, w.roots = newCA(w.t)
	s, err := proxy.New(context.Background(), proxy.Config{Policy: policy, RootCAs: upstreams}, proxy.Options{Leaves: leaves, Recorder: noJournal{}})
	if err != nil {
		w.t.Fatal(err)
	}
	l := listen(w.t)
	w.proxy = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, proxy.ListenOptions{Session: "test"}) }()
	w.t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			w.t.Errorf("the proxy: %v", err)
		}
	})
}

func newCA(t *testing.T) (*mitm.Minter, *x509.CertPool) {
	t.Helper()
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	return leaves, roots
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type noJournal struct{}

func (noJournal) Record(context.Context, *proxy.Event) error { return nil }

// dial makes the client of a call.
func (w *way) dial(options ...grpc.DialOption) *grpc.ClientConn {
	w.t.Helper()
	creds := insecure.NewCredentials()
	if !w.plain {
		creds = credentials.NewTLS(&tls.Config{RootCAs: w.roots})
	}
	options = append(options, grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(w.connect), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)), grpc.WithUserAgent("test"))
	c, err := grpc.NewClient("passthrough:///example.com:443", options...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

func (w *way) connect(ctx context.Context, authority string) (net.Conn, error) {
	addr := w.addr
	if w.proxy != "" {
		addr = w.proxy
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil || w.proxy == "" {
		return c, err
	}
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", authority, authority)
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil {
		c.Close()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		c.Close()
		return nil, errors.New(resp.Status)
	}
	return c, nil
}
