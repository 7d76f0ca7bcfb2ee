package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// next lets the other side take its step.
func (w *way) next() {
	select {
	case w.step <- struct{}{}:
	case <-w.t.Context().Done():
	}
}

// events are kinds of streams with two events of each.
var events = map[string][]string{
	"text/event-stream":                  {"event: a\ndata: {\"x\":1}\n\n", ": ping\n\n", "data: b", "\n\n"},
	"application/x-ndjson":               {"{\"a\":1}\n", "{\"b\":", "2}\n"},
	"application/vnd.amazon.eventstream": {"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff", "\x00\x00\x00\x11", "\x00\x00\x00\x00\xd8\x01\x02\x03x\x04\x05\x06\x07"},
	"application/json":                   {"[1", ",2", "]"},
}

// streaming writes an event when the one before was seen.
func streaming(w *way) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		typ := q.Header.Get("Accept")
		rw.Header().Set("Content-Type", typ)
		rw.WriteHeader(200)
		rw.(http.Flusher).Flush()
		for _, e := range events[typ] {
			w.wait(w.step)
			io.WriteString(rw, e)
			rw.(http.Flusher).Flush()
		}
		w.wait(w.step)
	})
}

func driveStream(typ string) func(w *way) {
	return func(w *way) {
		for _, h2 := range []bool{false, true} {
			req := request("GET", "https://example.com/", "", "Accept", typ)()
			resp, err := w.http(h2).Do(req)
			if err != nil {
				w.saw("no answer: %v", err)
				return
			}
			w.head(resp) // which is here before there is a body
			for _, e := range events[typ] {
				w.next()
				got := make([]byte, len(e))
				_, err := io.ReadFull(resp.Body, got)
				w.saw("%q %v", got, err)
			}
			w.next()
			rest, err := io.ReadAll(resp.Body)
			w.saw("end %q %v", rest, err)
			resp.Body.Close()
		}
	}
}

var rowsStreams = func() (rows []row) {
	for typ := range events {
		for _, secret := range []bool{false, true} {
			name := typ
			if secret {
				name += ", searched for a secret"
			}
			rows = append(rows, row{name: name, secret: secret, up: streaming, drive: driveStream(typ), want: []string{"HTTP/2.0 200", `end "" <nil>`}})
		}
	}
	return rows
}()

// cutOff answers with a text and breaks the connection without an end of TLS.
func cutOff(text string) func(*way, net.Conn) {
	return func(w *way, c net.Conn) {
		if n := readUntilHead(c); n {
			io.WriteString(c, text)
		}
	}
}

// readUntilHead takes a request without a body.
func readUntilHead(c net.Conn) bool {
	var head strings.Builder
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return false
		}
		head.Write(b[:])
	}
	return true
}

var rowsEndings = []row{
	truncated("a length that is not reached", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
	{
		name: "a head and nothing of its body",
		h1:   true,
		raw:  cutOff("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
		drive: func(w *way) {
			w.h1().send(get).read("GET")
			w.answer(w.http(false).Get("https://example.com/"))
		},
		want: []string{"200, length 10", `body "", whole false`},
	},
	truncated("a chunk that is not whole", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello"),
	truncated("no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
	truncated("trailers that do not end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n5\r\nhello\r\n0\r\nX-A: 1\r\n"),
	{
		name: "an end by closing without the end of TLS",
		h1:   true,
		raw:  cutOff("HTTP/1.1 200 OK\r\n\r\nhello"),
		drive: func(w *way) {
			w.answer(w.http(false).Get("https://example.com/"))
		},
		want:    []string{`body "hello", whole true`},
		differs: []difference{{`body "hello", whole true`, `body "hello", whole false`, "Go's TLS does not tell its client that it may be cut short; others do, and so does the proxy"}},
	},
	{
		name: "an end by closing with the end of TLS",
		h1:   true,
		raw:  rawAnswers("HTTP/1.1 200 OK\r\n\r\nhello"),
		drive: func(w *way) {
			w.answer(w.http(false).Get("https://example.com/"))
		},
		want: []string{`body "hello", whole true`},
	},
	truncated("chunks that are none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n"),
	{
		name: "an answer that HTTP/2 breaks off",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				io.WriteString(rw, "hello")
				rw.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
		},
		drive: func(w *way) {
			c := w.h2raw()
			c.open(1, true)
			c.show(1)
		},
		want: []string{"RST_STREAM INTERNAL_ERROR\n5 bytes"},
	},
	{
		name: "no answer at all",
		h1:   true,
		raw:  cutOff(""),
		drive: func(w *way) {
			w.asked(false)
		},
		differs: []difference{{"no answer", "502 upstream", "an upstream that fails is an answer of the proxy's"}},
	},
	{
		name: "an answer that is no HTTP",
		h1:   true,
		raw:  cutOff("SSH-2.0-OpenSSH_9.2\r\n"),
		drive: func(w *way) {
			w.asked(false)
		},
		differs: []difference{{"no answer", "502 upstream", "an upstream that fails is an answer of the proxy's"}},
	},
	{
		name: "a client that goes away cancels what it asked for",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				if q.URL.Path == "/begun" {
					rw.(http.Flusher).Flush()
				}
				w.got("asked for %s", q.URL.Path)
				<-q.Context().Done()
				w.got("cancelled %s", q.URL.Path)
			})
		},
		drive: func(w *way) {
			for _, path := range []string{"/not", "/begun"} {
				c := w.h1().send("GET " + path + " HTTP/1.1\r\nHost: example.com\r\n\r\n")
				w.untilGot("asked for " + path)
				c.c.Close()
				w.untilGot("cancelled " + path)
			}
		},
	},
	{
		name: "a client that gives an upload up",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				part := make([]byte, 5)
				_, _ = io.ReadFull(q.Body, part)
				w.got("%s", part)
				_, err := io.Copy(io.Discard, q.Body)
				w.got("the upload is whole: %v", err == nil)
			})
		},
		drive: func(w *way) {
			for _, framing := range []string{"Content-Length: 1000000\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"} {
				c := w.h1().send("POST / HTTP/1.1\r\nHost: example.com\r\n" + framing)
				w.untilGot("hello")
				c.c.Close()
				w.untilGot("the upload is whole: false")
				w.forget()
			}
		},
	},
	{
		name: "a client that ends its side behind the request",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				<-q.Context().Done() // net/http takes it for a client that goes away
				io.WriteString(rw, "hello")
			})
		},
		drive: func(w *way) {
			c := w.secure()
			io.WriteString(c, get)
			_ = c.CloseWrite()
			b, _ := io.ReadAll(c)
			w.saw("the answer begins with %.12q", b)
		},
		differs: []difference{{"HTTP/1.1 200", "HTTP/1.1 502", "whether a client that ends its side still reads is not known; the upstream is freed, as by net/http"}},
	},
}

// forget drops what the upstream got, so that it can be waited for again.
func (w *way) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.server = []string{fmt.Sprintf("(%d lines)", len(w.server))}
}

// asked notes what comes of a request, in short.
func (w *way) asked(h2 bool) {
	resp, err := w.http(h2).Get("https://example.com/")
	if err != nil {
		w.saw("no answer")
		return
	}
	resp.Body.Close()
	w.saw("%d %s", resp.StatusCode, resp.Header.Get("Bottle-Rule"))
}

func truncated(name, text string) row {
	return row{
		name: name,
		h1:   true,
		raw:  cutOff(text),
		drive: func(w *way) {
			w.h1().send(get).read("GET")
			w.answer(w.http(false).Get("https://example.com/"))
		},
		want: []string{`body "hello", whole false`},
	}
}
