package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

var rowsHeads = []row{
	{
		name: "what a client says about itself, and nothing besides",
		up:   noting(nil),
		drive: func(w *way) {
			w.h1().send("GET / HTTP/1.1\r\nHost: example.com\r\nuser-agent: x\r\nAccept: */*\r\nAccept-Encoding: zstd, br\r\nReferer: https://a/\r\nX-Forwarded-For: 1\r\nVia: 1.1 a\r\n\r\n").read("GET").
				send(get).read("GET")
			w.answer(w.http(true).Get("https://example.com/"))
		},
		want: []string{"User-Agent: \"x\"", "Go-http-client/2.0"},
	},
	{
		name: "repeated fields in their order, empty ones and odd bytes",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header()["X-Many"] = []string{"1", "2", "", "1", "caf\xe9, \xc3\xa9"}
			rw.Header()["X_Under.score~"] = []string{"a", "b"}
		}),
		drive: func(w *way) {
			w.h1().send("GET / HTTP/1.1\r\nHost: example.com\r\nX-Many: b\r\nx-other:\r\nx-many:   a,c\t\r\nX-MANY: \r\nX_Under: caf\xe9\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n").read("GET")
			req := request("GET", "https://example.com/", "")()
			req.Header = http.Header{"x-many": {"b", "", "a,c"}, "X-MiXed": {"1"}, "Cookie": {"a=1; b=2; c=3"}}
			w.answer(w.http(true).Do(req))
		},
		want: []string{"X-Many: \"1\"\n  X-Many: \"2\"\n  X-Many: \"\"\n  X-Many: \"1\"", `caf\xe9, é`, "Cookie: \"a=1; b=2; c=3\"", "X-Many: \"b\"\n  X-Many: \"\"\n  X-Many: \"a,c\"", "X-Mixed"},
	},
	{
		name: "the letters of names over HTTP/2 are small, and in their order",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header()["X-MIXED-case"] = []string{"1", "2"}
			rw.Header()["Set-Cookie"] = []string{"a=1", "b=2", "a=3"}
		}),
		drive: func(w *way) {
			c := w.h2raw()
			c.open(1, true, "x-many", "1", "x-many", "2", "cookie", "a=1", "cookie", "b=2")
			c.show(1)
		},
		want: []string{"x-mixed-case: 1\nx-mixed-case: 2", "set-cookie: a=1\nset-cookie: b=2\nset-cookie: a=3", "Cookie: \"a=1; b=2\""},
	},
	{
		name: "many cookies",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			for i := range 100 {
				rw.Header().Add("Set-Cookie", fmt.Sprintf("c%d=%d; Path=/; HttpOnly", (i*37)%100, i))
			}
		}),
		drive: func(w *way) {
			w.h1().send(get).read("GET")
			w.answer(w.http(true).Get("https://example.com/"))
		},
		want: []string{"c37=1; Path=/; HttpOnly"},
	},
	{
		name: "large heads",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("X-Large", strings.Repeat("y", 900<<10))
			for i := range 100 {
				rw.Header().Set(fmt.Sprintf("X-Field-%d", i), strings.Repeat("z", 1000))
			}
		}),
		drive: func(w *way) {
			text := strings.Repeat("text ", 180<<10)
			w.h1().send("GET / HTTP/1.1\r\nHost: example.com\r\nX-Large: " + text + "\r\n\r\n").read("GET")
			w.h1().send("GET /" + strings.Repeat("p", 200<<10) + "?" + strings.Repeat("q", 500<<10) + " HTTP/1.1\r\nHost: example.com\r\n\r\n").read("GET")
			req := request("GET", "https://example.com/", "")()
			req.Header.Set("X-Large", text)
			w.answer(w.http(true).Do(req))
		},
		want: []string{"X-Large: of 921600 bytes", "X-Large: of 921599 bytes", "X-Field-99: of 1000 bytes", "HTTP/2.0 200"},
	},
	{
		name: "targets as they were written",
		up:   noting(nil),
		drive: func(w *way) {
			c := w.h1()
			for _, target := range []string{"/a%2Fb/c;d=1,2?q=1&q=2;3", "//double//slashes/", "/a/./b/../c", "/?", "/a?b?c/../d", "/%41%e4",
				"/a|b^c{d}`e\"<f>", "/[x]'(y)!*@:&=+$,", "/?a=[1]{2}|3^\"<>`\\", "/~u/%7Eu", "/a\\b", "/a#b", "//a|b", "/a\xe4|"} {
				c.send("GET " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n").read("GET")
			}
			c.send("OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n").read("OPTIONS")
			raw := w.h2raw()
			for i, target := range []string{"/a%2Fb?q=1;2", "/a|b^c{d}", "//x//y", "/?"} {
				raw.openPath(uint32(2*i+1), target)
				raw.show(uint32(2*i + 1))
			}
		},
		want: []string{"/a%2Fb/c;d=1,2?q=1&q=2;3", "//double//slashes/", "/a|b^c{d}`e", "/a/./b/../c", "OPTIONS example.com *", "/a|b^c{d} HTTP/2.0"},
		differs: []difference{
			{"/a\\b ", "/a%5Cb ", "some servers take it for a slash"},
			{"/a#b ", "/a%23b ", "some servers take it for the end of the path"},
			{"//a|b ", "//a%7Cb ", "net/http can only send it so"},
			{"/a\xe4| ", "/a%E4%7C ", "it is no URL, and each server reads it in its own way"},
		},
	},
	{
		name: "the host as it was written",
		up:   noting(nil),
		drive: func(w *way) {
			c := w.h1()
			for _, host := range []string{"example.com", "EXAMPLE.com", "example.com:443"} {
				c.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").read("GET")
			}
			c.send("GET https://example.com/abs?x HTTP/1.1\r\nHost: example.com\r\n\r\n").read("GET")
		},
		want:    []string{"GET EXAMPLE.com", "GET example.com:443"},
		differs: []difference{{"GET example.com https://example.com/abs?x", "GET example.com /abs?x", "absolute form is for proxies only (RFC 9112, section 3.2.1)"}},
	},
	{
		name: "methods",
		up:   noting(nil),
		drive: func(w *way) {
			c := w.h1()
			for _, method := range []string{"PROPFIND", "REPORT", "get", "M-SEARCH", "TRACE", "OPTIONS", "DELETE"} {
				c.send(method + " /x HTTP/1.1\r\nHost: example.com\r\n\r\n").read(method)
				req := request(method, "https://example.com/x", "")()
				w.answer(w.http(true).Do(req))
			}
		},
		want: []string{"PROPFIND example.com /x HTTP/1.1", "get example.com /x HTTP/2.0"},
	},
	{
		name: "redirects and locations stay the upstream's",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Location", "/b?c#d")
			rw.Header().Set("Refresh", "0; url=/x")
			rw.Header().Set("Date", "Sat, 08 Sep 2001 01:46:40 GMT")
			rw.Header().Set("Server", "s/1")
			rw.Header().Set("X-Date", rw.Header().Get("Date"))
			rw.WriteHeader(http.StatusTemporaryRedirect)
			io.WriteString(rw, "moved")
		}),
		drive: func(w *way) {
			resp, err := w.http(false).Get("https://example.com/")
			if err == nil {
				w.saw("date %s", resp.Header.Get("Date"))
			}
			w.answer(resp, err)
		},
		want: []string{"307", "Location: \"/b?c#d\"", "date Sat, 08 Sep 2001 01:46:40 GMT"},
	},
	{
		name: "Alt-Svc",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Alt-Svc", `h3=":443"; ma=86400`)
			io.WriteString(rw, "x")
		}),
		drive: func(w *way) {
			w.h1().send(get).read("GET")
			w.answer(w.http(true).Get("https://example.com/"))
		},
		differs: []difference{{"  Alt-Svc: \"h3=\\\":443\\\"; ma=86400\"\n", "", "QUIC cannot leave, so no client shall try"}},
	},
	{
		name: "folded fields of an answer",
		h1:   true,
		raw:  rawAnswers("HTTP/1.1 200 OK\r\nX-Folded: a\r\n  b\r\nContent-Length: 2\r\n\r\nok"),
		drive: func(w *way) {
			w.h1().send(get).read("GET")
		},
		want: []string{"X-Folded: \"a b\""},
	},
	{
		name:   "Accept-Encoding where answers are searched",
		secret: true,
		up:     noting(say("hello")),
		drive: func(w *way) {
			c := w.h1()
			for _, v := range []string{"gzip, br;q=0.5, zstd, deflate", "gzip, dcb, compress", "compress", "*"} {
				c.send("GET / HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: " + v + "\r\n\r\n").read("GET")
			}
		},
		want: []string{"\"gzip, br;q=0.5, zstd, deflate\""},
		differs: []difference{
			{`"gzip, dcb, compress"`, `"gzip"`, "what cannot be read is not asked for"},
			{`"compress"`, `"identity"`, "the same"},
			{`"*"`, `"identity"`, "the same"},
		},
	},
}
