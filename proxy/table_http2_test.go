package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/http2"
)

// mixed has the client speak HTTP/2 with the proxy alone.
var mixed = difference{"the client saw\nHTTP/1.1", "the client saw\nHTTP/2.0", "without the proxy the client has to speak what the upstream does"}

var rowsHTTP2 = []row{
	{
		name: "an HTTP/2 client and an HTTP/1.1 upstream",
		h1:   true,
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Trailer", "X-Status")
			rw.Header()["X-Many"] = []string{"1", "2"}
			_, _ = rw.Write(rawBytes(100_000))
			rw.(http.Flusher).Flush()
			_, _ = rw.Write(rawBytes(100_000))
			rw.Header().Set("X-Status", "0")
		}),
		drive: func(w *way) {
			req := request("POST", "https://example.com/a?b", "", "User-Agent", "x")()
			req.Body, req.ContentLength, req.Trailer = io.NopCloser(strings.NewReader("hello")), -1, http.Header{"X-Up": {"1"}}
			w.answer(w.http(true).Do(req))
		},
		want:    []string{"announced [\"X-Status\"]", "X-Up: \"1\"", "X-Status: \"0\"", "HTTP/1.1, length -1"},
		differs: []difference{mixed},
	},
	{
		name: "an HTTP/2 client and a broken answer over HTTP/1.1",
		h1:   true,
		raw:  cutOff("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
		drive: func(w *way) {
			w.answer(w.http(true).Get("https://example.com/"))
		},
		want:    []string{`body "hello", whole false`},
		differs: []difference{mixed},
	},
	{
		name: "a hundred streams at once",
		up: func(w *way) http.Handler {
			var all sync.WaitGroup
			all.Add(100)
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				body, err := io.ReadAll(q.Body)
				rw.(http.Flusher).Flush()
				all.Done()
				all.Wait()
				fmt.Fprintf(rw, "%s %d %v", q.URL.Path, len(body), err)
			})
		},
		drive: func(w *way) {
			c, lines := w.http(true), make([]string, 100)
			var all sync.WaitGroup
			for i := range lines {
				all.Go(func() {
					resp, err := c.Post(fmt.Sprintf("https://example.com/%d", i), "text/plain", strings.NewReader(strings.Repeat("x", 100*i)))
					if err != nil {
						lines[i] = err.Error()
						return
					}
					defer resp.Body.Close()
					b, err := io.ReadAll(resp.Body)
					lines[i] = fmt.Sprintf("%s %d %s %v", resp.Proto, resp.StatusCode, b, err)
				})
			}
			all.Wait()
			w.saw("%s", strings.Join(lines, "\n"))
		},
		want: []string{"HTTP/2.0 200 /99 9900 <nil> <nil>"},
	},
	{
		name: "a client that reads slowly gets no more than its window",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			_, _ = rw.Write(rawBytes(5 << 20))
		}),
		drive: func(w *way) {
			c := w.h2raw()
			c.open(1, true)
			_ = c.until(func() bool { return c.data[1] >= 65535 })
			w.saw("%d bytes", c.data[1])
			_ = c.fr.WriteWindowUpdate(1, 10)
			_ = c.fr.WriteWindowUpdate(0, 1<<30)
			_ = c.until(func() bool { return c.data[1] >= 65545 })
			w.saw("%d bytes", c.data[1])
			_ = c.fr.WriteWindowUpdate(1, 1<<30)
			c.show(1)
		},
		want: []string{"65535 bytes\n65545 bytes", "5242880 bytes, ended true"},
	},
	{
		name: "a client that stalls one stream has the others",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Content-Length", "2000000")
			_, _ = rw.Write(rawBytes(2_000_000))
		}),
		drive: func(w *way) {
			c := w.h2raw()
			_ = c.fr.WriteWindowUpdate(0, 1<<30)
			c.open(1, true)
			_ = c.until(func() bool { return c.data[1] >= 65535 })
			c.open(3, true)
			_ = c.fr.WriteWindowUpdate(3, 1<<30)
			c.show(3)
			w.saw("%d bytes of the first", c.data[1])
			_ = c.fr.WriteWindowUpdate(1, 1<<30)
			c.show(1)
		},
		want: []string{"65535 bytes of the first", "2000000 bytes, ended true"},
	},
	{
		name: "a stream that the client resets is cancelled, its connection goes on",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				rw.(http.Flusher).Flush()
				if q.Method == "GET" {
					io.WriteString(rw, "hello")
					return
				}
				_, err := io.Copy(io.Discard, q.Body)
				<-q.Context().Done()
				w.got("cancelled, the upload whole %v", err == nil)
			})
		},
		drive: func(w *way) {
			c := w.h2raw()
			c.open(1, false)
			_ = c.until(func() bool { return len(c.seen[1]) > 0 })
			_ = c.fr.WriteRSTStream(1, http2.ErrCodeCancel)
			w.untilGot("cancelled, the upload whole false")
			c.open(3, true)
			c.show(3)
		},
		want: []string{"5 bytes, ended true"},
	},
	{
		name: "a reset behind the head of an answer",
		raw: serveStreams(func(h *h2raw, id uint32) {
			h.headers(id, false, ":status", "200", "content-length", "10")
			_ = h.fr.WriteData(id, false, []byte("hello"))
			_ = h.fr.WriteRSTStream(id, http2.ErrCodeEnhanceYourCalm)
		}),
		drive: func(w *way) {
			c := w.h2raw()
			c.open(1, true)
			c.show(1)
		},
		want:    []string{"RST_STREAM ENHANCE_YOUR_CALM\n5 bytes"},
		differs: []difference{{"RST_STREAM ENHANCE_YOUR_CALM", "RST_STREAM INTERNAL_ERROR", "net/http's server knows one code for a broken answer"}},
	},
	{
		name: "a head and nothing of its body",
		raw: serveStreams(func(h *h2raw, id uint32) {
			h.headers(id, false, ":status", "200", "content-length", "10")
			_ = h.fr.WriteRSTStream(id, http2.ErrCodeInternal)
		}),
		drive: func(w *way) {
			c := w.h2raw()
			c.open(1, true)
			c.show(1)
		},
		want: []string{"HEADERS\n:status: 200\ncontent-length: 10\nRST_STREAM INTERNAL_ERROR\n0 bytes"},
	},
	{
		name: "lengths of answers that have no body",
		raw: serveStreams(func(h *h2raw, id uint32) {
			h.headers(id, true, ":status", map[uint32]string{1: "304", 3: "204"}[id], "etag", "x", "content-length", "1234")
		}),
		drive: func(w *way) {
			c := w.h2raw()
			for _, id := range []uint32{1, 3} {
				c.open(id, true)
				c.show(id)
			}
		},
		want:    []string{"HEADERS\n:status: 304\netag: x\ncontent-length: 1234\n0 bytes, ended true"},
		differs: []difference{{"\ncontent-length: 1234", "", "a 304 need not have it (RFC 9110, section 15.4.5), and a 204 must not (section 8.6)"}},
	},
	{
		name: "a trailer whose name is none",
		h1:   true,
		raw:  rawAnswers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX T: 1\r\n\r\n"),
		drive: func(w *way) {
			w.answer(w.http(true).Do(request("GET", "https://example.com/", "", "User-Agent", "x")()))
		},
		want:    []string{`body "hello", whole true`},
		differs: []difference{mixed, {"\ntrailers\n  X T: \"1\"\n", "", "no field has such a name, and net/http's HTTP/2 server would not end the stream"}},
	},
	{
		name: "a status that is none",
		raw: serveStreams(func(h *h2raw, id uint32) {
			h.headers(id, true, ":status", "1000")
		}),
		drive:   func(w *way) { w.asked(true) },
		differs: []difference{{"1000 ", "502 upstream", "what is no HTTP gets the proxy's own answer"}},
	},
	{
		name: "a reset before the head of an answer",
		raw: serveStreams(func(h *h2raw, id uint32) {
			_ = h.fr.WriteRSTStream(id, http2.ErrCodeInternal)
		}),
		drive:   func(w *way) { w.asked(true) },
		differs: []difference{{"no answer", "502 upstream", "an upstream that fails is an answer of the proxy's"}},
	},
	{
		name: "a refused stream is tried again",
		raw: serveStreams(func(h *h2raw, id uint32) {
			if id == 1 {
				_ = h.fr.WriteRSTStream(id, http2.ErrCodeRefusedStream)
				return
			}
			h.headers(id, false, ":status", "200")
			_ = h.fr.WriteData(id, true, []byte("hello"))
		}),
		drive: func(w *way) {
			w.answer(w.http(true).Post("https://example.com/", "text/plain", strings.NewReader("a body")))
		},
		want: []string{`body "hello", whole true`},
	},
	{
		name: "an answer that is whole before its upload, and a reset without an error",
		raw: serveStreams(func(h *h2raw, id uint32) {
			h.headers(id, false, ":status", "200")
			_ = h.fr.WriteData(id, true, []byte("enough"))
			_ = h.fr.WriteRSTStream(id, http2.ErrCodeNo)
		}),
		drive: func(w *way) {
			c := w.h2raw()
			c.open(1, false)
			_ = c.until(func() bool { return len(c.seen[1]) > 1 })
			c.show(1)
		},
		want: []string{"HEADERS\n:status: 200\nRST_STREAM NO_ERROR\n6 bytes, ended true"},
	},
	{
		name: "an upstream that goes away loses no request",
		raw: serveStreams(func(h *h2raw, id uint32) {
			if id == 3 { // the first was answered; this one goes to another connection
				_ = h.fr.WriteGoAway(1, http2.ErrCodeNo, nil)
				return
			}
			h.headers(id, false, ":status", "200")
			_ = h.fr.WriteData(id, true, []byte("hello"))
		}),
		drive: func(w *way) {
			c := w.http(true)
			for range 5 {
				w.answer(c.Post("https://example.com/", "text/plain", strings.NewReader("a body")))
			}
		},
		want: []string{strings.Repeat("HTTP/2.0 200, length -1, announced []\n\nbody \"hello\", whole true\n", 5)},
	},
	{
		name: "going away lets streams end",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				io.WriteString(rw, "begun, ")
				rw.(http.Flusher).Flush()
				w.wait(w.drained)
				io.WriteString(rw, "ended")
			})
		},
		drive: func(w *way) {
			c, ids := w.h2raw(), []uint32{}
			for i := range uint32(20) {
				ids = append(ids, 2*i+1)
				c.open(2*i+1, true)
			}
			all := func(holds func(uint32) bool) func() bool {
				return func() bool { return !slices.ContainsFunc(ids, func(id uint32) bool { return !holds(id) }) }
			}
			_ = c.until(all(func(id uint32) bool { return c.data[id] > 0 }))
			down := make(chan error, 1)
			go func() {
				if w.proxied {
					down <- w.rig.server.Shutdown(context.Background())
				} else {
					down <- w.rig.upstream.Config.Shutdown(context.Background())
				}
			}()
			_ = c.until(func() bool { return c.away != nil })
			w.saw("going away: %v", c.away.ErrCode)
			close(w.drained)
			err := c.until(all(func(id uint32) bool { return c.done[id] }))
			for _, id := range ids {
				w.saw("%d bytes, %q", c.data[id], c.seen[id])
			}
			w.saw("all ended: %v, the end is clean: %v", err == nil, <-down == nil)
		},
		want: []string{"going away: NO_ERROR", "12 bytes", "all ended: true, the end is clean: true"},
	},
}

// serveStreams answers the requests of HTTP/2 connections, in order, as soon
// as the head of each is there.
func serveStreams(answer func(h *h2raw, id uint32)) func(*way, net.Conn) {
	return func(w *way, c net.Conn) {
		h := serveH2raw(w, c)
		if h == nil {
			return
		}
		for id := uint32(1); h.next() == nil; {
			for ; len(h.seen[id]) > 0; id += 2 {
				answer(h, id)
			}
		}
	}
}
