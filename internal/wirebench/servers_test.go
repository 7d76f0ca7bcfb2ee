package wirebench

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/elazarl/goproxy"
)

// roles are the programs that a process can be.
var roles = map[string]func(setup) (where, func() error, error){
	"direct":  upstream,
	"splice":  splice,
	"reverse": reverseProxy,
	"goproxy": stockGoproxy,
	"bottle":  func(s setup) (where, func() error, error) { return bottleProxy(s, "") },
	"off":     func(s setup) (where, func() error, error) { return bottleProxy(s, "dlp: {action: off}\n") },
}

var quiet = log.New(io.Discard, "", 0)

// upstream is the server that everything leads to.
func upstream(s setup) (where, func() error, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/messages", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, smallAnswer)
	})
	mux.HandleFunc("/up", func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 64<<10)
		n, _ := io.CopyBuffer(io.Discard, struct{ io.Reader }{r.Body}, buf)
		fmt.Fprint(w, n)
	})
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		for block := text(); n > 0; n -= int64(len(block)) {
			if _, err := w.Write(block[:min(n, int64(len(block)))]); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/late", lateBody)
	return serveTLS(s, mux, true)
}

// events sends events with the times of their sending.
func events(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for tick := time.NewTicker(2 * time.Millisecond); n > 0; n-- {
		<-tick.C
		fmt.Fprintf(w, "data: %d\n\n", time.Now().UnixNano())
		if rc.Flush() != nil {
			return
		}
	}
}

// lateBody sends a head at once and the body when the client may have seen that.
func lateBody(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "2")
	w.Header().Set("X-Sent", strconv.FormatInt(time.Now().UnixNano(), 10))
	_ = http.NewResponseController(w).Flush()
	time.Sleep(10 * time.Millisecond)
	_, _ = io.WriteString(w, "ok")
}

func serveTLS(s setup, h http.Handler, h2 bool) (where, func() error, error) {
	cert, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return where{}, nil, err
	}
	l, err := listenLoopback()
	if err != nil {
		return where{}, nil, err
	}
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(h2)
	srv := &http.Server{Handler: h, ErrorLog: quiet, Protocols: p, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 250},
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}}
	go func() { _ = srv.ServeTLS(l, "", "") }()
	return where{Addr: l.Addr().String()}, srv.Close, nil
}

// reverseProxy is httputil's as its documentation has it, with enough idle
// connections. It speaks to the upstream what its client speaks.
func reverseProxy(s setup) (where, func() error, error) {
	roots, err := readRoots(s.CA)
	if err != nil {
		return where{}, nil, err
	}
	handler := func(h2 bool) http.Handler {
		p := new(http.Protocols)
		p.SetHTTP1(!h2)
		p.SetHTTP2(h2)
		return &httputil.ReverseProxy{
			ErrorLog: quiet,
			Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "https", Host: apiHost}) },
			Transport: &http.Transport{Protocols: p, TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true,
				MaxIdleConnsPerHost: 256, DialContext: dialTo(s.Upstream)},
		}
	}
	w, stop, err := serveTLS(s, handler(false), false)
	if err != nil {
		return where{}, nil, err
	}
	w2, stop2, err := serveTLS(s, handler(true), true)
	w.AddrH2 = w2.Addr
	return w, func() error { return errors.Join(stop(), stop2()) }, err
}

func dialTo(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

func readRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate", file)
	}
	return roots, nil
}

// stockGoproxy intercepts everything. But for where it dials, and whom it
// trusts, all is as it comes.
func stockGoproxy(s setup) (where, func() error, error) {
	roots, err := readRoots(s.CA)
	if err != nil {
		return where{}, nil, err
	}
	p := goproxy.NewProxyHttpServer()
	p.Logger = quiet
	p.OnRequest().HandleConnect(goproxy.AlwaysMitm)
	p.Tr = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: dialTo(s.Upstream)}
	l, err := listenLoopback()
	if err != nil {
		return where{}, nil, err
	}
	srv := &http.Server{Handler: p, ErrorLog: quiet}
	go func() { _ = srv.Serve(l) }()
	return where{Addr: l.Addr().String()}, srv.Close, nil
}

// splice takes CONNECT and copies, as the kernel can.
func splice(s setup) (where, func() error, error) {
	l, err := listenLoopback()
	if err != nil {
		return where{}, nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go spliceOne(c, s.Upstream)
		}
	}()
	return where{Addr: l.Addr().String()}, l.Close, nil
}

func spliceOne(c net.Conn, addr string) {
	defer c.Close()
	br := bufio.NewReaderSize(c, 4<<10)
	if _, err := http.ReadRequest(br); err != nil || br.Buffered() > 0 {
		return
	}
	up, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer up.Close()
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(up, c)
		_ = up.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(c, up)
}
