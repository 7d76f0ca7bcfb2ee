package proxy

import (
	"bufio"
	"compress/zlib"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// flateWindow is what a decoder of deflate has in hand before it gives it out
	// (RFC 1951, section 2), flateMatch what it goes on with then, at most, without
	// one more byte of input.
	flateWindow = 32 << 10
	flateMatch  = 258
	// markStep is how much of the input there is between every other mark, at least.
	markStep = 64
	// zstdBlock is the most that one block of zstd becomes (RFC 8878, section 3.1.1.2).
	zstdBlock = 128 << 10
)

// errBehind is an end of the compressed data with something behind it.
var errBehind = errors.New("something behind the end")

// errStopped ends a decoder that nobody needs any more.
var errStopped = errors.New("stopped")

// inflater decompresses what is pushed into it. The decoders pull: one runs in a
// coroutine, which stands still wherever more input is needed. It knows what has
// come out of which part of the input, so that compressed bytes can be let go once
// all that anybody can make of them was seen.
type inflater struct {
	coding string
	sink   func([]byte) error

	resume func() (struct{}, bool)
	stop   func() // has to be called in the end

	src    pushed
	in     *bufio.Reader
	buf    [flateWindow]byte
	out    int64 // bytes that came out
	marks  []inflateMark
	sealed int64 // input up to where nothing is left to see
	done   bool
	err    error
}

// inflateMark says that the input before an offset becomes nothing that lies behind
// an offset of the output.
type inflateMark struct{ in, out int64 }

// newInflater returns one for a coding of those that newDecoder knows. What comes
// out goes to sink, in pieces of at most 32 KiB, which may end it by an error.
func newInflater(coding string, sink func([]byte) error) (*inflater, error) {
	if _, err := newDecoder(coding, strings.NewReader("")); err != nil {
		return nil, err
	}
	f := &inflater{coding: strings.ToLower(strings.TrimSpace(coding)), sink: sink}
	f.in = bufio.NewReader(&f.src)
	f.resume, f.stop = iter.Pull(f.run)
	return f, nil
}

// write decompresses p, of which it keeps nothing.
func (f *inflater) write(p []byte) error {
	if f.done {
		if f.err == nil && len(p) > 0 {
			f.err = errBehind
		}
		return f.err
	}
	f.src.p, f.src.n = p, f.src.n+int64(len(p))
	f.resume()
	return f.err
}

// close says that this was all. What is not complete then is an error.
func (f *inflater) close() error {
	if !f.done {
		f.src.end = true
		f.resume()
	}
	return f.err
}

// seen returns up to where the input becomes nothing but what lies before an offset
// of the output.
func (f *inflater) seen(out int64) int64 {
	n := 0
	for n < len(f.marks) && f.marks[n].out <= out {
		f.sealed = f.marks[n].in
		n++
	}
	f.marks = append(f.marks[:0], f.marks[n:]...)
	return f.sealed
}

// mark notes what was taken of the input, and that it becomes at most ahead more
// bytes than came out. A mark takes the place of those that it says more than, and of
// one that is near: what comes byte by byte, or becomes nothing, needs no memory.
func (f *inflater) mark(ahead int64) {
	m := inflateMark{f.src.n - int64(len(f.src.p)) - int64(f.in.Buffered()), f.out + ahead}
	n := len(f.marks)
	for n > 0 && f.marks[n-1].out >= m.out {
		n--
	}
	if n > 1 && m.in-f.marks[n-2].in < markStep {
		n--
	}
	f.marks = append(f.marks[:n], m)
}

// run is the coroutine.
func (f *inflater) run(yield func(struct{}) bool) {
	f.src.wait = func() bool { return yield(struct{}{}) }
	f.err = f.decode()
	f.done = true
	if f.err == nil && len(f.src.p)+f.in.Buffered() > 0 {
		f.err = errBehind
	}
}

func (f *inflater) decode() error {
	switch f.coding {
	case "br":
		// It gives out all there is before it asks for more.
		f.src.asked = func() { f.mark(0) }
		return f.pump(brotli.NewReader(&f.src), nil)
	case "zstd":
		r, err := zstd.NewReader(f.in, zstdOptions...)
		if err != nil {
			return err
		}
		return f.pump(r, func(n int, _ int64) {
			if n < len(f.buf) { // else there may be more of the block
				f.mark(0)
			} else {
				f.mark(zstdBlock)
			}
		})
	case "deflate":
		return f.deflate()
	}
	return f.gunzip()
}

// deflate reads what openDeflate does. It asks for more behind its end.
func (f *inflater) deflate() error {
	var r io.Reader = flate.NewReader(f.in)
	if head, err := f.in.Peek(2); err == nil && isZlib(head) {
		if r, err = zlib.NewReader(f.in); err != nil {
			return err
		}
	}
	if err := f.pump(r, f.markFlate); err != nil {
		return err
	}
	f.mark(0)
	if _, err := f.in.Peek(1); !errors.Is(err, io.EOF) {
		return errBehind
	}
	return nil
}

// gunzip reads one member after another (RFC 1952, section 2.2).
func (f *inflater) gunzip() error {
	z, err := gzip.NewReader(f.in)
	for err == nil {
		z.Multistream(false)
		if err := f.pump(z, f.markFlate); err != nil {
			return err
		}
		f.mark(0)
		if err = z.Reset(f.in); errors.Is(err, io.EOF) {
			return nil
		}
	}
	return err
}

// markFlate is what is known when a decoder of deflate has given out the n-th byte:
// everything, unless its window was full, and that it is at each whole number of them.
func (f *inflater) markFlate(_ int, n int64) {
	if n%flateWindow == 0 {
		f.mark(flateMatch)
	} else {
		f.mark(0)
	}
}

// pump hands all that a decoder gives to sink, and calls mark for each piece, with
// its length and that of all pieces.
func (f *inflater) pump(r io.Reader, mark func(n int, all int64)) error {
	for all := int64(0); ; {
		n, err := r.Read(f.buf[:])
		if n > 0 {
			f.out, all = f.out+int64(n), all+int64(n)
			if err := f.sink(f.buf[:n]); err != nil {
				return err
			}
			if mark != nil {
				mark(n, all)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pushed is the source of the decoders.
type pushed struct {
	p     []byte
	n     int64 // bytes that were pushed
	end   bool
	asked func() // for more than there is; may be nil
	wait  func() bool
}

func (s *pushed) Read(p []byte) (int, error) {
	for len(s.p) == 0 {
		if s.asked != nil {
			s.asked()
		}
		if s.end {
			return 0, io.EOF
		}
		if !s.wait() {
			return 0, errStopped
		}
	}
	n := copy(p, s.p)
	s.p = s.p[n:]
	return n, nil
}
