package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
)

// large is a body that is not decided before the upstream is asked.
var large = strings.Repeat("a line of some text\n", decideBytes/10)

// expecting sends a request that waits for a 100, and its body when that came.
func expecting(w *way, body string) {
	c := w.h1().send("POST / HTTP/1.1\r\nHost: example.com\r\nExpect: 100-continue\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n")
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		w.saw("no answer: %v", err)
		return
	}
	w.answer(resp, nil)
	if resp.StatusCode == http.StatusContinue {
		c.send(body).read("POST")
	}
}

var decidedFirst = difference{"HTTP/1.1 4", "HTTP/1.1 100, length 0, announced []\n\nbody \"\", whole true\nHTTP/1.1 4", "a small body is taken and decided before the upstream is asked"}

var expectTaken = difference{"  Expect: \"100-continue\"\n", "", "a small body is there already, so nothing is asked for"}

// refuseUnread answers without a look at the body.
func refuseUnread(status int) func(*way) http.Handler {
	return func(w *way) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
			w.got("%s, length %d\n%s", q.Method, q.ContentLength, fields(q.Header))
			http.Error(rw, "no", status)
		})
	}
}

var rowsInterim = []row{
	{
		name:  "100-continue, accepted, for a large body",
		up:    noting(say("hello")),
		drive: func(w *way) { expecting(w, large) },
		want:  []string{"HTTP/1.1 100", `body "hello"`, "Expect", "whole true"},
	},
	{
		name:    "100-continue, accepted, for a small body",
		up:      noting(say("hello")),
		drive:   func(w *way) { expecting(w, "a body") },
		want:    []string{"HTTP/1.1 100", `body "hello"`, "whole true"},
		differs: []difference{expectTaken},
	},
	{
		name:  "100-continue, refused with 417, for a large body",
		up:    refuseUnread(http.StatusExpectationFailed),
		drive: func(w *way) { expecting(w, large) },
		want:  []string{"HTTP/1.1 417"},
	},
	{
		name:  "100-continue, refused with a final status, for a large body",
		up:    refuseUnread(http.StatusUnauthorized),
		drive: func(w *way) { expecting(w, large) },
		want:  []string{"HTTP/1.1 401"},
	},
	{
		name:    "100-continue, refused with 417, for a small body",
		up:      refuseUnread(http.StatusExpectationFailed),
		drive:   func(w *way) { expecting(w, "a body") },
		want:    []string{"HTTP/1.1 417"},
		differs: []difference{expectTaken, decidedFirst},
	},
	{
		name: "100-continue over HTTP/2",
		up:   noting(say("hello")),
		drive: func(w *way) {
			for _, body := range []string{"a body", large} {
				req := request("POST", "https://example.com/", body, "Expect", "100-continue")()
				w.answer(w.http(true).Do(w.traced(req)))
			}
		},
		want: []string{"interim 100", "HTTP/2.0 200"},
	},
	{
		name: "early hints and other interim answers",
		up: noting(func(rw http.ResponseWriter, q *http.Request) {
			h := rw.Header()
			h.Set("Link", "</a.css>; rel=preload")
			rw.WriteHeader(http.StatusEarlyHints)
			h.Set("Link", "</b.css>; rel=preload")
			h.Add("Link", "</c.css>; rel=preload")
			rw.WriteHeader(http.StatusEarlyHints)
			h.Del("Link")
			rw.WriteHeader(http.StatusProcessing)
			rw.WriteHeader(199)
			h.Set("X-Final", "1")
			io.WriteString(rw, "hello")
		}),
		drive: func(w *way) {
			w.h1().send(get).read("GET").send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello").read("POST")
			w.answer(w.http(true).Do(w.traced(request("GET", "https://example.com/", "")())))
		},
		want: []string{"HTTP/1.1 103", "HTTP/1.1 102", "HTTP/1.1 199", "interim 103", "b.css"},
	},
	{
		name: "interim answers and an HTTP/1.0 client",
		h1:   true,
		raw:  rawAnswers("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
		drive: func(w *way) {
			w.h1().send("GET / HTTP/1.0\r\nHost: example.com\r\n\r\n").read("GET")
		},
		differs: []difference{
			overHTTP11,
			{"HTTP/1.1 103, length 0, announced []\n  Link: \"</a.css>\"\n\nbody \"\", whole true\nHTTP/1.1 200", "HTTP/1.0 200", "HTTP/1.0 knows none (RFC 9110, section 15.2)"},
		},
	},
	{
		name: "early hints come before the answer is begun",
		up: func(w *way) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
				rw.Header().Set("Link", "</a.css>")
				rw.WriteHeader(http.StatusEarlyHints)
				w.wait(w.step)
				io.WriteString(rw, "hello")
			})
		},
		drive: func(w *way) {
			req := request("GET", "https://example.com/", "")()
			req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error {
				w.saw("hints")
				w.next()
				return nil
			}}))
			for _, h2 := range []bool{false, true} {
				w.answer(w.http(h2).Do(req))
			}
		},
		want: []string{"hints\nHTTP/1.1 200", "hints\nHTTP/2.0 200"},
	},
}

// traced has the interim answers to a request noted.
func (w *way) traced(req *http.Request) *http.Request {
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got100Continue: func() { w.saw("interim 100") },
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code != http.StatusContinue {
				w.saw("interim %d\n%s", code, fields(http.Header(h)))
			}
			return nil
		},
	}))
}
