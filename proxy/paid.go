package proxy

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/bot-bottle/bottle/internal/usage"
)

// paidStep is how much passes between two counts where the kernel copies.
const paidStep = 256 << 10

// paidReader is what an agent sends in a connection without requests. Each read is
// paid before it is handed on.
type paidReader struct {
	io.Reader
	spend   func(n int64) error
	bounded func() bool // whether a limit is set; nil where the kernel does not copy
}

func (r *paidReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if stop := r.spend(int64(n)); stop != nil {
		return 0, stop
	}
	return n, err
}

// WriteTo implements io.WriterTo. Between two connections the kernel copies, in steps:
// where a limit is set, each is what has come by then, and is paid before; where none
// is, it is counted behind.
func (r *paidReader) WriteTo(w io.Writer) (n int64, err error) {
	from, _ := r.Reader.(syscall.Conn)
	_, to := w.(io.ReaderFrom)
	if from == nil || !to {
		buf := copyBuffers.Get().(*[]byte)
		defer copyBuffers.Put(buf)
		return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, *buf)
	}
	raw, err := from.SyscallConn()
	for err == nil {
		var k int64
		if r.bounded() {
			k, err = r.paidCopy(w, raw)
		} else {
			k, err = r.countedCopy(w)
		}
		n += k
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// countedCopy copies a whole step.
func (r *paidReader) countedCopy(w io.Writer) (n int64, err error) {
	n, err = io.Copy(w, io.LimitReader(r.Reader, paidStep))
	if stop := r.spend(n); stop != nil {
		return n, stop
	}
	if err == nil && n < paidStep {
		err = io.EOF
	}
	return n, err
}

// paidCopy copies what there is, or waits for it.
func (r *paidReader) paidCopy(w io.Writer, raw syscall.RawConn) (n int64, err error) {
	step, err := awaitBytes(raw)
	if err != nil {
		return 0, err
	}
	step = min(step, paidStep)
	if stop := r.spend(step); stop != nil {
		return 0, stop
	}
	n, err = io.Copy(w, io.LimitReader(r.Reader, step))
	if err == nil && n < step {
		err = io.EOF
	}
	return n, err
}

// spend pays for what the gate is about to send, and keeps the denial for whoever
// answers the client.
func (c *GateCall) spend(ctx context.Context, n int64) error {
	if n == 0 || c.purse == nil { // as of UseGate: no agent asked for it
		return nil
	}
	if d := c.purse.spend(ctx, n); d != nil {
		c.stopped.Store(d)
		return &blocked{d}
	}
	return nil
}

// Stopped returns the rule and the reason when a budget had no room for what was to be
// sent: no server is at fault then.
func (c *GateCall) Stopped() (status int, rule, text string, ok bool) {
	d := c.stopped.Load()
	if d == nil {
		return 0, "", "", false
	}
	return d.status, d.rule, d.message, true
}

// paidTransport pays for what the gate sends.
type paidTransport struct {
	c *GateCall
	http.RoundTripper
}

// RoundTrip implements http.RoundTripper. A body of known length is paid for as a
// whole before anything of it leaves: a server has no use for half a push.
func (t *paidTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.c.spend(r.Context(), headSize(r)+max(0, r.ContentLength)); err != nil {
		if r.Body != nil {
			err = errors.Join(err, r.Body.Close())
		}
		return nil, err
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength > 0 {
		return t.RoundTripper.RoundTrip(r)
	}
	out := r.WithContext(r.Context())
	spend := func(n int64) error { return t.c.spend(r.Context(), n) }
	out.Body = &paidBody{paidReader{Reader: r.Body, spend: spend}, r.Body}
	if r.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := r.GetBody()
			return &paidBody{paidReader{Reader: body, spend: spend}, body}, err
		}
	}
	return t.RoundTripper.RoundTrip(out)
}

// paidBody is a body that is paid for as it is read.
type paidBody struct {
	paidReader
	io.Closer
}

// paidConn pays for what the gate writes.
type paidConn struct {
	net.Conn
	c *GateCall
}

// Write implements net.Conn.
func (c *paidConn) Write(p []byte) (int, error) {
	if err := c.c.spend(context.Background(), int64(len(p))); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// usageReader reads what a model's answer reports; nil for an answer that reports
// nothing.
func (x *exchange) usageReader(h http.Header) *usage.Reader {
	if !x.isModel() {
		return nil
	}
	typ, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	events := typ == "text/event-stream"
	if !events && typ != "application/json" && !strings.HasSuffix(typ, "+json") {
		return nil
	}
	return usage.NewReader(events, x.charged)
}

// socketMeter is usageReader for the messages of a WebSocket.
func (x *exchange) socketMeter() *usage.Reader {
	if !x.isModel() {
		return nil
	}
	return usage.NewReader(false, x.charged)
}

// meterFilter lets everything pass, and has it read for usage.
type meterFilter struct {
	passFilter
	meter *usage.Reader // may be nil
}

func (f meterFilter) write(p []byte) ([]byte, error) {
	if f.meter != nil {
		f.meter.Write(p)
	}
	return p, nil
}
