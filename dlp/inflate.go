package dlp

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// codec is a format of compressed data or of an archive.
type codec int

const (
	codecNone codec = iota
	codecGzip
	codecZlib
	codecDeflate // zlib, or the same without header as some servers send it
	codecZstd
	codecBrotli
	codecBzip2
	codecZip
	codecUnknown // known by its magic, but not decoded
)

var codecPaths = [...]string{"", "gzip", "zlib", "deflate", "zstd", "br", "bzip2", "zip", ""}

// path names the codec in the path of a finding.
func (k codec) path() string { return codecPaths[k] }

const (
	inflateIn  = 4 << 10
	inflateOut = 8 << 10
)

// inflater decompresses what is pushed into it. The decoders pull: one runs in
// a coroutine, which stands still wherever more input is needed, so that all is
// synchronous. Each inflater has to be written until it is done, closed or
// stopped.
type inflater struct {
	kind   codec
	budget *budget
	sink   func([]byte)

	resume func() (struct{}, bool)
	stop   func() // ends the coroutine; may be called at any time but from sink

	src  pushed
	b    *inflateBuffers
	read int64 // bytes that were pushed
	out  int64 // bytes that came out
	// spare are bytes that a decoder took behind the end of its data.
	spare int

	done   bool
	halted bool
	err    error // the first part that could not be decoded; reported once
}

// inflateBuffers are what every inflater needs, whatever it decodes.
type inflateBuffers struct {
	in  *bufio.Reader
	out [inflateOut]byte
}

// newInflater begins a stream. All that it gives to sink, at most inflateOut
// bytes at once, it counts in b.
func newInflater(kind codec, b *budget, sink func([]byte)) *inflater {
	f := &inflater{kind: kind, budget: b, sink: sink}
	f.b = bufferPool.Get().(*inflateBuffers)
	f.b.in.Reset(&f.src)
	f.resume, f.stop = iter.Pull(f.run)
	return f
}

// write decodes p, of which it keeps nothing, and hands what comes out to sink.
// At the end of the compressed data, done is true, and the last rest bytes of p
// were not part of it; brotli has its end only where the stream does. An error
// says that a part was not decoded, and wraps one of those of this package; if
// done is false, such as behind an encrypted file of an archive, the rest still
// is.
func (f *inflater) write(p []byte) (rest int, done bool, err error) {
	if f.done {
		return len(p), true, nil
	}
	f.read += int64(len(p))
	f.src.p = p
	f.resume()
	rest = min(len(p), f.src.left)
	err, f.err = f.err, nil
	return rest, f.done, err
}

// close tells that the stream ends. It returns an error if the compressed data
// does not.
func (f *inflater) close() error {
	if f.done {
		return nil
	}
	f.src.end = true
	f.resume()
	f.stop()
	err := f.err
	f.err = nil
	return err
}

// halt ends the decoding from within sink.
func (f *inflater) halt() { f.halted = true }

// run is the coroutine.
func (f *inflater) run(yield func(struct{}) bool) {
	f.src.wait = func() bool { return yield(struct{}{}) }
	err := f.decode(f.kind, f.b.in)
	f.done = true
	f.src.left = len(f.src.p) + f.b.in.Buffered() + f.spare
	f.src.p = nil
	f.b.in.Reset(nil)
	bufferPool.Put(f.b)
	f.b = nil
	f.fail(err)
}

// fail notes what could not be decoded.
func (f *inflater) fail(err error) {
	if err = decodeError(err); f.err == nil {
		f.err = err
	}
}

// pushed is the source of the decoders.
type pushed struct {
	p    []byte
	left int // of the last p, when the decoder was done
	end  bool
	wait func() bool
}

// errStopped ends a decoder that nobody needs any more.
var errStopped = errors.New("stopped")

func (s *pushed) Read(p []byte) (int, error) {
	for len(s.p) == 0 {
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

// decode reads one stream of a kind from in.
func (f *inflater) decode(kind codec, in *bufio.Reader) error {
	switch kind {
	case codecGzip:
		return f.gunzip(in)
	case codecZlib:
		return f.unzlib(in)
	case codecDeflate:
		head, err := in.Peek(2)
		if err == nil && isZlib(head) {
			return f.unzlib(in)
		}
		return f.inflate(in)
	case codecZstd:
		return f.unzstd(in)
	case codecBrotli:
		return f.unbrotli(in)
	case codecBzip2:
		return f.bunzip2(in)
	case codecZip:
		return f.unzip(in)
	}
	return ErrUnknownEncoding
}

func (f *inflater) bunzip2(in *bufio.Reader) error {
	err := f.pump(bzip2.NewReader(in))
	var structural bzip2.StructuralError
	if errors.As(err, &structural) && f.out > 0 && structural == "bad magic value in continuation file" {
		f.spare = 2 // what it read of the next stream, which is none
		return nil
	}
	return err
}

// pump hands all that a decoder gives to sink.
func (f *inflater) pump(r io.Reader) error {
	for {
		n, err := r.Read(f.b.out[:])
		if taken := f.emit(f.b.out[:n]); taken != nil {
			return taken
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (f *inflater) emit(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	n := f.budget.take(len(p), f.read-int64(len(f.src.p)), f.out)
	f.out += int64(n)
	if n > 0 {
		f.sink(p[:n])
	}
	switch {
	case f.halted:
		return errStopped
	case n < len(p):
		return ErrBudget
	}
	return nil
}

// decodeError makes one of this package's errors of one of a decoder's.
func decodeError(err error) error {
	switch {
	case err == nil, errors.Is(err, errStopped):
		return nil
	case errors.Is(err, ErrBudget), errors.Is(err, ErrEncrypted), errors.Is(err, ErrUnknownEncoding), errors.Is(err, ErrCorrupt):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%w: %w", ErrBudget, err)
	case errors.Is(err, zstd.ErrUnknownDictionary), errors.Is(err, zlib.ErrDictionary):
		return fmt.Errorf("%w: %w", ErrUnknownEncoding, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends early", ErrCorrupt)
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
