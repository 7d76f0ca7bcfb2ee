package pack

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrCorrupt is for a pack that is not in its format, ErrThin for one that is not
// complete by itself.
var (
	ErrCorrupt = errors.New("the pack is damaged")
	ErrThin    = errors.New("the pack has deltas against objects that are not in it")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// LimitError says which limit a pack is over.
type LimitError struct {
	// What is the limit in words: "bytes in the pack".
	What  string
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s: that is not accepted", e.Limit, e.What)
}

// Limits bound what a pack may be and make of this machine. A zero is the
// default.
type Limits struct {
	// Pack is how many bytes the pack may have; 1 GiB.
	Pack int64
	// Object is how many bytes an object may have; 100 MiB.
	Object int64
	// Objects is how many there may be; 4 million.
	Objects int64
	// Depth is how many deltas may stand on each other; 4095, git's own limit.
	Depth int64
	// Ratio is how many bytes may be made of one that arrived, in all the steps
	// that it takes, FreeWork how many before that counts; 200 and 256 MiB. The
	// history of Linux comes to about 70.
	Ratio, FreeWork int64
	// Time is how long may be worked on the first 10 MiB of a pack, TimePerMiB on
	// each that follows, the Visitor's work among it but not the waiting for the
	// client; 8 s and 1 s.
	Time, TimePerMiB time.Duration
	// Cache is how many bytes of objects are kept in memory; 16 MiB.
	Cache int64

	streamFrom int64 // another one for tests
}

// freeBytes are covered by Limits.Time.
const freeBytes = 10 << 20

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		value *int64
		most  int64
	}{{&l.Pack, 1 << 30}, {&l.Object, 100 << 20}, {&l.Objects, 4 << 20}, {&l.Depth, 4095}, {&l.Ratio, 200}, {&l.FreeWork, 256 << 20}, {&l.Cache, 16 << 20}, {&l.streamFrom, streamFrom}} {
		if *d.value == 0 {
			*d.value = d.most
		}
	}
	if l.Time == 0 {
		l.Time = 8 * time.Second
	}
	if l.TimePerMiB == 0 {
		l.TimePerMiB = time.Second
	}
	l.Depth = min(l.Depth, 1<<16-1)
	l.Objects = min(l.Objects, 1<<31-1)
	return l
}

// budget counts the work that a pack makes.
type budget struct {
	limits   Limits
	ctx      context.Context
	now      func() time.Time
	received int64
	wire     func() int64 // how much of that came over the wire; nil if all did
	work     int64
	next     int64 // the work at which the time is looked at again
	busy     time.Duration
	since    time.Time // when work began that is not in busy yet
	reserve  func(int64) error
	largest  int64 // of what was made in one piece
}

const (
	// objectMemory is what is kept of an object, in bytes: its entry, its name, its
	// place in the order, and what slices that grow have in reserve.
	objectMemory = 96
	// pieces are how many of the largest objects are in memory at once, of those that
	// are less than streamFrom: the base of a delta, the delta, what it makes, and one
	// that waits for the Visitor.
	pieces = 4
)

// take has memory reserved.
func (b *budget) take(n int64) error {
	if b.reserve == nil || n <= 0 {
		return nil
	}
	b.leave()
	defer b.enter()
	return b.reserve(n)
}

// lookEvery is the work between two looks at the clock. The call itself is some
// work too.
const (
	lookEvery = 1 << 20
	callWork  = 256
)

// A pack is compressed already. One that is compressed again may come to so many
// times what arrives, and free bytes.
const (
	wireRatio = 4
	wireFree  = 1 << 20
)

// arrived is how much came over the wire, which the client has paid for.
func (b *budget) arrived() int64 {
	if b.wire == nil {
		return b.received
	}
	return min(b.received, b.wire())
}

// receive counts n bytes of the pack.
func (b *budget) receive(n int64) error {
	before := b.received
	b.received += n
	switch most := wireFree + wireRatio*b.arrived(); {
	case b.received > b.limits.Pack:
		return &LimitError{"bytes in the pack", b.limits.Pack}
	case b.received > most:
		return &LimitError{fmt.Sprintf("bytes of a pack in %d that arrived", b.arrived()), most}
	case b.received/lookEvery > before/lookEvery:
		return b.look()
	}
	return nil
}

func (b *budget) enter() { b.since = b.now() }
func (b *budget) leave() { b.busy += b.now().Sub(b.since) }

// allow checks the size that an entry says it has. A delta that is not much
// smaller than what it makes is one that git does not write.
func (b *budget) allow(h header) error {
	if h.size > b.limits.Object || h.delta() && h.size > b.limits.Object/2 {
		return &LimitError{"bytes in an object", b.limits.Object}
	}
	return nil
}

// fits checks the size of an object that is about to be made.
func (b *budget) fits(n int64) error {
	if n > b.limits.Object {
		return &LimitError{"bytes in an object", b.limits.Object}
	}
	return nil
}

// spend allows for n bytes that are about to be made in one piece.
func (b *budget) spend(n int64) error {
	if err := b.fits(n); err != nil {
		return err
	}
	if n > b.largest {
		if err := b.take(pieces * (n - b.largest)); err != nil {
			return err
		}
		b.largest = n
	}
	b.work += n + callWork
	if most := b.limits.FreeWork + b.limits.Ratio*b.arrived(); b.work > most {
		return &LimitError{fmt.Sprintf("bytes that %d bytes of a pack unfold to", b.arrived()), most}
	}
	if b.work < b.next {
		return nil
	}
	b.next = b.work + lookEvery
	return b.look()
}

func (b *budget) look() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	most := b.limits.Time + time.Duration(float64(b.limits.TimePerMiB)*float64(max(0, b.arrived()-freeBytes))/(1<<20))
	if b.busy+b.now().Sub(b.since) > most {
		return &LimitError{fmt.Sprintf("seconds of work on %d bytes of a pack", b.arrived()), int64(most.Seconds())}
	}
	return nil
}
