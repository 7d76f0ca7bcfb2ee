package pack

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
)

// inflater decompresses entries, one after the other.
type inflater struct {
	z      io.ReadCloser
	fast   unzipper
	window *bufio.Reader // for what lies in the file
	end    [1]byte
}

// into decompresses an entry at the beginning of r that comes to just b.
func (f *inflater) into(b []byte, r *bufio.Reader) error {
	if f.inBuffer(b, r, r.Buffered()) {
		return nil
	}
	// Its end may not have been in the buffer yet.
	if n := min(len(b)+len(b)/8+minEntry, r.Size()); n > r.Buffered() && len(b) <= 2*r.Size() && f.inBuffer(b, r, n) {
		return nil
	}
	if err := f.start(r); err != nil {
		return err
	}
	if err := f.fill(b); err != nil {
		return err
	}
	return f.finish()
}

// minEntry is more than compressed data of few bytes takes, with what must lie behind
// it.
const minEntry = 64 + spare

// inBuffer decompresses an entry that ends in the next n bytes, which fit into the
// buffer.
func (f *inflater) inBuffer(b []byte, r *bufio.Reader, n int) bool {
	there, _ := r.Peek(n) // an error comes again where the entry is read as a stream
	used, ok := f.fast.unzip(b, there)
	if !ok {
		return false
	}
	_, err := r.Discard(used)
	return err == nil
}

// start begins with the data of an entry. Of r nothing is read behind it.
func (f *inflater) start(r *bufio.Reader) error {
	head, err := r.Peek(2)
	if err != nil {
		return err
	}
	if head[1]&0x20 != 0 {
		return corrupt("an entry is compressed with a dictionary")
	}
	if f.z == nil {
		f.z, err = zlib.NewReader(r)
	} else {
		err = f.z.(zlib.Resetter).Reset(r, nil)
	}
	return unzip(err)
}

// fill decompresses as many bytes as b has.
func (f *inflater) fill(b []byte) error {
	_, err := io.ReadFull(f.z, b)
	return unzip(err)
}

// finish checks that nothing is left of the data, and its check sum.
func (f *inflater) finish() error {
	for {
		n, err := f.z.Read(f.end[:])
		switch {
		case n > 0:
			return corrupt("an entry is longer than it says")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return unzip(err)
		}
	}
}

// all is into, for data of a size that is only a claim: beyond 1 MiB, memory is
// taken as it arrives.
func (f *inflater) all(buf []byte, size int64, r *bufio.Reader) ([]byte, error) {
	if size <= 1<<20 {
		buf = grow(buf[:0], int(size))
		return buf, f.into(buf, r)
	}
	if err := f.start(r); err != nil {
		return buf, err
	}
	for buf = buf[:0]; int64(len(buf)) < size; {
		n := int(min(size-int64(len(buf)), max(1<<20, int64(len(buf)))))
		buf = grow(buf, n)
		if err := f.fill(buf[len(buf)-n:]); err != nil {
			return buf, err
		}
	}
	return buf, f.finish()
}

// grow makes buf longer by n.
func grow(buf []byte, n int) []byte {
	if need := len(buf) + n; need > cap(buf) {
		buf = append(make([]byte, 0, need), buf...)
	}
	return buf[:len(buf)+n]
}

// unzip says what is wrong with compressed data. An end of the input is told by
// the source.
func unzip(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// at reads the header of an entry in the file. The window is behind it.
func (p *Pack) at(n int32) (header, error) {
	from, to := p.entries[n].at, p.end
	if int(n)+1 < len(p.entries) {
		to = p.entries[n+1].at
	}
	if p.inflate.window == nil {
		p.inflate.window = bufio.NewReaderSize(nil, windowBytes)
	}
	p.inflate.window.Reset(io.NewSectionReader(p.file, from, to-from+spare)) // at the end is the check sum
	return readHeader(p.inflate.window, p.format)
}
