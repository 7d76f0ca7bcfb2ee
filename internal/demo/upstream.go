package demo

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// The names of the demonstration are reserved (RFC 2606): they belong to nobody
// and resolve nowhere, so nothing can leave by accident.
const (
	apiHost    = "api.demo.example"
	vaultHost  = "vault.demo.example"
	deniedHost = "exfiltrate.demo.example"
)

// upstream is the internet of the demonstration: a TLS server in this process,
// with a CA of its own, that writes down what reaches it.
type upstream struct {
	addr string
	ca   *mitm.Authority
	srv  *http.Server

	mu   sync.Mutex
	seen []received
}

// received is one request as the server got it.
type received struct {
	Host, Method, Path string
	Authorization      string
	Body               string
}

// maxBody bounds what the server keeps of a request.
const maxBody = 64 << 10

func startUpstream() (*upstream, error) {
	ca, err := mitm.NewAuthority(mitm.Options{Name: "demo internet CA"})
	if err != nil {
		return nil, err
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the demo's server: %w", err)
	}
	u := &upstream{addr: l.Addr().String(), ca: ca}
	u.srv = &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	tl := tls.NewListener(l, leaves.TLSConfig(func(h *tls.ClientHelloInfo) (string, error) {
		if h.ServerName == "" {
			return "", errors.New("no server name")
		}
		return h.ServerName, nil
	}))
	go func() { _ = u.srv.Serve(tl) }() // ends with http.ErrServerClosed
	return u, nil
}

// ServeHTTP answers with what it got, as many real services do in error texts
// and debugging endpoints.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	got := received{Host: r.Host, Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization"), Body: string(body)}
	u.mu.Lock()
	u.seen = append(u.seen, got)
	u.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"host": r.Host, "you_sent": got.Authorization})
}

// requests returns what reached the server for one host.
func (u *upstream) requests(host string) []received {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []received
	for _, r := range u.seen {
		if r.Host == host {
			out = append(out, r)
		}
	}
	return out
}

func (u *upstream) close() error { return u.srv.Close() }
