package proxy

import (
	"bytes"
	"errors"
	"slices"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/replace"
)

// A raw connection can last for days. What is sent in it is judged by what is in
// force when it is sent: both filters go on with a new configuration, and with new
// values, from what the old one held back.

// errEnded stops what nobody can judge any more.
var errEnded = errors.New("the proxy has ended")

// rawScan scans what the agent sends. It keeps the exchange's snapshot up to date,
// which nobody else may read meanwhile.
type rawScan struct {
	x  *exchange
	sc *dlp.Scanner
	f  filter
}

// newRawScan needs the snapshot of x to be in use. It is given back by end.
func newRawScan(x *exchange) *rawScan {
	r := &rawScan{x: x}
	r.begin()
	return r
}

func (r *rawScan) begin() {
	r.sc, r.f = r.x.scanner(), passFilter{}
	if !r.x.snap.ignores {
		r.f = r.x.streamScan(r.sc)
	}
}

func (r *rawScan) end() {
	r.x.snap.scanners.Put(r.sc)
	r.x.snap.leave()
}

// renewed takes over what was reloaded, and returns what of the held bytes may go.
func (r *rawScan) renewed() ([]byte, error) {
	if r.x.s.current.Load() == r.x.snap {
		return nil, nil
	}
	snap := r.x.s.use()
	if snap == nil {
		return nil, errEnded
	}
	var held []byte
	if f, ok := r.f.(*scanFilter); ok {
		held = f.tail
	}
	r.end()
	r.x.snap = snap
	r.begin()
	out, err := r.f.write(held)
	return bytes.Clone(out), err
}

func (r *rawScan) write(p []byte) ([]byte, error) {
	return r.then(func() ([]byte, error) { return r.f.write(p) })
}
func (r *rawScan) flush() ([]byte, error) {
	return r.then(func() ([]byte, error) { return r.f.flush() })
}
func (r *rawScan) close() ([]byte, error) {
	return r.then(func() ([]byte, error) { return r.f.close() })
}
func (r *rawScan) held() int { return r.f.held() }

func (r *rawScan) then(next func() ([]byte, error)) ([]byte, error) {
	before, err := r.renewed()
	if err != nil {
		return nil, err
	}
	out, err := next()
	if len(before) > 0 {
		out = append(before, out...)
	}
	return out, err
}

// rawRedact puts placeholders in the place of values of secrets that some route
// injects on the host, or did so since the connection was opened.
type rawRedact struct {
	x      *exchange
	snap   *snapshot // that the stream is of
	names  []string
	stream *replace.Stream // nil for nothing
	out    []byte
}

func newRawRedact(x *exchange) (*rawRedact, error) {
	r := &rawRedact{x: x}
	return r, r.renew()
}

func (r *rawRedact) renew() error {
	snap := r.x.s.current.Load()
	if snap == r.snap {
		return nil
	}
	for _, name := range snap.hostSecrets(r.x.target.Host).names {
		if !slices.Contains(r.names, name) {
			r.names = append(r.names, name)
		}
	}
	held := r.ended()
	if r.snap = snap; len(r.names) == 0 {
		return nil
	}
	red, err := snap.redaction(newSecretSet(slices.Clone(r.names)))
	if err != nil {
		return err
	}
	r.stream = red.table.NewStream()
	r.out = r.stream.Append(r.out, held)
	return nil
}

// ended ends the stream, once, and returns what it held.
func (r *rawRedact) ended() []byte {
	if r.stream == nil {
		return nil
	}
	held := r.stream.Close(nil)
	for _, h := range r.stream.Hits() {
		r.x.redacted += h.Count
	}
	r.stream = nil
	return held
}

func (r *rawRedact) write(p []byte) ([]byte, error) {
	r.out = r.out[:0]
	if err := r.renew(); err != nil {
		return nil, err
	}
	if r.stream == nil {
		return p, nil
	}
	r.out = r.stream.Append(r.out, p)
	return r.out, nil
}

func (r *rawRedact) flush() ([]byte, error) {
	r.out = r.out[:0]
	if err := r.renew(); err != nil || r.stream == nil {
		return nil, err
	}
	r.out = r.stream.Flush(r.out)
	return r.out, nil
}

func (r *rawRedact) close() ([]byte, error) { return r.ended(), nil }

func (r *rawRedact) held() int {
	if r.stream == nil {
		return 0
	}
	return r.stream.Held()
}
