package workspace

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	maxPacks     = 1000      // held open; git gc leaves less than 50
	maxPackIndex = 256 << 20 // of all packs together, held in memory
	// maxDeltaChain is the longest that git makes: git pack-objects --depth.
	maxDeltaChain = 4095
	// maxDeltaWork bounds what is read of a pack for one object.
	maxDeltaWork   = 2 * maxPulledObject
	maxDeltaNumber = 10      // bytes of a size at the beginning of a delta
	maxCached      = 4 << 20 // of an object that others may be deltas of
)

var errDeltaChain = fmt.Errorf("a chain of more than %d deltas", maxDeltaChain)

// packs are those of one git folder. An object that is a delta is followed to
// its base by the headers alone before anything is made of it: a chain may go
// round, and a few bytes may claim any size.
type packs struct {
	list  []*pack
	cache *cache.BufferLRU // by packs.key: the kind in a byte, then the content
	z     io.ReadCloser    // a zlib reader, used again
}

type pack struct {
	packIndex
	number int
	f      *os.File
	size   int64
}

func openPacks(git *dir) (*packs, error) {
	p := &packs{cache: cache.NewBufferLRU(maxObjectCache)}
	d, last, err := lookup(git, "objects/pack")
	if err == nil {
		defer d.close()
		d, err = d.sub(last)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("its packs: %w", err)
	}
	defer d.close()
	names, err := d.entries()
	if err != nil {
		return nil, fmt.Errorf("its packs: %w", err)
	}
	room := int64(maxPackIndex)
	for _, name := range names {
		base, ok := strings.CutSuffix(name, ".idx")
		if !ok || !d.has(base+".pack") {
			continue
		}
		if len(p.list) == maxPacks {
			err = fmt.Errorf("more than %d packs: git gc makes one of them", maxPacks)
		} else {
			err = p.add(d, base, &room)
		}
		if err != nil {
			p.close()
			return nil, fmt.Errorf("pack %q: %w", base, err)
		}
	}
	return p, nil
}

func (p *packs) add(d *dir, base string, room *int64) error {
	data, err := d.readSmall(base+".idx", *room)
	if err != nil {
		return err
	}
	*room -= int64(len(data))
	index, err := parsePackIndex(data)
	if err != nil {
		return err
	}
	f, st, err := d.open(base + ".pack")
	if err != nil {
		return err
	}
	p.list = append(p.list, &pack{index, len(p.list), f, st.size})
	return nil
}

func (p *packs) close() {
	for _, k := range p.list {
		k.f.Close()
	}
}

// open opens an object as objectReader.open does.
func (p *packs) open(h plumbing.Hash, most int64) (plumbing.ObjectType, int64, io.ReadCloser, error) {
	for _, k := range p.list {
		if at, ok := k.find(h); ok {
			return p.at(k, at, most)
		}
	}
	return 0, 0, nil, errObjectMissing
}

// key is that of an entry in the cache.
func (k *pack) key(at int64) int64 { return int64(k.number)<<48 | at }

// at opens the entry at an offset of a pack.
func (p *packs) at(k *pack, at, most int64) (plumbing.ObjectType, int64, io.ReadCloser, error) {
	var deltas []int64 // offsets, the entry itself first
	size := int64(-1)
	for work := int64(0); ; {
		if data, ok := p.cache.Get(k.key(at)); ok {
			kind, data := plumbing.ObjectType(data[0]), data[1:]
			if size < 0 {
				size = int64(len(data))
			}
			return p.apply(k, kind, data, deltas, size, most)
		}
		head, r, err := k.entry(at)
		if err != nil {
			return 0, 0, nil, err
		}
		if work += int64(head.size); head.size > maxPulledObject || work > maxDeltaWork {
			return head.kind, int64(head.size), nil, errObjectLarge // of a delta that is no kind of object
		}
		var base int64
		switch head.kind {
		case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
			if size < 0 {
				size = int64(head.size)
			}
			if size > most || len(deltas) == 0 && size > maxCached {
				return p.stream(head.kind, size, most, r)
			}
			data, err := p.inflate(r, int64(head.size))
			if err != nil {
				return 0, 0, nil, err
			}
			p.keep(k, at, head.kind, data)
			return p.apply(k, head.kind, data, deltas, size, most)
		case plumbing.OFSDeltaObject:
			base = at - head.back
			if head.back <= 0 || base <= 0 {
				return 0, 0, nil, errPackEntry
			}
		case plumbing.REFDeltaObject:
			var ok bool
			if base, ok = k.find(head.base); !ok {
				return 0, 0, nil, fmt.Errorf("the object %s that it is a delta of is missing", head.base)
			}
		default:
			return 0, 0, nil, errPackEntry
		}
		to, err := p.deltaSize(r)
		if err != nil {
			return 0, 0, nil, err
		}
		if size < 0 {
			size = to
		}
		if deltas = append(deltas, at); len(deltas) > maxDeltaChain {
			return 0, 0, nil, errDeltaChain
		}
		at = base
	}
}

// entry reads what stands before the compressed data of an entry.
func (k *pack) entry(at int64) (entryHeader, *bufio.Reader, error) {
	r := bufio.NewReader(io.NewSectionReader(k.f, at, max(0, k.size-at)))
	h, err := readPackHeader(r)
	if err != nil {
		return h, nil, errors.Join(errPackEntry, err)
	}
	return h, r, nil
}

// stream opens an object that is no delta and need not be held in memory.
func (p *packs) stream(kind plumbing.ObjectType, size, most int64, r io.Reader) (plumbing.ObjectType, int64, io.ReadCloser, error) {
	if size > most {
		return kind, size, nil, errObjectLarge
	}
	z, err := zlib.NewReader(r)
	return kind, size, z, err
}

// apply makes an object of the one that its deltas begin with.
func (p *packs) apply(k *pack, kind plumbing.ObjectType, data []byte, deltas []int64, size, most int64) (plumbing.ObjectType, int64, io.ReadCloser, error) {
	if size > most {
		return kind, size, nil, errObjectLarge
	}
	for i := len(deltas) - 1; i >= 0; i-- {
		head, r, err := k.entry(deltas[i])
		if err == nil && head.size > maxPulledObject {
			err = errPackEntry // it is another one by now
		}
		var delta []byte
		if err == nil {
			delta, err = p.inflate(r, int64(head.size))
		}
		if err == nil {
			_, err = deltaTarget(delta)
		}
		if err == nil {
			data, err = packfile.PatchDelta(data, delta)
		}
		if err != nil {
			return 0, 0, nil, err
		}
		p.keep(k, deltas[i], kind, data)
	}
	if int64(len(data)) != size {
		return 0, 0, nil, errPackEntry
	}
	return kind, size, io.NopCloser(bytes.NewReader(data)), nil
}

func (p *packs) keep(k *pack, at int64, kind plumbing.ObjectType, data []byte) {
	if len(data) <= maxCached {
		p.cache.Put(k.key(at), append([]byte{byte(kind)}, data...))
	}
}

// reset has the one zlib reader read something else.
func (p *packs) reset(r io.Reader) (err error) {
	if p.z == nil {
		p.z, err = zlib.NewReader(r)
		return err
	}
	return p.z.(zlib.Resetter).Reset(r, nil)
}

// inflate reads data of a size, which grows only as there is some.
func (p *packs) inflate(r io.Reader, size int64) ([]byte, error) {
	if err := p.reset(r); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(int(min(size, copyBuffer)) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(p.z, size+1))
	if err == nil && n != size {
		err = errPackEntry
	}
	return b.Bytes(), err
}

// deltaSize reads the beginning of a delta.
func (p *packs) deltaSize(r io.Reader) (int64, error) {
	if err := p.reset(r); err != nil {
		return 0, err
	}
	var head [2 * maxDeltaNumber]byte
	n, err := io.ReadFull(p.z, head[:])
	if n == 0 {
		return 0, errors.Join(errPackEntry, err)
	}
	return deltaTarget(head[:n])
}

// deltaTarget returns the size of what a delta makes. It and its base are no
// larger than is pulled.
func deltaTarget(delta []byte) (int64, error) {
	from, n := binary.Uvarint(delta)
	if n <= 0 {
		return 0, errPackEntry
	}
	to, m := binary.Uvarint(delta[n:])
	if m <= 0 {
		return 0, errPackEntry
	}
	if from > maxPulledObject || to > maxPulledObject {
		return 0, errObjectLarge
	}
	return int64(to), nil
}
