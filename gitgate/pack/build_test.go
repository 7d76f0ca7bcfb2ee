package pack

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pack/packtest"
)

// builder writes packs, also such as git would not.
type builder struct {
	format oid.Format
	b      []byte
	starts []int
}

func newBuilder(format oid.Format) *builder {
	return &builder{format: format, b: []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x00")}
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// head begins an entry that says it has size bytes.
func (p *builder) head(kind byte, size int) {
	p.starts = append(p.starts, len(p.b))
	p.b = packtest.AppendHead(p.b, kind, size)
}

func (p *builder) add(kind object.Kind, content string) *builder {
	p.head(byte(kind), len(content))
	p.b = append(p.b, deflate([]byte(content))...)
	return p
}

// ofs adds a delta against the entry of a number.
func (p *builder) ofs(base int, delta []byte) *builder {
	back := len(p.b) - p.starts[base]
	p.head(offsetDelta, len(delta))
	return p.distance(back).raw(deflate(delta))
}

func (p *builder) distance(back int) *builder {
	p.b = packtest.AppendDistance(p.b, back)
	return p
}

// ref adds a delta against an object by its name.
func (p *builder) ref(base oid.ID, delta []byte) *builder {
	p.head(idDelta, len(delta))
	return p.raw(base.Bytes()).raw(deflate(delta))
}

func (p *builder) raw(b []byte) *builder {
	p.b = append(p.b, b...)
	return p
}

// bytes completes the pack.
func (p *builder) bytes() []byte { return p.counted(len(p.starts)) }

func (p *builder) counted(n int) []byte {
	b := bytes.Clone(p.b)
	binary.BigEndian.PutUint32(b[8:], uint32(n))
	return seal(b, p.format)
}

// seal puts the check sum behind a pack.
func seal(b []byte, format oid.Format) []byte {
	sum := format.New()
	sum.Write(b)
	return sum.Sum(b)
}

// delta begins a delta; take and insert are its instructions.
func delta(base, result int, ops ...[]byte) []byte {
	return append(packtest.AppendSize(packtest.AppendSize(nil, base), result), bytes.Join(ops, nil)...)
}

var take = packtest.Take

func insert(s string) []byte { return append([]byte{byte(len(s))}, s...) }

// name is the ID of a content.
func name(format oid.Format, kind object.Kind, content string) oid.ID {
	h := format.New()
	h.Write([]byte(kind.String() + " "))
	h.Write([]byte(itoa(len(content)) + "\x00" + content))
	return format.From(h.Sum(nil))
}

// recorder keeps what it is shown.
type recorder struct {
	t      testing.TB
	kinds  []object.Kind
	found  map[oid.ID]string
	now    []byte
	size   int64
	inside bool
}

func newRecorder(t testing.TB) *recorder { return &recorder{t: t, found: map[oid.ID]string{}} }

func (r *recorder) Begin(kind object.Kind, size int64) error {
	if r.inside {
		r.t.Error("an object begins in another")
	}
	r.kinds, r.now, r.size, r.inside = append(r.kinds, kind), nil, size, true
	return nil
}

func (r *recorder) Write(p []byte) (int, error) {
	r.now = append(r.now, p...)
	return len(p), nil
}

func (r *recorder) End(_ int, id oid.ID) error {
	if int64(len(r.now)) != r.size {
		r.t.Errorf("an object of %d bytes has %d", r.size, len(r.now))
	}
	if _, twice := r.found[id]; twice {
		r.t.Errorf("%v is shown twice", id)
	}
	r.found[id], r.inside = string(r.now), false
	return nil
}
