package wirebench

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/elazarl/goproxy"

	"github.com/bot-bottle/bottle/vm/relay"
)

// way is one way to the upstream.
type way struct {
	*process
	connect bool // it wants a CONNECT
	roots   *x509.CertPool
	auth    string // for CONNECT, and what else stands there
	token   string // what an agent would send as its credential
}

// newWay starts a server and makes its client.
func (b *bench) newWay(role string) *way {
	b.t.Helper()
	w := &way{process: start(b.t, role, b.setup), connect: role != "direct" && role != "reverse"}
	var err error
	if w.roots, err = readRoots(b.setup.CA); err != nil {
		b.t.Fatal(err)
	}
	w.token = "acme-" + "00Jq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa"
	switch role {
	case "goproxy":
		w.roots.AddCert(goproxy.GoproxyCa.Leaf)
	case "bottle", "before", "off":
		ours, err := readRoots(w.at.Vars["SSL_CERT_FILE"])
		if err != nil {
			b.t.Fatal(err)
		}
		w.roots, w.token = ours, w.at.Vars["BENCH_TOKEN"]
	}
	if w.at.User != "" {
		name, password, _ := strings.Cut(w.at.User, ":")
		password, err := url.PathUnescape(password)
		if err != nil {
			b.t.Fatal(err)
		}
		w.auth = "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)) + "\r\n"
	}
	return w
}

// captured is the same way as the relay of a bottle opens it, for a program that knows
// of no proxy.
func (w *way) captured() *way {
	c := *w
	c.auth += relay.CapturedHeader + ": 1\r\n"
	return &c
}

// dial opens a connection on which TLS with host is spoken. Sessions are resumed
// where a cache is given.
func (w *way) dial(host string, h2 bool, cache tls.ClientSessionCache) (*tls.Conn, error) {
	addr := w.at.Addr
	if h2 && w.at.AddrH2 != "" {
		addr = w.at.AddrH2
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if w.connect {
		if err := w.sendConnect(conn, host); err != nil {
			conn.Close()
			return nil, err
		}
	}
	cfg := &tls.Config{ServerName: host, RootCAs: w.roots, NextProtos: []string{"http/1.1"}, ClientSessionCache: cache}
	if h2 {
		cfg.NextProtos = []string{"h2"}
	}
	tc := tls.Client(conn, cfg)
	if err := tc.Handshake(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("handshake with %s: %w", w.role, err)
	}
	return tc, nil
}

func (w *way) sendConnect(conn net.Conn, host string) error {
	if _, err := fmt.Fprintf(conn, "CONNECT %s:443 HTTP/1.1\r\nHost: %[1]s:443\r\n%s\r\n", host, w.auth); err != nil {
		return err
	}
	// Nothing comes behind the head before the ClientHello was sent.
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New("CONNECT: " + resp.Status)
	}
	return nil
}

// line is a connection for HTTP/1.1, one request at a time. It does much less
// than a Transport, which would take the CPU from the servers.
type line struct {
	*tls.Conn
	br  *bufio.Reader
	buf []byte
}

func (w *way) line(host string, cache tls.ClientSessionCache) (*line, error) {
	c, err := w.dial(host, false, cache)
	if err != nil {
		return nil, err
	}
	return &line{Conn: c, br: bufio.NewReaderSize(c, 16<<10), buf: make([]byte, 64<<10)}, nil
}

// do sends a head, and size bytes of text, and reads the answer.
func (l *line) do(head []byte, size int64) (*http.Response, int64, error) {
	if _, err := l.Write(head); err != nil {
		return nil, 0, err
	}
	for block := text(); size > 0; size -= int64(len(block)) {
		if _, err := l.Write(block[:min(size, int64(len(block)))]); err != nil {
			return nil, 0, err
		}
	}
	resp, err := http.ReadResponse(l.br, nil)
	if err != nil {
		return nil, 0, err
	}
	n, err := readAll(resp, l.buf)
	return resp, n, err
}

func readAll(resp *http.Response, buf []byte) (int64, error) {
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return 0, fmt.Errorf("%s: %s", resp.Status, why)
	}
	return io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, buf)
}

// smallRequest is a request as agents send them, with its body.
func (w *way) smallRequest(host string) []byte {
	return fmt.Appendf(nil, "POST /v1/messages?beta=true HTTP/1.1\r\nHost: %s\r\nUser-Agent: agent-cli/2.1.0 (external, cli)\r\n"+
		"Accept: application/json\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nX-Request-Id: 7f4c2d1e-53a9-4c7e-9a52-0d5c3f1b8e66\r\n"+
		"Content-Length: %d\r\n\r\n%s", host, w.token, len(smallBody), smallBody)
}

const (
	smallBody   = `{"model":"bench-1","max_tokens":1024,"stream":false,"messages":[{"role":"user","content":"List the files of this folder and say which of them a test would read."}]}`
	smallAnswer = `{"id":"msg_01","type":"message","role":"assistant","content":[{"type":"text","text":"There are three files, and the test reads one of them."}],"stop_reason":"end_turn","usage":{"input_tokens":31,"output_tokens":14}}`
)

// h2 is a client of one HTTP/2 connection, with most bytes of each stream waiting
// to be read, or the default for 0.
func (w *way) h2(host string, most int) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	tr := &http.Transport{Protocols: p, DisableCompression: true, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: most}}
	tr.DialTLSContext = func(context.Context, string, string) (net.Conn, error) { return w.dial(host, true, nil) }
	return &http.Client{Transport: tr, Timeout: 2 * time.Minute}
}

// fetch is one exchange over HTTP/2.
func (w *way) fetch(c *http.Client, method, target string, size int64, body io.Reader) (int64, error) {
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		return 0, err
	}
	req.ContentLength = size
	req.Header.Set("User-Agent", "agent-cli/2.1.0 (external, cli)")
	req.Header.Set("Accept", "application/json")
	if req.URL.Host == apiHost {
		req.Header.Set("Authorization", "Bearer "+w.token) // which may go nowhere else
	}
	req.Header.Set("X-Request-Id", "7f4c2d1e-53a9-4c7e-9a52-0d5c3f1b8e66")
	if size > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	return readAll(resp, make([]byte, 32<<10))
}
