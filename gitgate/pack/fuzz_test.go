package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// A pack of any bytes, with the right check sum behind it, is refused, or all of it
// is what its IDs say, shown and read again, however small the cache is and whatever
// counts as large.
func FuzzReceive(f *testing.F) {
	base := "some text to stand on"
	id := name(oid.SHA1, object.Blob, base)
	n := len(base)
	for _, b := range []*builder{
		newBuilder(oid.SHA1),
		newBuilder(oid.SHA1).add(object.Commit, "c").add(object.Tree, "t").add(object.Tag, "g"),
		newBuilder(oid.SHA1).add(object.Blob, base).ofs(0, delta(n, n+1, take(0, n), insert("x"))).ofs(1, delta(n+1, 3, insert("abc"))),
		newBuilder(oid.SHA1).ref(id, delta(n, n, take(0, 5), insert("?"), take(6, n-6))).add(object.Blob, base),
		newBuilder(oid.SHA1).ref(id, delta(n, 1, take(0, 1))).ofs(0, delta(1, 1, take(0, 1))),
		newBuilder(oid.SHA1).add(object.Blob, strings.Repeat(base, 5000)),
	} {
		whole := b.bytes()
		f.Add(whole[8:len(whole)-20], false)
	}
	wide := newBuilder(oid.SHA256).add(object.Blob, base).bytes()
	f.Add(wide[8:len(wide)-32], true)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, body []byte, wide bool) {
		format := oid.SHA1
		if wide {
			format = oid.SHA256
		}
		b := seal(append([]byte("PACK\x00\x00\x00\x02"), body...), format)
		seen := newRecorder(t)
		opts := Options{Format: format, Visitor: seen, Dir: dir, Limits: Limits{FreeWork: 4 << 20, Object: 1 << 20}}
		p, err := Receive(context.Background(), bytes.NewReader(b), opts)
		opts.Visitor, opts.Limits.Cache, opts.Limits.streamFrom = nil, 1, 16
		again, err2 := Receive(context.Background(), bytes.NewReader(b), opts)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("with a cache %v, without %v", err, err2)
		}
		if err != nil {
			return
		}
		defer p.Close()
		defer again.Close()
		if p.Len() != int(binary.BigEndian.Uint32(b[8:])) || len(seen.found) != p.Len() {
			t.Fatalf("%d objects, %d are shown", p.Len(), len(seen.found))
		}
		for i := range p.Len() {
			id := p.ID(i)
			content, ok := seen.found[id]
			if !ok || name(format, p.Kind(i), content) != id || again.ID(i) != id {
				t.Fatalf("object %d is another one", i)
			}
			if read, err := again.Read(nil, i); err != nil || string(read) != content {
				t.Fatalf("object %d is read otherwise: %v", i, err)
			}
		}
	})
}

// A delta makes what go-git makes of it, or is refused.
func FuzzDelta(f *testing.F) {
	f.Add([]byte("0123456789"), delta(10, 12, take(2, 8), insert("abcd")))
	f.Add([]byte("0123456789"), delta(10, 20, take(0, 10), []byte{0x90, 10}))
	f.Add([]byte(""), delta(0, 1, insert("a")))
	f.Add([]byte("0123456789"), delta(10, 1, take(10, 1)))
	f.Fuzz(func(t *testing.T, base, d []byte) {
		before, after, ops, err := deltaSizes(d)
		if err != nil || before != int64(len(base)) || after > 1<<20 {
			return
		}
		dst := make([]byte, after)
		if applyDelta(dst, base, ops) != nil {
			return
		}
		if len(base) == 0 || len(d) < 4 {
			return // go-git takes neither
		}
		if want, err := packfile.PatchDelta(base, d); err != nil || !bytes.Equal(want, dst) {
			t.Fatalf("go-git makes %q of it, not %q: %v", want, dst, err)
		}
	})
}

// The header of an entry has one meaning.
func FuzzHeader(f *testing.F) {
	f.Add([]byte{0xbf, 0x01}, false)
	f.Add(append([]byte{0x70}, make([]byte, 32)...), true)
	f.Add([]byte{0xef, 0xff, 0x7f, 0x81, 0x00}, false)
	f.Fuzz(func(t *testing.T, b []byte, wide bool) {
		format := oid.SHA1
		if wide {
			format = oid.SHA256
		}
		r := bytes.NewReader(b)
		h, err := readHeader(r, format)
		if err != nil {
			return
		}
		if h.size < 0 || h.back < 0 {
			t.Fatalf("%+v", h)
		}
		if h.kind == offsetDelta {
			w := newBuilder(format)
			w.distance(int(h.back))
			if used := b[:len(b)-r.Len()]; !bytes.HasSuffix(used, w.b[12:]) {
				t.Fatalf("a distance of %d in %x is written %x", h.back, used, w.b[12:])
			}
		}
	})
}
