package pack

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// widest notes the longest piece that a Visitor is shown.
type widest struct {
	*recorder
	most int
}

func (w *widest) Write(b []byte) (int, error) {
	w.most = max(w.most, len(b))
	return w.recorder.Write(b)
}

// Deltas on large objects, beside and on each other, and a delta that is large itself,
// never have one of them in memory.
func TestLargeObjectsAreOnlyThereInPieces(t *testing.T) {
	const from = 256 << 10
	var base []byte
	for i := 0; len(base) < from+80_000; i++ {
		base = fmt.Appendf(base, "%015d\n", i)
	}
	n := len(base)
	whole := func() (ops [][]byte) {
		for at := 0; at < n; at += 0xffff {
			ops = append(ops, take(at, min(n-at, 0xffff)))
		}
		return ops
	}
	contents := []string{string(base)}
	b := newBuilder(oid.SHA1).add(object.Blob, string(base))
	for i := range 3 { // beside each other, each with one on it
		tail := strconv.Itoa(i)
		b.ofs(0, delta(n, n+1, append(whole(), insert(tail))...)).
			ofs(len(contents), delta(n+1, n+2, append(whole(), take(n, 1), insert("x"))...))
		contents = append(contents, string(base)+tail, string(base)+tail+"x")
	}
	var ops [][]byte // from all over it, and in small parts
	var mixed []byte
	for at := 0; len(mixed) < n; at = (at + 7919*16) % (n - 16) {
		ops, mixed = append(ops, take(at, 16)), append(mixed, base[at:at+16]...)
	}
	b.ofs(0, delta(n, len(mixed), ops...))
	b.ofs(0, delta(n, 5, take(n-5, 5))) // a small one
	long := newBuilder(oid.SHA1).b[:0]
	for len(long)*7/8 <= from {
		long = append(long, insert("all new")...)
	}
	b.ofs(0, delta(n, len(long)*7/8, long))
	contents = append(contents, string(mixed), string(base[n-5:]), string(bytes.Repeat([]byte("all new"), len(long)/8)))

	seen := &widest{recorder: newRecorder(t)}
	var held int64
	p, err := receive(t, b.bytes(), Options{Visitor: seen, Limits: Limits{streamFrom: from}, Reserve: func(n int64) error { held += n; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range contents {
		id := name(oid.SHA1, object.Blob, c)
		if seen.found[id] != c {
			t.Errorf("an object of %d bytes is not shown as it is", len(c))
		}
		at, ok := p.Find(id)
		if !ok {
			t.Fatalf("an object of %d bytes is not found", len(c))
		}
		again := &widest{recorder: newRecorder(t)}
		if err := p.Copy(again, at); err != nil || string(again.now) != c {
			t.Errorf("an object of %d bytes is read otherwise: %v", len(c), err)
		}
		if again.most > windowBytes {
			t.Errorf("%d bytes are read at once", again.most)
		}
	}
	if seen.most > windowBytes {
		t.Errorf("%d bytes are shown at once", seen.most)
	}
	if most := int64(16<<20 + maxQueue + len(contents)*objectMemory + pieces*from); held > most {
		t.Errorf("%d bytes of memory are reserved, more than %d", held, most)
	}
	if len(p.large) > maxScratch {
		t.Errorf("%d files", len(p.large))
	}
}

// What was at hand for the last deltas is not, where others stood on each other.
func TestLargeObjectsAreMadeAgain(t *testing.T) {
	b := newBuilder(oid.SHA1).add(object.Blob, "base")
	want := []string{"base"}
	add := func(on int, tail string) int {
		n := len(want[on])
		b.ofs(on, delta(n, n+len(tail), take(0, n), insert(tail)))
		want = append(want, want[on]+tail)
		return len(want) - 1
	}
	for i := range 2 * maxScratch {
		on := 0
		for range 2 * maxScratch {
			on = add(on, strconv.Itoa(i))
		}
	}
	seen := newRecorder(t)
	p, err := receive(t, b.bytes(), Options{Visitor: seen, Limits: Limits{streamFrom: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range want {
		checkObject(t, p, seen, object.Blob, content)
	}
}
