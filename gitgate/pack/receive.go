package pack

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// Options are how a pack is received.
type Options struct {
	Format oid.Format
	Limits Limits
	// Visitor is shown every object; nil for none.
	Visitor Visitor
	// Dir is where the pack is kept; "" is the folder for temporary files.
	Dir string
	// Wire says how many bytes arrived, where r decompresses them; nil where it does
	// not.
	Wire func() int64
	// Now is the clock for Limits.Time; nil is time.Now.
	Now func() time.Time
	// Reserve is told before the pack takes more memory than it has so far: how many
	// bytes more. It may wait, which is no work of Limits.Time, and refuse by an error.
	// What was reserved is let go when the Pack is closed, of which the caller knows.
	// nil lets it have what Limits allow.
	Reserve func(bytes int64) error
}

// Receive reads a pack from r, which must end where the pack does. The error wraps
// ErrCorrupt or ErrThin, is a *LimitError, or that of the Visitor, of the context
// or of r. What of r was not read is left there. The Pack must be closed, and lives
// no longer than the context.
func Receive(ctx context.Context, r io.Reader, opts Options) (*Pack, error) {
	file, err := spool(opts.Dir)
	if err != nil {
		return nil, err
	}
	limits := opts.Limits.withDefaults()
	p := &Pack{format: opts.Format, file: file, dir: opts.Dir, streamFrom: limits.streamFrom, budget: budget{limits: limits, ctx: ctx, now: opts.Now, reserve: opts.Reserve, wire: opts.Wire}}
	if p.budget.now == nil {
		p.budget.now = time.Now
	}
	p.cache.init(limits.Cache)
	rc := &receiver{Pack: p, visits: startVisits(ctx, opts.Visitor), sum: opts.Format.New(), waiting: map[int32][]int32{}, wanted: map[oid.ID][]int32{}}
	p.budget.enter()
	err = rc.visits.end(rc.receive(r), p.budget.look)
	p.budget.leave()
	p.dropLarge()
	if err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

// spool makes a file that has no name any more.
func spool(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "bottle-push-")
	if err != nil {
		return nil, fmt.Errorf("keep a pack: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, fmt.Errorf("keep a pack: %w", err)
	}
	return file, nil
}

// receiver is what is only known while a pack arrives.
type receiver struct {
	*Pack
	src      *source
	visits   *visits
	sum      hash.Hash // of the object at work
	head     []byte    // scratch: what an ID sums up before the content
	resolved int
	waiting  map[int32][]int32  // deltas by the number of their base, which was not at hand
	wanted   map[oid.ID][]int32 // deltas by the ID of theirs
}

func (rc *receiver) receive(r io.Reader) error {
	rc.src = newSource(r, rc.file, &rc.budget, rc.format.New())
	count, err := readStart(rc.src)
	if err != nil {
		return rc.src.blame(err)
	}
	if count > rc.budget.limits.Objects {
		return &LimitError{"objects in the pack", rc.budget.limits.Objects}
	}
	memory := rc.budget.limits.Cache + count*objectMemory
	if rc.visits != nil {
		memory += maxQueue
	}
	if err := rc.budget.take(memory); err != nil {
		return err
	}
	for n := range int32(count) {
		if err := rc.entry(n); err != nil {
			return rc.src.blame(err)
		}
	}
	rc.end = rc.src.offset()
	if err := rc.src.end(); err != nil {
		return err
	}
	rc.size = rc.budget.received
	if err := rc.resolveRest(); err != nil {
		return err
	}
	return rc.sort()
}

// entry takes in one that arrives.
func (rc *receiver) entry(n int32) error {
	e := entry{at: rc.src.offset(), size: -1, base: noBase}
	h, err := readHeader(rc.src.Reader, rc.format)
	if err != nil {
		return err
	}
	if err := rc.budget.allow(h); err != nil {
		return err
	}
	if !h.delta() {
		e.kind, e.size = object.Kind(h.kind), h.size
	}
	rc.entries = append(rc.entries, e)
	rc.sums = append(rc.sums, make([]byte, rc.format.Size())...)
	switch {
	case h.delta():
		return rc.arrived(n, h)
	case rc.isLarge(h.size):
		return rc.inPieces(n, func(emit func([]byte) error) error { return rc.unpack(rc.src.Reader, h.size, emit) })
	}
	if err := rc.budget.spend(h.size); err != nil {
		return err
	}
	b := make([]byte, h.size)
	if err := rc.inflate.into(b, rc.src.Reader); err != nil {
		return err
	}
	return rc.show(n, b)
}

// arrived takes in a delta: it is resolved at once if its base is at hand, and neither
// is large.
func (rc *receiver) arrived(n int32, h header) (err error) {
	long := rc.isLarge(h.size)
	if long {
		err = rc.unpack(rc.src.Reader, h.size, func([]byte) error { return nil })
	} else {
		err = rc.fillDelta(h, rc.src.Reader)
	}
	if err != nil {
		return err
	}
	e := &rc.entries[n]
	if h.kind == idDelta {
		e.base = waits
		rc.wanted[h.base] = append(rc.wanted[h.base], n)
		return nil
	}
	base, ok := slices.BinarySearchFunc(rc.entries[:n], e.at-h.back, func(e entry, at int64) int { return cmp.Compare(e.at, at) })
	if !ok {
		return corrupt("the base of a delta is no entry before it")
	}
	e.base = int32(base)
	b := rc.cache.get(e.base)
	if b == nil || long || rc.makesLarge() {
		rc.waiting[e.base] = append(rc.waiting[e.base], n)
		return nil
	}
	if err := rc.deepen(n); err != nil {
		return err
	}
	made, err := rc.apply(b.data, rc.delta)
	if err != nil {
		return err
	}
	return rc.showMade(n, made)
}

// makesLarge reports whether rc.delta is one of a large object.
func (rc *receiver) makesLarge() bool {
	_, after, _, err := deltaSizes(rc.delta)
	return err == nil && rc.isLarge(after)
}

// deepen notes what an object has of its base.
func (rc *receiver) deepen(n int32) error {
	e := &rc.entries[n]
	from := &rc.entries[e.base]
	if int64(from.depth) >= rc.budget.limits.Depth {
		return &LimitError{"deltas on each other", rc.budget.limits.Depth}
	}
	e.depth = from.depth + 1
	return nil
}

// apply makes the object of a delta.
func (p *Pack) apply(base, delta []byte) ([]byte, error) {
	before, after, ops, err := deltaSizes(delta)
	if err != nil {
		return nil, err
	}
	if before != int64(len(base)) {
		return nil, errDelta
	}
	if err := p.budget.spend(after); err != nil {
		return nil, err
	}
	b := make([]byte, after)
	return b, applyDelta(b, base, ops)
}

// showMade shows the object of a delta.
func (rc *receiver) showMade(n int32, b []byte) error {
	e := &rc.entries[n]
	e.kind, e.size = rc.entries[e.base].kind, int64(len(b))
	return rc.show(n, b)
}

// show names an object that is complete, keeps it, and has it visited.
func (rc *receiver) show(n int32, b []byte) error {
	rc.cache.keep(n, b)
	e := &rc.entries[n]
	rc.begin(e)
	rc.sum.Write(b)
	return rc.visits.show(shown{first: true, last: true, kind: e.kind, size: e.size, content: b, n: int(n), id: rc.done(n)})
}

// inPieces shows an object that is large while run makes it.
func (rc *receiver) inPieces(n int32, run func(emit func([]byte) error) error) error {
	e := &rc.entries[n]
	rc.begin(e)
	first := true
	err := run(func(piece []byte) error {
		rc.sum.Write(piece)
		s := shown{first: first, kind: e.kind, size: e.size, content: piece}
		first = false
		return rc.visits.show(s)
	})
	if err != nil {
		return err
	}
	return rc.visits.show(shown{last: true, n: int(n), id: rc.done(n)})
}

// begin sums up what an ID has before the content.
func (rc *receiver) begin(e *entry) {
	rc.sum.Reset()
	rc.head = append(append(rc.head[:0], e.kind.String()...), ' ')
	rc.head = append(strconv.AppendInt(rc.head, e.size, 10), 0)
	rc.sum.Write(rc.head)
}

// done names an object of which all is summed up.
func (rc *receiver) done(n int32) oid.ID {
	rc.sum.Sum(rc.Pack.sum(int(n))[:0])
	rc.resolved++
	return rc.ID(int(n))
}

// sort makes objects be found by their ID. Git never writes one twice; who does
// wants two readers to take two of them.
func (p *Pack) sort() error {
	p.order = make([]int32, len(p.entries))
	for i := range p.order {
		p.order[i] = int32(i)
	}
	slices.SortFunc(p.order, func(a, b int32) int { return bytes.Compare(p.sum(int(a)), p.sum(int(b))) })
	for i := 1; i < len(p.order); i++ {
		if bytes.Equal(p.sum(int(p.order[i-1])), p.sum(int(p.order[i]))) {
			return corrupt("an object is in it twice")
		}
	}
	return nil
}
