package proxy

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
)

// BenchmarkExchange is what the pipeline costs beside httputil.ReverseProxy, without
// connections: the request is there, and the upstream answers at once.
func BenchmarkExchange(b *testing.B) {
	r, _ := benchRig(b, http.NotFoundHandler())
	snap := r.server.current.Load()
	route := snap.Policy.Decide(Target{Scheme: "https", Host: "example.com", Port: 443, Method: http.MethodPost, Path: "/v1/messages"}).Route
	snap.upstreams.transport(false, "https", route).RegisterProtocol("https", answersAtOnce{})
	t := &tunnel{s: r.server, session: "test", host: "example.com", shown: "example.com", port: 443, scheme: "https"}
	b.Run("bottle", func(b *testing.B) {
		benchHandler(b, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.server.serveExchange(w, q, t, t.session) }))
	})
	b.Run("reverse", func(b *testing.B) {
		benchHandler(b, &httputil.ReverseProxy{Transport: answersAtOnce{}, ErrorLog: log.New(io.Discard, "", 0),
			Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(&url.URL{Scheme: "https", Host: "example.com"}) }})
	})
}

const benchRequest = "POST /v1/messages?beta=true HTTP/1.1\r\nHost: example.com\r\nUser-Agent: agent-cli/2.1.0 (external, cli)\r\n" +
	"Accept: application/json\r\nAuthorization: Bearer acme-PLACEHOLDER07xPLACEHOLDERxPLACEH\r\nContent-Type: application/json\r\n" +
	"X-Request-Id: 7f4c2d1e-53a9-4c7e-9a52-0d5c3f1b8e66\r\nContent-Length: 165\r\n\r\n" +
	`{"model":"bench-1","max_tokens":1024,"stream":false,"messages":[{"role":"user","content":"List the files of this folder and say which of them a test would read."}]}` + "\n"

const benchAnswer = `{"id":"msg_01","type":"message","role":"assistant","content":[{"type":"text","text":"There are three files, and the test reads one of them."}],"stop_reason":"end_turn"}`

// benchHandler serves one request over and over.
func benchHandler(b *testing.B, h http.Handler) {
	src := bytes.NewReader(nil)
	br := bufio.NewReader(src)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset([]byte(benchRequest))
		br.Reset(src)
		q, err := http.ReadRequest(br)
		if err != nil {
			b.Fatal(err)
		}
		w := &countWriter{header: http.Header{}}
		h.ServeHTTP(w, q)
		if w.status != http.StatusOK || w.n != len(benchAnswer) {
			b.Fatal(w.status, w.n)
		}
	}
}

// countWriter takes an answer.
type countWriter struct {
	header    http.Header
	status, n int
}

func (w *countWriter) Header() http.Header         { return w.header }
func (w *countWriter) WriteHeader(status int)      { w.status = status }
func (w *countWriter) Write(p []byte) (int, error) { w.n += len(p); return len(p), nil }
func (w *countWriter) EnableFullDuplex() error     { return nil }
func (w *countWriter) Flush()                      {}

// answersAtOnce is an upstream that reads the request and has its answer.
type answersAtOnce struct{}

func (answersAtOnce) RoundTrip(q *http.Request) (*http.Response, error) {
	_, err := io.Copy(io.Discard, q.Body)
	h := http.Header{"Content-Type": {"application/json"}, "Content-Length": {"180"}, "Date": {"Tue, 03 Nov 2026 10:00:00 GMT"}}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		ContentLength: int64(len(benchAnswer)), Body: io.NopCloser(bytes.NewReader([]byte(benchAnswer))), Request: q}, err
}
