package dlp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// zstdFrame reads one frame of zstd (RFC 8878, section 3.1), so that its decoder
// takes nothing of what is behind it.
type zstdFrame struct {
	in    *bufio.Reader
	left  int64 // bytes of the part that is being read
	stage zstdStage
	sum   bool // a checksum ends the frame
}

type zstdStage int

const (
	zstdHeader zstdStage = iota
	zstdBlock
	zstdSum
	zstdEnd
)

func (z *zstdFrame) Read(p []byte) (int, error) {
	for z.left == 0 {
		if z.stage == zstdEnd {
			return 0, io.EOF
		}
		if err := z.part(); err != nil {
			return 0, err
		}
	}
	n, err := z.in.Read(p[:min(int64(len(p)), z.left)])
	z.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// part looks at the header of the next part.
func (z *zstdFrame) part() error {
	switch z.stage {
	case zstdHeader:
		return z.header()
	case zstdBlock:
		h, err := z.peek(zstdBlockHeader)
		if err != nil {
			return err
		}
		n, last, ok := zstdBlockOf(h)
		if !ok {
			return errNoFrame
		}
		z.left = int64(n)
		if last {
			z.stage = zstdSum
		}
	case zstdSum:
		if z.sum {
			z.left = 4
		}
		z.stage = zstdEnd
	}
	return nil
}

var errNoFrame = errors.New("no frame of zstd")

func (z *zstdFrame) header() error {
	h, err := z.peek(5)
	if err != nil {
		return err
	}
	magic := binary.LittleEndian.Uint32(h)
	if magic&^0xf == 0x184D2A50 { // to be skipped
		if h, err = z.peek(8); err != nil {
			return err
		}
		z.left = 8 + int64(binary.LittleEndian.Uint32(h[4:]))
		z.stage = zstdEnd
		return nil
	}
	if magic != 0xFD2FB528 {
		return errNoFrame
	}
	z.left = int64(zstdHeaderLen(h[4]))
	if h, err = z.peek(int(z.left)); err != nil {
		return err
	}
	if !zstdHeaderFits(h) {
		return errNoFrame
	}
	z.sum = h[4]&zstdHasSum != 0
	z.stage = zstdBlock
	return nil
}

func (z *zstdFrame) peek(n int) ([]byte, error) {
	b, err := z.in.Peek(n)
	if err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	return b, err
}
