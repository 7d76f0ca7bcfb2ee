package workspace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
)

var errPackIndex = errors.New("a malformed index of a pack")

// packIndex is the index of a pack, version 2 of gitformat-pack(5).
type packIndex struct {
	n       int
	fanout  []byte
	names   []byte
	offsets []byte
	large   []byte // offsets that do not fit
}

// parsePackIndex holds the number of objects that an index claims against its
// size.
func parsePackIndex(data []byte) (x packIndex, err error) {
	const header, table, name, perObject = 8, 4 * 256, len(plumbing.ZeroHash), len(plumbing.ZeroHash) + 4 + 4
	if len(data) < header+table || string(data[:header]) != "\xfftOc\x00\x00\x00\x02" {
		return x, errPackIndex
	}
	x.fanout = data[header : header+table]
	last := uint32(0)
	for i := range 256 {
		n := x.bucket(i)
		if n < last {
			return x, errPackIndex
		}
		last = n
	}
	rest := data[header+table:]
	if int64(len(rest)) < int64(last)*int64(perObject) {
		return x, errPackIndex
	}
	x.n = int(last)
	x.names = rest[:x.n*name]
	x.offsets = rest[x.n*(name+4):][:x.n*4]
	x.large = rest[x.n*perObject:]
	return x, nil
}

func (x *packIndex) bucket(i int) uint32 { return binary.BigEndian.Uint32(x.fanout[4*i:]) }

// find returns the offset of an object in the pack.
func (x *packIndex) find(h plumbing.Hash) (int64, bool) {
	from, to := 0, int(x.bucket(int(h[0])))
	if h[0] > 0 {
		from = int(x.bucket(int(h[0]) - 1))
	}
	name := func(i int) []byte { return x.names[i*len(h):][:len(h)] }
	i := from + sort.Search(to-from, func(i int) bool { return bytes.Compare(name(from+i), h[:]) >= 0 })
	if i >= to || !bytes.Equal(name(i), h[:]) {
		return 0, false
	}
	const isLarge = 1 << 31
	at := binary.BigEndian.Uint32(x.offsets[4*i:])
	if at&isLarge == 0 {
		return int64(at), true
	}
	if j := int(at&^isLarge) * 8; j+8 <= len(x.large) {
		n := binary.BigEndian.Uint64(x.large[j:])
		return int64(n), n < 1<<48
	}
	return 0, false
}
