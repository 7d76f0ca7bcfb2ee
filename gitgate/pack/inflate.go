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
	window *bufio.Reader // for what lies in the file
	end    [1]byte
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

// all is fill and finish, for data of a size that is only a claim: memory is taken
// as it arrives.
func (f *inflater) all(buf []byte, size int64) ([]byte, error) {
	const step = 64 << 10
	buf = buf[:0]
	for int64(len(buf)) < size {
		n := int(min(size-int64(len(buf)), max(step, int64(len(buf)))))
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

// at begins with the data of an entry in the file, behind its header, which it
// returns.
func (p *Pack) at(n int32) (header, error) {
	from, to := p.entries[n].at, p.end
	if int(n)+1 < len(p.entries) {
		to = p.entries[n+1].at
	}
	if p.inflate.window == nil {
		p.inflate.window = bufio.NewReaderSize(nil, windowBytes)
	}
	p.inflate.window.Reset(io.NewSectionReader(p.file, from, to-from))
	h, err := readHeader(p.inflate.window, p.format)
	if err == nil {
		err = p.inflate.start(p.inflate.window)
	}
	return h, err
}
