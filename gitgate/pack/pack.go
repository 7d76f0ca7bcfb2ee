// Package pack takes in a pack (gitformat-pack(5)) that a client pushes, and tells
// what is in it: every object is made whole, named, and shown to a Visitor, most
// of them while the rest is still arriving. Afterwards objects can be read again.
//
// A pack comes from someone who may want to break what reads it. So it is read
// strictly, stands alone (a delta whose base is not in it is refused), and may
// make no more work than Limits allow: an object, a ratio, a depth, a number of
// objects, a time that grows with what arrived. Memory is bounded by some 50 bytes
// for an object, a cache of fixed size, and a few objects at work, of less than 4 MiB
// each: a larger one is only ever there in pieces.
//
// The pack itself lies in an unlinked file, and so do large objects while others are
// made of them, three at most. They are read with one window of a buffer and not
// mapped into memory, so that a disk that fails is an error.
package pack

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// Pack is a pack that was received. It is not safe for concurrent use.
type Pack struct {
	format  oid.Format
	file    *os.File
	size    int64 // of the file
	end     int64 // of the entries
	entries []entry
	sums    []byte  // the IDs of the entries, one behind the other
	order   []int32 // the numbers of the entries, by ID
	cache   cache
	budget  budget
	inflate inflater
	chain   []int32 // scratch of ready
	delta   []byte  // scratch of build

	streamFrom int64
	dir        string
	large      []*scratch
	uses       int64 // of those
	weaver     *weaver
}

// entry is what is known of an object. There may be millions.
type entry struct {
	at    int64 // where it begins in the pack
	size  int64 // of the object, in bytes; -1 until it is resolved
	base  int32 // of a delta the number of its base; noBase, or waits, if that is not known
	depth uint16
	kind  object.Kind // of the object; 0 until it is resolved
}

const (
	noBase = -1
	waits  = -2 // for an object of an ID
)

// Len returns how many objects there are.
func (p *Pack) Len() int { return len(p.entries) }

// Bytes returns the size of the pack.
func (p *Pack) Bytes() int64 { return p.size }

// Format returns the object format.
func (p *Pack) Format() oid.Format { return p.format }

// ID returns the name of the object of a number.
func (p *Pack) ID(n int) oid.ID { return p.format.From(p.sum(n)) }

// Kind returns what the object of a number is.
func (p *Pack) Kind(n int) object.Kind { return p.entries[n].kind }

// Size returns how many bytes the object of a number has.
func (p *Pack) Size(n int) int64 { return p.entries[n].size }

func (p *Pack) sum(n int) []byte {
	size := p.format.Size()
	return p.sums[n*size : (n+1)*size]
}

// Find returns the number of an object.
func (p *Pack) Find(id oid.ID) (n int, ok bool) {
	if id.Format() != p.format {
		return 0, false
	}
	i, ok := slices.BinarySearchFunc(p.order, id.Bytes(), func(n int32, sum []byte) int { return bytes.Compare(p.sum(int(n)), sum) })
	if !ok {
		return 0, false
	}
	return int(p.order[i]), true
}

// Read appends the content of the object of a number to dst. The work counts
// toward the Limits of the reception.
func (p *Pack) Read(dst []byte, n int) ([]byte, error) {
	err := p.Copy(writeFunc(func(b []byte) (int, error) {
		dst = append(dst, b...)
		return len(b), nil
	}), n)
	return dst, err
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(b []byte) (int, error) { return f(b) }

// Copy writes the content of the object of a number to w, in pieces if it is large. The
// work counts toward the Limits of the reception.
func (p *Pack) Copy(w io.Writer, n int) error {
	p.budget.enter()
	defer p.budget.leave()
	err := p.pieces(int32(n), func(b []byte) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return fmt.Errorf("read %s %s: %w", p.Kind(n), p.ID(n).Short(), err)
	}
	return nil
}

// Reader returns the pack, byte for byte as it came.
func (p *Pack) Reader() *io.SectionReader { return io.NewSectionReader(p.file, 0, p.size) }

// Close removes the pack from the disk.
func (p *Pack) Close() error {
	p.dropLarge()
	return p.file.Close()
}
