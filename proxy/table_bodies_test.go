package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
)

// rawBytes is a body of no text.
func rawBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*i>>3 ^ i*7)
	}
	return b
}

// hidden keeps net/http from seeing how long a body is.
type hidden struct{ io.Reader }

var rowsBodies = []row{
	{
		name: "declared lengths on both sides of what is decided first",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Content-Length", "300000")
			_, _ = rw.Write(rawBytes(300000))
		}),
		drive: func(w *way) {
			for _, h2 := range []bool{false, true} {
				c := w.http(h2)
				for _, n := range []int{0, 1, decideBytes, decideBytes + 1, 1 << 20} {
					w.answer(c.Post("https://example.com/", "application/octet-stream", bytes.NewReader(rawBytes(n))))
				}
			}
		},
		want: []string{"HTTP/1.1, length 262145", "HTTP/2.0, length 1048576", "whole true", "200, length 300000"},
	},
	{
		name: "chunked both ways",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			for i := range 50 {
				_, _ = rw.Write(rawBytes(i * 997))
				rw.(http.Flusher).Flush()
			}
		}),
		drive: func(w *way) {
			var b strings.Builder
			for i := 1; i < 50; i++ {
				fmt.Fprintf(&b, "%X;name=\"value\"\r\n%s\r\n", i*997, rawBytes(i*997))
			}
			w.h1().send("POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n" + b.String() + "0\r\n\r\n").read("POST").send(get).read("GET")
			w.answer(w.http(true).Post("https://example.com/", "text/plain", hidden{bytes.NewReader(rawBytes(777777))}))
		},
		want: []string{"HTTP/1.1, length -1", "HTTP/2.0, length -1", "HTTP/1.1 200, length -1"},
	},
	{
		name: "framing of an answer that says too much",
		h1:   true,
		raw: rawAnswers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
		drive: func(w *way) {
			w.h1().send(get).read("GET").send(get).read("GET")
		},
		want: []string{`length -1`, `body "hello", whole true`},
	},
	{
		name: "bodies of methods that have none",
		up:   noting(nil),
		drive: func(w *way) {
			c := w.h1()
			for _, method := range []string{"GET", "HEAD", "DELETE", "OPTIONS", "QUERY"} {
				c.send(method + " /l HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello").read(method)
				c.send(method + " /c HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").read(method)
			}
			c.send("POST /0 HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n").read("POST")
		},
		want: []string{"GET example.com /l HTTP/1.1, length 5", "GET example.com /c HTTP/1.1, length -1", "POST example.com /0 HTTP/1.1, length 0"},
	},
	{
		name: "a length of zero, said or not",
		up:   noting(nil),
		drive: func(w *way) {
			w.h1().send("DELETE / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n").read("DELETE").
				send("PATCH / HTTP/1.1\r\nHost: example.com\r\n\r\n").read("PATCH")
		},
		differs: []difference{
			{"DELETE example.com / HTTP/1.1, length 0, announced []\n  Content-Length: \"0\"\n", "DELETE example.com / HTTP/1.1, length 0, announced []\n", "the length is said where a method has a body (RFC 9110, section 8.6)"},
			{"PATCH example.com / HTTP/1.1, length 0, announced []\n", "PATCH example.com / HTTP/1.1, length 0, announced []\n  Content-Length: \"0\"\n", "the same"},
		},
	},
	{
		name: "trailers, announced and not",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			switch q.URL.Path {
			case "/announced":
				rw.Header().Set("Trailer", "X-Announced, X-Other")
				io.WriteString(rw, "a body")
				rw.Header().Set("X-Announced", "1")
				rw.Header()["X-Other"] = []string{"2", "3"}
			case "/late":
				io.WriteString(rw, "a body")
				rw.Header().Set(http.TrailerPrefix+"X-Late", "4")
			case "/both":
				rw.Header().Set("Trailer", "X-Announced")
				io.WriteString(rw, "a body")
				rw.Header().Set("X-Announced", "5")
				rw.Header().Set(http.TrailerPrefix+"X-Late", "6")
			}
		}),
		drive: func(w *way) {
			c := w.h1()
			for _, path := range []string{"/announced", "/late", "/both"} {
				c.send("POST " + path + " HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nTrailer: X-Up\r\n\r\n5\r\nhello\r\n0\r\nX-Up: 7\r\n\r\n").read("POST")
				req := request("POST", "https://example.com"+path, "")()
				req.Body, req.ContentLength, req.Trailer = io.NopCloser(strings.NewReader("hello")), -1, http.Header{"X-Up": {"8", "9"}}
				w.answer(w.http(true).Do(req))
			}
		},
		want: []string{"HTTP/1.1 200, length -1, announced [\"X-Announced\" \"X-Other\"]", "X-Late: \"4\"", "X-Late: \"6\"", "X-Up: \"7\"", "X-Up: \"9\""},
	},
	{
		name: "trailers of a request that were not announced",
		up:   noting(nil),
		drive: func(w *way) {
			w.h1().send("POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Up: 7\r\n\r\n").read("POST")
		},
		want: []string{"trailers\n  X-Up: \"7\""},
	},
	{
		name: "trailers without a body",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Trailer", "X-Status")
			rw.WriteHeader(200)
			rw.(http.Flusher).Flush()
			rw.Header().Set("X-Status", "0")
		}),
		drive: func(w *way) {
			w.h1().send("GET / HTTP/1.1\r\nHost: example.com\r\nTE: trailers\r\n\r\n").read("GET")
			w.answer(w.http(true).Get("https://example.com/"))
		},
		want: []string{"X-Status: \"0\""},
	},
	{
		name: "full duplex",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				_ = http.NewResponseController(rw).EnableFullDuplex()
				rw.(http.Flusher).Flush()
				lines := bufio.NewScanner(q.Body)
				for lines.Scan() {
					w.got("%s", lines.Text())
					fmt.Fprintf(rw, "re: %s\n", lines.Text())
					rw.(http.Flusher).Flush()
				}
				io.WriteString(rw, "and out\n")
			})
		},
		drive: func(w *way) {
			for _, h2 := range []bool{false, true} {
				pr, pw := io.Pipe()
				resp, err := w.http(h2).Post("https://example.com/", "text/plain", pr)
				if err != nil {
					w.saw("no answer")
					return
				}
				lines := bufio.NewScanner(resp.Body)
				for i := range 5 {
					fmt.Fprintf(pw, "line %d\n", i)
					lines.Scan()
					w.saw("%s %s", resp.Proto, lines.Text())
				}
				pw.Close()
				lines.Scan()
				w.saw("%s %s, %v", resp.Proto, lines.Text(), lines.Scan())
				resp.Body.Close()
			}
		},
		want: []string{"HTTP/1.1 re: line 4", "HTTP/2.0 re: line 4", "HTTP/2.0 and out, false"},
	},
	{
		name: "an answer before the upload is over",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				_ = http.NewResponseController(rw).EnableFullDuplex()
				rw.WriteHeader(http.StatusRequestEntityTooLarge)
				io.WriteString(rw, "too large")
				rw.(http.Flusher).Flush()
				_, _ = io.Copy(io.Discard, q.Body)
			})
		},
		drive: func(w *way) {
			c := w.h1().send("POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			resp, err := http.ReadResponse(c.br, nil)
			if err != nil {
				w.saw("no answer")
				return
			}
			part := make([]byte, len("too large"))
			_, _ = io.ReadFull(resp.Body, part)
			w.saw("%d %s", resp.StatusCode, part)
			c.send("5\r\nhello\r\n0\r\n\r\n")
			rest, err := io.ReadAll(resp.Body)
			w.saw("%q %v", rest, err)
			c.send(get).read("GET")
		},
		want: []string{"413 too large"},
	},
	{
		name:  "compressed uploads leave as they came",
		up:    noting(nil),
		drive: driveCompressed,
		want:  []string{`Content-Encoding: "gzip"`, `Content-Encoding: "zstd"`, "length -1"},
	},
	{
		name: "compressed answers stay as they are",
		up: func(w *way) http.Handler {
			return noting(func(rw http.ResponseWriter, q *http.Request) {
				accepted := q.Header.Get("Accept-Encoding")
				rw.Header().Set("Content-Encoding", accepted)
				if accepted == "dcz" {
					_, _ = rw.Write(rawBytes(1000))
					return
				}
				_, _ = rw.Write(compress(w.t, accepted, someText(100000)))
			})(w)
		},
		drive: func(w *way) {
			c := w.h1()
			for _, coding := range []string{"gzip", "deflate", "br", "zstd", "dcz"} {
				c.send("GET / HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: " + coding + "\r\n\r\n").read("GET")
			}
		},
		want: []string{`Content-Encoding: "br"`, `Content-Encoding: "dcz"`},
	},
}

func someText(n int) string {
	b, _ := io.ReadAll(&patternReader{left: int64(n)})
	return string(b)
}

// noise stays as long as it is when it is compressed.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return string(b)
}

func driveCompressed(w *way) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		for _, text := range []string{someText(100), someText(100_000), noise(1 << 20)} {
			body := compress(w.t, coding, text)
			for _, length := range []int64{int64(len(body)), -1} {
				for _, h2 := range []bool{false, true} {
					req := request("POST", "https://example.com/", "")()
					req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), length
					req.Header.Set("Content-Encoding", coding)
					w.answer(w.http(h2).Do(req))
				}
			}
		}
	}
}
