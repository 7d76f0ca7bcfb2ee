package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// A filter decides the bytes of one direction of a stream. What it returns is
// valid until the next call; what it holds back is bounded by its own limits.
type filter interface {
	// write takes the next bytes and returns what may go on.
	write(p []byte) ([]byte, error)
	// flush decides what is held: nothing more came for a while.
	flush() ([]byte, error)
	// close decides what is held: the stream has ended.
	close() ([]byte, error)
	// held is how many bytes wait for a decision.
	held() int
}

// chain runs the output of first through second.
type chain struct{ first, second filter }

func (c chain) write(p []byte) ([]byte, error) {
	out, err := c.first.write(p)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return c.second.write(out)
}

// behind is a chain of those that are there.
func behind(first, second filter) filter {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return chain{first, second}
}

func (c chain) flush() ([]byte, error) { return c.last(c.first.flush, c.second.flush) }
func (c chain) close() ([]byte, error) { return c.last(c.first.close, c.second.close) }
func (c chain) held() int              { return c.first.held() + c.second.held() }

func (c chain) last(first, second func() ([]byte, error)) ([]byte, error) {
	tail, err := first()
	if err != nil {
		return nil, err
	}
	var out []byte
	if len(tail) > 0 {
		if tail, err = c.second.write(tail); err != nil {
			return nil, err
		}
		out = append(out, tail...)
	}
	rest, err := second()
	return append(out, rest...), err
}

// filterReader reads a stream through a filter. It never waits longer than
// holdIdle while bytes are held: nothing interactive can wait for a tail that
// the sender will not follow up. Memory is two buffers of streamBuffer.
//
// Read must not be called concurrently.
type filterReader struct {
	fetcher
	filter filter
	out    []byte // decided, not yet read
	err    error  // after out
}

func newFilterReader(ctx context.Context, src io.Reader, f filter) *filterReader {
	return &filterReader{fetcher: fetcher{ctx: ctx, src: src}, filter: f}
}

func (r *filterReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			r.giveBack()
			return 0, r.err
		}
		r.next()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// next makes progress: some output, an error, or more that is held.
func (r *filterReader) next() {
	data, idle, err := r.fetch(r.filter.held())
	if idle {
		r.out, r.err = r.filter.flush()
		return
	}
	if len(data) > 0 {
		if r.out, r.err = r.filter.write(data); r.err != nil {
			r.out = nil
			return
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		r.out = bytes.Clone(r.out) // close may write over what the last write gave
		tail, closeErr := r.filter.close()
		if closeErr != nil {
			r.out, r.err = nil, closeErr
			return
		}
		r.out, r.err = append(r.out, tail...), io.EOF
	default:
		r.err = err
	}
}

// fetcher reads a stream in buffers of streamBuffer. The background reader is used
// only while something is held, which is when a time limit is needed.
type fetcher struct {
	ctx  context.Context
	src  io.Reader
	buf  *[]byte
	pump *pump
}

// fetch reads what comes next. It is valid until the next call. With bytes held
// it waits no longer than holdIdle, and then says idle.
func (f *fetcher) fetch(held int) (data []byte, idle bool, err error) {
	if f.pump != nil && f.pump.busy || held > 0 {
		if f.pump == nil {
			f.pump = newPump(f.ctx, f.src)
		}
		limit := time.Duration(0)
		if held > 0 {
			limit = holdIdle
		}
		return f.pump.read(limit)
	}
	if f.buf == nil {
		f.buf = copyBuffers.Get().(*[]byte)
	}
	n, err := f.src.Read(*f.buf)
	return (*f.buf)[:n], false, err
}

// giveBack ends the use of the buffer.
func (f *fetcher) giveBack() {
	if f.buf != nil {
		copyBuffers.Put(f.buf)
		f.buf = nil
	}
}

// pump reads in the background, one buffer ahead, so that a consumer can stop
// waiting without losing what comes later. Its goroutine ends when ctx does and
// its read has returned: whoever owns the source must then close it.
type pump struct {
	ctx  context.Context
	ask  chan struct{}
	got  chan pumped
	busy bool // a read is under way
	idle *time.Timer
}

type pumped struct {
	data []byte
	err  error
	thrown
}

func newPump(ctx context.Context, src io.Reader) *pump {
	p := &pump{ctx: ctx, ask: make(chan struct{}), got: make(chan pumped, 1)}
	go func() {
		buf := make([]byte, streamBuffer)
		for {
			select {
			case <-p.ask:
			case <-ctx.Done():
				return
			}
			p.got <- readOnce(src, buf)
		}
	}()
	return p
}

func readOnce(src io.Reader, buf []byte) (got pumped) {
	defer got.catch(nil)
	n, err := src.Read(buf)
	got.data, got.err = buf[:n], err
	return got
}

// read waits for the next bytes, at most as long as limit where there is one.
// The data is valid until the next call.
func (p *pump) read(limit time.Duration) (data []byte, idle bool, err error) {
	if !p.busy {
		select {
		case p.ask <- struct{}{}:
			p.busy = true
		case <-p.ctx.Done():
			return nil, false, p.ctx.Err()
		}
	}
	var timeout <-chan time.Time
	if limit > 0 {
		if p.idle == nil {
			p.idle = time.NewTimer(limit)
		} else {
			p.idle.Reset(limit)
		}
		defer p.idle.Stop()
		timeout = p.idle.C
	}
	select {
	case got := <-p.got:
		p.busy = false
		got.again()
		return got.data, false, got.err
	case <-timeout:
		return nil, true, nil
	}
}
