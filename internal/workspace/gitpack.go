package workspace

import (
	"bufio"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // the format's
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"golang.org/x/sys/unix"
)

const newPack = "new.pack"

// packWriter writes a pack, gitformat-pack(5), and notes what its index needs.
type packWriter struct {
	w   *bufio.Writer
	at  int64
	idx idxfile.Writer
	pos map[int64]int64 // offsets in the old pack to those in this one
}

// repack writes a pack of those entries of another that are kept, and its index,
// and returns its name. Entries are copied as they are, compressed; one that is a
// delta of an object that is not kept is written whole.
func (p *pruner) repack(d *dir, base string, entries []*idxfile.Entry, keep int) (string, error) {
	in, st, err := d.open(base + ".pack")
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := d.create(newPack)
	if err != nil {
		return "", err
	}
	defer out.Close()
	sum := sha1.New() //nolint:gosec // the format's
	w := &packWriter{w: bufio.NewWriterSize(io.MultiWriter(out, sum), copyBuffer), pos: make(map[int64]int64, keep)}
	if err := w.idx.OnHeader(uint32(keep)); err != nil {
		return "", err
	}
	w.write(append([]byte("PACK\x00\x00\x00\x02"), binary.BigEndian.AppendUint32(nil, uint32(keep))...))
	for i, e := range entries {
		if err := p.c.ctx.Err(); err != nil {
			return "", err
		}
		if !p.keeps(e.Hash) {
			continue
		}
		end := st.size - sha1.Size
		if i+1 < len(entries) {
			end = int64(entries[i+1].Offset)
		}
		if err := p.entry(w, in, e, end); err != nil {
			return "", err
		}
	}
	if err := w.w.Flush(); err != nil {
		return "", err
	}
	trailer := plumbing.Hash(sum.Sum(nil))
	if _, err := out.Write(trailer[:]); err != nil {
		return "", err
	}
	name := "pack-" + trailer.String()
	if err := errors.Join(w.idx.OnFooter(trailer), p.c.own.give(out, 0o444)); err != nil {
		return "", err
	}
	if err := p.writeIndex(d, name+".idx", &w.idx); err != nil {
		return "", err
	}
	return name, renameIn(d, newPack, name+".pack")
}

func (p *pruner) writeIndex(d *dir, name string, w *idxfile.Writer) error {
	idx, err := w.Index()
	if err != nil {
		return err
	}
	f, err := d.create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	if _, err := idxfile.NewEncoder(out).Encode(idx); err != nil {
		return err
	}
	return errors.Join(out.Flush(), p.c.own.give(f, 0o444))
}

func (w *packWriter) write(b []byte) {
	w.at += int64(len(b))
	_, _ = w.w.Write(b) // an error stays until Flush
}

// entry writes one entry of the old pack, which ends there at end.
func (p *pruner) entry(w *packWriter, in *os.File, e *idxfile.Entry, end int64) error {
	start := int64(e.Offset)
	r := bufio.NewReader(io.NewSectionReader(in, start, end-start))
	h, err := readPackHeader(r)
	if err != nil {
		return fmt.Errorf("object %s: %w", e.Hash, err)
	}
	at := w.at
	w.pos[start] = at
	crc := crc32.NewIEEE()
	write := func(b []byte) { w.write(b); _, _ = crc.Write(b) }
	head := packHeader(h.kind, h.size)
	switch h.kind {
	case plumbing.OFSDeltaObject:
		base, ok := w.pos[start-h.back]
		if !ok {
			return p.whole(w, e.Hash)
		}
		head = append(head, packOffset(at-base)...)
	case plumbing.REFDeltaObject:
		if !p.keeps(h.base) {
			return p.whole(w, e.Hash)
		}
		head = append(head, h.base[:]...)
	}
	write(head)
	n, err := io.Copy(io.MultiWriter(w.w, crc), r)
	w.at += n
	w.idx.Add(e.Hash, uint64(at), crc.Sum32())
	return err
}

// errPackStays: an object of a pack cannot be read, which is no reason to have no
// copy.
var errPackStays = errors.New("objects that nothing leads to are not left out of a pack")

// whole writes an object that is a delta no more.
func (p *pruner) whole(w *packWriter, h plumbing.Hash) error {
	kind, size, in, err := p.r.objects.open(h, maxPulledObject)
	if err != nil {
		return fmt.Errorf("%w: %w", errPackStays, err)
	}
	defer in.Close()
	at, crc := w.at, crc32.NewIEEE()
	head := packHeader(kind, uint64(size))
	w.write(head)
	_, _ = crc.Write(head)
	count := &byteCount{}
	z := zlib.NewWriter(io.MultiWriter(w.w, crc, count))
	_, err = io.Copy(z, in)
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	w.at += count.n
	w.idx.Add(h, uint64(at), crc.Sum32())
	return nil
}

type byteCount struct{ n int64 }

func (c *byteCount) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// entryHeader is what stands before an entry's compressed data.
type entryHeader struct {
	kind plumbing.ObjectType
	size uint64
	back int64         // of an OFS_DELTA: how far its base is before it
	base plumbing.Hash // of a REF_DELTA
}

func readPackHeader(r *bufio.Reader) (h entryHeader, err error) {
	b, err := r.ReadByte()
	if err != nil {
		return h, err
	}
	h.kind, h.size = plumbing.ObjectType(b>>4&7), uint64(b&15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, err = r.ReadByte(); err != nil || shift > 57 {
			return h, errors.Join(err, errPackEntry)
		}
		h.size |= uint64(b&0x7f) << shift
	}
	switch h.kind {
	case plumbing.OFSDeltaObject:
		n, err := readOffset(r)
		h.back = int64(n)
		return h, err
	case plumbing.REFDeltaObject:
		_, err = io.ReadFull(r, h.base[:])
	}
	return h, err
}

var errPackEntry = errors.New("a malformed entry of a pack")

func packHeader(kind plumbing.ObjectType, size uint64) []byte {
	out := []byte{byte(kind)<<4 | byte(size&15)}
	for size >>= 4; size > 0; size >>= 7 {
		out[len(out)-1] |= 0x80
		out = append(out, byte(size&0x7f))
	}
	return out
}

// packOffset is the inverse of readOffset.
func packOffset(n int64) []byte {
	out := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		out = append([]byte{0x80 | byte(n&0x7f)}, out...)
	}
	return out
}

func renameIn(d *dir, from, to string) error {
	return unix.Renameat(d.fd(), from, d.fd(), to)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
