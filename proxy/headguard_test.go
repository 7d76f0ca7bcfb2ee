package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// scriptConn is a connection that was sent some bytes and then closed.
type scriptConn struct {
	net.Conn
	r io.Reader
}

func (c scriptConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// guarded runs input through a guard and reads requests as net/http would.
func guarded(t *testing.T, r io.Reader) (reqs []string, g *headGuard, err error) {
	t.Helper()
	g = newHeadGuard(scriptConn{r: r})
	br := bufio.NewReader(g)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return reqs, g, err
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return reqs, g, err
		}
		reqs = append(reqs, req.Method+" "+req.RequestURI+" "+string(body))
		if req.Method == refusedMethod {
			return reqs, g, nil
		}
	}
}

func TestHeadGuardPasses(t *testing.T) {
	input := "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" +
		"\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" +
		"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n5;ext=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: v\r\n\r\n" +
		"GET /d HTTP/1.0\r\n\r\n"
	want := []string{"GET /a ", "POST /b hello", "POST /c hello0123456789", "GET /d "}
	for name, r := range map[string]io.Reader{
		"in one piece": strings.NewReader(input), "byte by byte": iotest.OneByteReader(strings.NewReader(input)), "in halves": iotest.HalfReader(strings.NewReader(input)),
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := guarded(t, r)
			if !errors.Is(err, io.EOF) || strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestHeadGuardRefuses(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: x\r\n"
	tests := []struct{ name, head, why string }{
		{"content-length beside transfer-encoding", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", "content-length beside transfer-encoding"},
		{"two content-lengths", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "more than one content-length"},
		{"a list as content-length", post + "Content-Length: 3, 3\r\n\r\nabc", "plain number"},
		{"a sign in content-length", post + "Content-Length: +3\r\n\r\nabc", "plain number"},
		{"two hosts", post + "Host: y\r\n\r\n", "more than one host"},
		{"obs-fold", post + "X: a\r\n b\r\n\r\n", "folded"},
		{"a bare LF behind a header", post + "X: a\nY: b\r\n\r\n", "bare"},
		{"bare LFs throughout", "GET / HTTP/1.1\nHost: x\n\n", "bare LF"},
		{"a bare CR", post + "X: a\rY: b\r\n\r\n", "bare"},
		{"a space before the colon", post + "Content-Length : 3\r\n\r\nabc", "name, colon, value"},
		{"a NUL", post + "X: a\x00\r\n\r\n", "NUL"},
		{"another transfer-encoding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", "other than chunked"},
		{"a letter that only looks like one of chunked", post + "Transfer-Encoding: chun\u212aed\r\n\r\n", "other than chunked"},
		{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "version"},
		{"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "request line"},
		{"a tab in the request line", "GET /\tHTTP/1.1\r\nHost: x\r\n\r\n", "request line"},
		{"no host in HTTP/1.1", "GET / HTTP/1.1\r\n\r\n", "no Host"},
		{"userinfo in the host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "host:port"},
		{"an opaque URL as target", "GET https:x HTTP/1.1\r\nHost: x\r\n\r\n", "target"},
		{"a relative target", "GET x HTTP/1.1\r\nHost: x\r\n\r\n", "target"},
		{"a path behind CONNECT", "CONNECT x:443/y HTTP/1.1\r\nHost: x\r\n\r\n", "target"},
		{"userinfo behind CONNECT", "CONNECT u@x:443 HTTP/1.1\r\nHost: x\r\n\r\n", "target"},
		{"another version", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", "version"},
		{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version"},
		{"a method that is no token", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", "method"},
		{"another expectation", post + "Expect: miracles\r\n\r\n", "Expect"},
		{"a trailer that frames", post + "Transfer-Encoding: chunked\r\nTrailer: X, Content-Length\r\n\r\n0\r\n\r\n", "framing"},
		{"a control character in a value", post + "X: a\x01\r\n\r\n", "control"},
		{"CONNECT with a body", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", "CONNECT with a body"},
		{"a head without end", post + "X: " + strings.Repeat("a", maxHeaderBytes) + "\r\nY: ", "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// A good request first: the refusal must come in its turn.
			for _, r := range []io.Reader{strings.NewReader("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n" + tt.head), iotest.OneByteReader(strings.NewReader("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n" + tt.head))} {
				got, g, err := guarded(t, r)
				if err != nil || len(got) != 2 || got[0] != "GET /ok " || !strings.HasPrefix(got[1], refusedMethod) {
					t.Fatalf("got %q, %v", got, err)
				}
				if g.refusal == nil || !strings.Contains(g.refusal.message, tt.why) {
					t.Errorf("refusal %+v, want %q", g.refusal, tt.why)
				}
			}
		})
	}
}

func TestHeadGuardEndsBrokenChunks(t *testing.T) {
	for name, body := range map[string]string{
		"a size that is no number":  "xyz\r\n",
		"a bare LF behind the size": "3\nabc\r\n0\r\n\r\n",
		"no CRLF behind the data":   "3\r\nabcd\r\n0\r\n\r\n",
		"a sign":                    "+3\r\nabc\r\n0\r\n\r\n",
		"a size too large":          "fffffffffffffffff\r\n",
		"a folded trailer":          "0\r\nA: b\r\n c\r\n\r\n",
		"an endless extension":      "3;" + strings.Repeat("a", 2*maxChunkLine),
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := guarded(t, strings.NewReader("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+body))
			if err == nil || errors.Is(err, io.EOF) || len(got) != 0 {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestHeadGuardLetsTunnelsThrough(t *testing.T) {
	g := newHeadGuard(scriptConn{r: strings.NewReader("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n\x16\x03\x01 whatever\n\n\x00")})
	br := bufio.NewReader(g)
	if _, err := http.ReadRequest(br); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(br)
	if err != nil || string(rest) != "\x16\x03\x01 whatever\n\n\x00" {
		t.Errorf("got %q, %v", rest, err)
	}
}

// readLarge reads all with as much room as net/http has.
func readLarge(r io.Reader) ([]byte, error) {
	var all bytes.Buffer
	_, err := io.CopyBuffer(struct{ io.Writer }{&all}, struct{ io.Reader }{r}, make([]byte, 4<<10))
	return all.Bytes(), err
}

// FuzzHeadGuard holds the guard to net/http: behind it, what net/http reads
// must be the same in one piece and byte by byte, every head that was handed on
// is exactly one request to it, with one length, and nothing is left over.
func FuzzHeadGuard(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"))
	f.Add([]byte("GET / HTTP/1.1\nHost: x\n\n"))
	f.Add([]byte("CONNECT a:1 HTTP/1.1\r\n\r\nraw"))
	f.Add([]byte("PUT * HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n0:\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\na\r\n", 17) + "0\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + strings.Repeat("a", maxTrailerBytes) + "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		g := newHeadGuard(scriptConn{r: bytes.NewReader(in)})
		whole, err1 := io.ReadAll(g)
		single, err2 := io.ReadAll(newHeadGuard(scriptConn{r: iotest.OneByteReader(bytes.NewReader(in))}))
		large, err3 := readLarge(newHeadGuard(scriptConn{r: bytes.NewReader(in)}))
		if !bytes.Equal(whole, single) || !bytes.Equal(whole, large) || (err1 == nil) != (err2 == nil) || (err1 == nil) != (err3 == nil) {
			t.Fatalf("in one piece %q (%v), byte by byte %q (%v), to a large buffer %q (%v)", whole, err1, single, err2, large, err3)
		}
		br := bufio.NewReader(bytes.NewReader(whole))
		for {
			req, err := http.ReadRequest(br)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("net/http does not read what was handed on: %v in %q", err, whole)
			}
			if req.Method == http.MethodConnect || req.Method == refusedMethod {
				return
			}
			if len(req.TransferEncoding) > 0 && req.Header.Get("Content-Length") != "" {
				t.Fatalf("two lengths got through: %q", whole)
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				// The input ended, no more; net/http says something else of trailers then.
				ended := strings.Contains(err.Error(), "unexpected EOF") || g.state == guardTrailer
				if err1 == nil && !ended {
					t.Fatalf("the guard and net/http differ about a body: %v in %q", err, whole)
				}
				return
			}
		}
	})
}
