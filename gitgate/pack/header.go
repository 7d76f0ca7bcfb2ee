package pack

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// The types of entries that are deltas.
const (
	offsetDelta = 6
	idDelta     = 7
)

// header is what stands before the compressed data of an entry.
type header struct {
	kind byte  // an object.Kind, offsetDelta or idDelta
	size int64 // of the data
	back int64 // of offsetDelta how far before the entry its base begins
	base oid.ID
}

func (h *header) delta() bool { return h.kind == offsetDelta || h.kind == idDelta }

// readStart reads the beginning of a pack and returns how many entries follow.
func readStart(r io.Reader) (int64, error) {
	var b [12]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	version := binary.BigEndian.Uint32(b[4:])
	if string(b[:4]) != "PACK" || version != 2 && version != 3 {
		return 0, corrupt("it is no pack of version 2 or 3")
	}
	return int64(binary.BigEndian.Uint32(b[8:])), nil
}

type byteReader interface {
	io.Reader
	io.ByteReader
}

// readHeader reads the header of an entry.
func readHeader(r byteReader, format oid.Format) (h header, err error) {
	c, err := r.ReadByte()
	if err != nil {
		return h, err
	}
	h.kind, h.size = c>>4&7, int64(c&15)
	for shift := 4; c&0x80 != 0; shift += 7 {
		if c, err = r.ReadByte(); err != nil {
			return h, err
		}
		if shift > 56 {
			return h, corrupt("the size of an entry has too many digits")
		}
		h.size |= int64(c&0x7f) << shift
	}
	switch h.kind {
	case byte(object.Commit), byte(object.Tree), byte(object.Blob), byte(object.Tag):
	case offsetDelta:
		h.back, err = readBack(r)
	case idDelta:
		var sum [32]byte
		if _, err = io.ReadFull(r, sum[:format.Size()]); err == nil {
			h.base = format.From(sum[:])
		}
	default:
		err = corrupt("an entry of no known type")
	}
	return h, err
}

// readBack reads a distance. Each digit but the last counts one more than it says,
// so that there is only one form of each number.
func readBack(r io.ByteReader) (int64, error) {
	var n int64
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if n > math.MaxInt64>>8 {
			return 0, corrupt("the offset of a base has too many digits")
		}
		n = n<<7 | int64(c&0x7f)
		if c&0x80 == 0 {
			return n, nil
		}
		n++
	}
}
