package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// ruleVirtual is the rule that lets requests to a virtual host pass.
const ruleVirtual = "bottle"

// virtual returns the handler of a virtual host; nil for all others. Virtual hosts
// speak https only: what came in clear could be read on the way to a standalone
// proxy.
func (s *Server) virtual(host string, port int) http.Handler {
	if port != 443 {
		return nil
	}
	return s.opts.Hosts[host]
}

// decideHost is Policy.DecideHost, which knows nothing of virtual hosts and of git's.
func (s *Server) decideHost(snap *snapshot, host string, port int) Decision {
	if s.virtual(host, port) != nil {
		return Decision{Action: Allow, Rule: ruleVirtual}
	}
	return snap.decideHost(host, port)
}

// decideTarget is Policy.Decide with virtual hosts, which no route concerns.
func (x *exchange) decideTarget() Decision {
	if x.virtual() != nil {
		return Decision{Action: Allow, Rule: ruleVirtual}
	}
	return x.snap.Policy.Decide(x.target)
}

func (x *exchange) virtual() http.Handler {
	if x.tunnel == nil || x.target.Scheme != "https" {
		return nil
	}
	return x.s.virtual(x.target.Host, x.target.Port)
}

// answerVirtual has a handler answer in the upstream's place. The answer streams,
// and the handler's context ends with the exchange.
func answerVirtual(h http.Handler, out *http.Request) (*http.Response, error) {
	r := out.Clone(out.Context())
	r.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, pipe := io.Pipe()
	w := &virtualWriter{header: http.Header{}, pipe: pipe, begun: make(chan *http.Response, 1), request: out, body: body}
	go func() {
		err := errors.New("the handler of a virtual host panicked")
		defer func() {
			// Not told to net/http: this goroutine is none of its own.
			_ = recover()
			w.end(err)
		}()
		h.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		err = nil
	}()
	select {
	case resp := <-w.begun:
		if resp == nil {
			return nil, errors.New("it has no answer")
		}
		return resp, nil
	case <-out.Context().Done():
		_ = body.CloseWithError(context.Cause(out.Context()))
		return nil, context.Cause(out.Context())
	}
}

// virtualWriter is the ResponseWriter of a virtual host. Nothing is buffered: a
// write returns when the exchange has taken it.
type virtualWriter struct {
	header  http.Header
	request *http.Request
	body    *io.PipeReader
	pipe    *io.PipeWriter
	once    sync.Once
	begun   chan *http.Response // gets the answer, or nil when there is none
}

func (w *virtualWriter) Header() http.Header { return w.header }

// WriteHeader begins the answer; only the first call counts.
func (w *virtualWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.begun <- &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: w.header.Clone(), Body: w.body, ContentLength: -1, Request: w.request}
	})
}

func (w *virtualWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(p)
}

// Flush has nothing to do: it makes the writer one that streams.
func (w *virtualWriter) Flush() { w.WriteHeader(http.StatusOK) }

// end ends the answer, in order when err is nil.
func (w *virtualWriter) end(err error) {
	w.once.Do(func() { w.begun <- nil })
	_ = w.pipe.CloseWithError(err)
}
