package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const get = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"

var overHTTP11 = difference{"HTTP/1.0, length", "HTTP/1.1, length", "a proxy speaks its own version (RFC 9110, section 2.5)"}

// say answers with a text of unknown length.
func say(text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, q *http.Request) {
		io.WriteString(rw, text)
		rw.(http.Flusher).Flush()
	}
}

var rowsHTTP1 = []row{
	{
		name: "HTTP/1.0",
		up:   noting(say("hello")),
		drive: func(w *way) {
			w.h1().send("GET /a HTTP/1.0\r\nHost: example.com\r\n\r\n").read("GET").end()
		},
		want:    []string{"HTTP/1.0 200, length -1", `body "hello", whole true`, "clean true"},
		differs: []difference{overHTTP11},
	},
	{
		name: "HTTP/1.0 with a body and keep-alive",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Content-Length", "2")
			io.WriteString(rw, "ok")
		}),
		drive: func(w *way) {
			c := w.h1()
			for range 2 {
				c.send("POST /a HTTP/1.0\r\nHost: example.com\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello").read("POST")
			}
		},
		want:    []string{"HTTP/1.0 200, length 2", `body "hello"`},
		differs: []difference{overHTTP11},
	},
	{
		name: "an HTTP/1.0 upstream that ends its answer by closing",
		h1:   true,
		raw:  rawAnswers("HTTP/1.0 200 OK\r\nX-Version: 1.0\r\n\r\nuntil the end"),
		drive: func(w *way) {
			w.h1().send(get).read("GET")
		},
		want:    []string{`body "until the end", whole true`},
		differs: []difference{{"HTTP/1.0 200", "HTTP/1.1 200", "a proxy speaks its own version (RFC 9110, section 2.5)"}},
	},
	{
		name: "keep-alive in one tunnel",
		up:   noting(say("hello")),
		drive: func(w *way) {
			c := w.h1()
			for i := range 5 {
				c.send(fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc", i)).read("POST")
			}
		},
		want: []string{"POST example.com /4"},
	},
	{
		name: "five requests in a pipeline",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/0" {
				rw.(http.Flusher).Flush() // the others are there by then
			}
			io.WriteString(rw, q.URL.Path)
		}),
		drive: func(w *way) {
			var all strings.Builder
			for i := range 5 {
				fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc", i)
			}
			w.h1().send(all.String()).read("POST", "POST", "POST", "POST", "POST")
		},
		want: []string{`body "/0"`, `body "/4"`},
	},
	{
		name: "Connection: close from the client",
		up:   noting(say("hello")),
		drive: func(w *way) {
			w.h1().send("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n").read("GET").end()
		},
		want: []string{"0 bytes more, clean true"},
	},
	{
		name: "HEAD",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/length" {
				rw.Header().Set("Content-Length", "1234")
			}
			rw.Header().Set("Etag", `"x"`)
		}),
		drive: func(w *way) {
			w.h1().send("HEAD /length HTTP/1.1\r\nHost: example.com\r\n\r\n").read("HEAD").
				send("HEAD / HTTP/1.1\r\nHost: example.com\r\n\r\n").read("HEAD")
			for _, h2 := range []bool{false, true} {
				w.answer(w.http(h2).Head("https://example.com/length"))
			}
		},
		want: []string{"length 1234", "Content-Length: \"1234\"", "HTTP/2.0 200, length 1234"},
	},
	{
		name: "answers without a body",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Etag", `"x"`)
			var code int
			fmt.Sscanf(q.URL.Path, "/%d", &code)
			rw.WriteHeader(code)
		}),
		drive: func(w *way) {
			c := w.h1()
			for _, code := range []int{204, 205, 304, 200, 404} {
				c.send(fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: example.com\r\n\r\n", code)).read("GET")
			}
			for _, code := range []int{204, 205, 304, 200, 404} {
				w.answer(w.http(true).Get(fmt.Sprintf("https://example.com/%d", code)))
			}
		},
		want: []string{"HTTP/1.1 204, length 0", "HTTP/1.1 304, length 0", "HTTP/2.0 205"},
	},
	{
		name: "304 with what a 200 would have had",
		h1:   true,
		raw:  rawAnswers("HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
		drive: func(w *way) {
			w.h1().send(get).read("GET").send(get).read("GET")
		},
		differs: []difference{{"  Content-Length: \"1234\"\n  Content-Type: \"text/plain\"\n  Etag", "  Etag", "net/http leaves it out; RFC 9110, section 15.4.5, lets a 304 do without"}},
	},
	{
		name: "ranges",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			http.ServeContent(rw, q, "f.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
		}),
		drive: func(w *way) {
			c := w.h1()
			for _, r := range []string{"bytes=2-4", "bytes=-3", "bytes=20-"} {
				c.send("GET / HTTP/1.1\r\nHost: example.com\r\nRange: " + r + "\r\n\r\n").read("GET")
			}
			c.send("GET / HTTP/1.1\r\nHost: example.com\r\nRange: bytes=1-2\r\nIf-Range: Sat, 08 Sep 2001 01:46:40 GMT\r\n\r\n").read("GET")
		},
		want: []string{"206, length 3", `body "234"`, "Content-Range: \"bytes 2-4/10\"", "416"},
	},
	{
		name: "several ranges in one answer",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Content-Type", "multipart/byteranges; boundary=b")
			rw.WriteHeader(http.StatusPartialContent)
			io.WriteString(rw, "--b\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--b\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--b--\r\n")
		}),
		drive: func(w *way) {
			w.h1().send("GET / HTTP/1.1\r\nHost: example.com\r\nRange: bytes=0-1,8-9\r\n\r\n").read("GET")
		},
		want: []string{"206", "bytes=0-1,8-9", "multipart/byteranges"},
	},
	{
		name: "odd statuses and reason phrases",
		h1:   true,
		raw: rawAnswers("HTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\nno"),
		drive: func(w *way) {
			w.h1().send(get).read("GET").send(get).read("GET").send(get).read("GET")
		},
		want: []string{"HTTP/1.1 299", "HTTP/1.1 599", "HTTP/1.1 999"},
	},
	{
		name: "a status that is none",
		h1:   true,
		raw:  rawAnswers("HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"),
		drive: func(w *way) {
			w.asked(false)
		},
		differs: []difference{{"99 ", "502 upstream", "what is no HTTP gets the proxy's own answer"}},
	},
}
