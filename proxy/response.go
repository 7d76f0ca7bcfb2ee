package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"sync"
	"time"
)

// forward sends the request and streams the answer back. Whatever happens, the
// journal gets one end line.
func (x *exchange) forward() {
	var failed error
	defer func() {
		p := recover()
		if p != nil && failed == nil {
			failed = errors.New("internal error")
		}
		x.end(failed)
		if p != nil {
			panic(p) // the client must not take what it has for the whole
		}
	}()
	resp, err := x.roundTrip()
	if err != nil {
		failed = err
		if x.gone() {
			failed = fmt.Errorf("the client went away: %w", err)
		}
		d := x.roundTripDenial(err)
		if !d.upset {
			x.refused = d
		}
		x.answer(d)
		return
	}
	defer resp.Body.Close()
	if x.socket != nil && x.socket.up != nil {
		if failed = x.bridgeSocket(resp); failed != nil {
			panic(http.ErrAbortHandler)
		}
		return
	}
	if d := x.takeAnswer(resp); d != nil {
		x.refused = d
		x.answer(d)
		return
	}
	if failed = x.respond(resp); failed != nil {
		panic(http.ErrAbortHandler)
	}
	if !x.body.finished() {
		// An HTTP/2 client may stream on for as long as it likes. Closing the
		// answer's body would wait for a read of its next bytes.
		if x.r.ProtoMajor >= 2 {
			x.cancel()
		}
		x.drain()
	}
}

func (x *exchange) roundTripDenial(err error) *denial {
	x.bodyMu.Lock()
	defer x.bodyMu.Unlock()
	switch {
	case x.stopped != nil:
		return x.stopped
	case brokenBody(x.r):
		return &denial{status: http.StatusBadRequest, rule: "bad-body", message: errBadFraming.Error()}
	case x.gone(): // or has ended its side, and may still read
		return failure(http.StatusBadGateway, fmt.Sprintf("the client ended its side before %s answered, so the request was cancelled", x.target.Host))
	case x.body.cut():
		return badBody("ended early or is not framed right")
	}
	return upstreamFailure(x.target.Host, err)
}

// gone reports whether the client has ended the connection or reset the stream.
func (x *exchange) gone() bool { return x.r.Context().Err() != nil && x.s.ctx.Err() == nil }

// roundTrip sends the request in the client's own protocol and passes 1xx
// answers on as they come.
func (x *exchange) roundTrip() (*http.Response, error) {
	resp, err := x.send(x.out)
	if err == nil {
		if again := x.resend(x.out, resp); again != nil {
			resp, err = x.send(again)
		}
	}
	x.trace.mu.Lock()
	x.trace.over = true
	x.trace.mu.Unlock()
	if err != nil {
		return nil, err
	}
	switch code := resp.StatusCode; {
	case x.socket != nil && x.socket.up != nil:
	case code == http.StatusSwitchingProtocols:
		err = errors.New("it switched protocols without being asked to")
	case code == http.StatusProxyAuthRequired:
		err = errWantsPassword
	case code < 200, code > 999: // net/http's client takes it, its server does not
		err = fmt.Errorf("%03d is not the status of an answer", code)
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		// A length is no promise of a body there (RFC 9110, section 8.6), and net/http's
		// HTTP/2 client takes it for one that is missing. It goes, as in HTTP/1.1.
		resp.Body.Close()
		resp.Body, resp.ContentLength = http.NoBody, 0
		delete(resp.Header, "Content-Length")
	}
	return resp, nil
}

// trace is what the Transport tells while it sends, and may still tell when it has
// returned.
type trace struct {
	mu    sync.Mutex
	over  bool
	hooks httptrace.ClientTrace
}

// traced is a context for the request to the upstream.
func (x *exchange) traced() context.Context {
	x.trace.hooks = httptrace.ClientTrace{Got1xxResponse: x.interim, GotConn: x.gotConn}
	return httptrace.WithClientTrace(x.ctx, &x.trace.hooks)
}

func (x *exchange) interim(code int, header textproto.MIMEHeader) (err error) {
	x.trace.mu.Lock()
	defer x.trace.mu.Unlock()
	defer x.caught(&err)
	if x.trace.over || code == http.StatusSwitchingProtocols || !x.r.ProtoAtLeast(1, 1) {
		return nil
	}
	red, err := x.redaction()
	if err != nil {
		return err
	}
	h := x.w.Header()
	copyHeader(h, http.Header(header))
	x.cleanResponseHeader(h)
	x.redactHeader(h, red)
	x.w.WriteHeader(code)
	clear(h)
	return nil
}

func (x *exchange) gotConn(info httptrace.GotConnInfo) {
	x.trace.mu.Lock()
	defer x.trace.mu.Unlock()
	if !x.trace.over {
		x.upConn = info.Conn
		if x.guard != nil && x.out.GetBody != nil {
			joinHead(info.Conn)
		}
	}
}

func (x *exchange) send(out *http.Request) (*http.Response, error) {
	if h := x.virtual(); h != nil {
		return answerVirtual(h, out)
	}
	if c := x.canned(); c != nil {
		return c.answer(out)
	}
	if x.socket != nil {
		return x.openSocket(out)
	}
	return x.snap.upstreams.roundTrip(out, x.r.ProtoMajor == 2, x.target, x.route)
}

// respond streams the answer to the agent. An error means that the client saw
// the beginning of an answer that has no end.
func (x *exchange) respond(resp *http.Response) error {
	red, err := x.redaction()
	if err != nil {
		x.answer(&denial{status: http.StatusBadGateway, rule: "redact", upset: true, message: "the answer cannot be searched for credentials: " + err.Error()})
		return nil
	}
	body, open := io.Reader(resp.Body), endsWithConn(resp)
	if coding := messageCoding(resp.Header); red != nil && coding != "" {
		x.answer(&denial{status: http.StatusBadGateway, rule: "redact", upset: true, message: fmt.Sprintf("the messages in the answer of %s are compressed (%s), so they cannot be searched for credentials", x.target.Host, headerText(coding))})
		return nil
	}
	restore, err := x.restoreFilter(resp.Header)
	if err != nil {
		x.answer(&denial{status: http.StatusBadGateway, rule: "redact", upset: true, message: "what was replaced in the conversation cannot be put back: " + err.Error()})
		return nil
	}
	x.meter = x.usageReader(resp.Header)
	if red != nil || restore != nil || x.meter != nil {
		if body, err = x.filterAnswer(resp, red, restore); err != nil {
			x.answer(&denial{status: http.StatusBadGateway, rule: "redact", upset: true, message: fmt.Sprintf("the answer of %s has Content-Encoding %s, which cannot be searched for credentials", x.target.Host, headerText(contentCoding(resp.Header)))})
			return nil
		}
	}
	h := x.w.Header()
	copyHeader(h, resp.Header)
	x.cleanResponseHeader(h)
	x.redactHeader(h, red)
	x.warnAgent(h)
	announced := 0
	for name := range resp.Trailer {
		if isToken(name) && (red == nil || !red.holds(name)) { // else writeTrailers leaves it out
			h.Add("Trailer", name)
			announced++
		}
	}
	if announced > 0 && x.r.ProtoMajor == 1 && x.r.ProtoAtLeast(1, 1) && resp.Body != http.NoBody {
		h.Del("Content-Length") // HTTP/2 can have both, HTTP/1.1 has trailers behind chunks only
	}
	x.recording.answerHead(h)
	x.status = resp.StatusCode
	x.w.WriteHeader(resp.StatusCode)
	err = x.copyBody(body, resp)
	if err == nil && open && wasCut(x.upConn) {
		err = errCut
	}
	if err != nil {
		if x.bytesIn == 0 {
			_ = x.rc.Flush() // the head, which may still wait for a body
		}
		x.breakOff()
		return err
	}
	x.recording.answerEnd()
	// An upstream whose request was aborted may end its answer in order.
	if err := x.abort(); err != nil {
		return err
	}
	x.writeTrailers(resp.Trailer, announced, red)
	return nil
}

// breakOff lets an HTTP/1.0 client see that what it has is not the whole: its answers
// end with the connection, whose TLS must not be ended then.
func (x *exchange) breakOff() {
	if x.tunnel != nil && !x.r.ProtoAtLeast(1, 1) {
		x.tunnel.close()
	}
}

// abort returns why the rest of the upload was stopped, or nil.
func (x *exchange) abort() error {
	x.bodyMu.Lock()
	defer x.bodyMu.Unlock()
	if x.stopped == nil {
		return nil
	}
	return &blocked{x.stopped}
}

// cleanResponseHeader removes what concerns the upstream connection only, and
// what would send clients round the proxy (h3 cannot leave anyway).
func (x *exchange) cleanResponseHeader(h http.Header) {
	stripHopByHop(h)
	delete(h, "Alt-Svc")
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // or net/http guesses one
	}
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, streamBuffer); return &b }}

// copyBody streams the answer. Without a declared length every read is sent on
// at once, whatever the content type; with one, all but the last, which the
// end of the exchange flushes.
func (x *exchange) copyBody(body io.Reader, resp *http.Response) error {
	if x.r.Method == http.MethodHead || resp.Body == http.NoBody {
		return nil
	}
	w := &lateHead{w: x.w, rc: x.rc, guard: x.guard}
	if resp.ContentLength < 0 {
		if err := x.rc.Flush(); err != nil {
			return err
		}
	} else if resp.ContentLength > 0 {
		w.arm(x.s)
	}
	defer w.disarm()
	bp := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(bp)
	for {
		n, readErr := body.Read(*bp)
		if n > 0 {
			x.bytesIn += int64(n)
			if err := w.write((*bp)[:n], resp.ContentLength < 0 || x.bytesIn < resp.ContentLength); err != nil {
				return fmt.Errorf("the client went away: %w", err)
			}
			x.recording.answered((*bp)[:n])
		}
		if errors.Is(readErr, io.EOF) {
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("the upstream's answer broke off: %w", readErr)
		}
	}
}

// dropNoFields drops what has a name that no field can have.
func dropNoFields(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool { return !isToken(name) })
}

// writeTrailers sends trailers, also ones that were not announced.
func (x *exchange) writeTrailers(trailer http.Header, announced int, red *redaction) {
	dropNoFields(trailer) // of such alone net/http's HTTP/2 server would make no frame, and end no stream
	if len(trailer) == 0 {
		return
	}
	x.redactHeader(trailer, red)
	_ = x.rc.Flush() // forces chunking, without which h1 has no trailers
	prefix := ""
	if len(trailer) != announced {
		prefix = http.TrailerPrefix
	}
	h := x.w.Header()
	for name, values := range trailer {
		for _, v := range values {
			h.Add(prefix+name, v)
		}
	}
}

// end writes the last line of an exchange.
func (x *exchange) end(err error) {
	x.bodyMu.Lock()
	defer x.bodyMu.Unlock()
	var e Event
	if d := cmp.Or(x.stopped, x.refused); d != nil {
		// It is read without the decision, among the denials.
		e = x.event()
		e.Verdict, e.Rule, e.Reason = Deny, d.rule, x.redact(d.message)
	} else {
		e = Event{ID: x.id, Session: x.session, Host: x.shownHost(), Port: x.target.Port}
	}
	e.Type, e.Status, e.BytesOut, e.BytesIn = EventEnd, x.status, x.body.count(), x.bytesIn
	e.Duration, e.Redacted, e.Restored = time.Since(x.start), x.redacted, x.restored
	if err != nil {
		e.Error = x.redact(err.Error())
	}
	e.Findings, e.MoreFindings = slices.Clone(x.findings), x.moreFindings
	e.Secrets = x.injected
	if x.meter != nil {
		x.meter.Close() // also of an answer that broke off
	}
	if x.usage != (EventUsage{}) {
		e.Usage = &x.usage
	}
	for _, name := range x.placeholders {
		if !slices.Contains(x.injected, name) {
			e.Inert = append(e.Inert, name)
		}
	}
	slices.Sort(e.Inert)
	if r := x.recording; r != nil && e.Verdict != Deny { // of what was denied giveBack drops it
		x.recording, r.answer.size = nil, x.bytesIn
		x.s.recordEnd(&e, r)
		return
	}
	_ = x.s.record(&e)
}

// finished reports whether the whole upload was read.
func (b *uploadBody) finished() bool {
	if b.src == http.NoBody || b.src == nil {
		return true
	}
	if !b.mu.TryLock() {
		return false
	}
	defer b.mu.Unlock()
	return b.done
}

func (b *uploadBody) count() int64 {
	if !b.mu.TryLock() {
		return -1 // still being read; the number is not known
	}
	defer b.mu.Unlock()
	return b.sent
}

// copyHeader adds the fields of src, which is not used any more: dst has its
// slices.
func copyHeader(dst, src http.Header) {
	for name, values := range src {
		if had, ok := dst[name]; ok {
			values = append(had, values...)
		}
		dst[name] = values
	}
}
