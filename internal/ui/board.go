package ui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/proxy"
)

// The limits of what is kept, whatever the journal holds.
const (
	maxRows  = 2000
	maxHosts = 256
	history  = 120 // seconds of which the numbers are kept
	rateTime = 30  // seconds of the rate and the sparkline
	// maxAhead is how many seconds an event may be ahead of the clock of the view,
	// which goes on once a second.
	maxAhead = 2
)

// board is what both views know of a bottle: the latest events, and numbers of all that
// were read. One goroutine at a time uses it.
type board struct {
	now  time.Time // by the clock on the wall; the last tick or what came a moment later
	rows []*row    // the latest last
	read int64     // rows that there were, those that are gone too

	allowed, denied int64
	out, in         int64
	hosts           map[string]volume
	seconds         [history]second // by second, each at its number modulo history
	at              int64           // the second that is counted
}

// row is an event.
type row struct {
	number int64 // from 0, of all rows that there were
	event  proxy.Event
	line   string // by text, where it was needed
}

// text is the line that the journal shows. Most rows of many are gone before they are
// looked at, so it is made when it is.
func (r *row) text() string {
	if r.line == "" {
		r.line = journal.Line(&r.event)
	}
	return r.line
}

// volume is bytes of bodies.
type volume struct{ out, in int64 }

func (v volume) sum() int64 { return v.out + v.in }

// second is what happened in one. Denied are also those that were allowed, and then
// stopped.
type second struct{ requests, denied, bytes int64 }

func newBoard(now time.Time) board {
	return board{now: now.Round(0), at: now.Unix(), hosts: map[string]volume{}}
}

// add counts an event and keeps it. trim must follow, now or after some more.
func (b *board) add(e *proxy.Event) *row {
	moment := b.moment(e.Time)
	switch {
	case e.Verdict == proxy.Deny:
		b.denied++
		moment.denied++
	case e.Type == proxy.EventDecision:
		b.allowed++
	}
	if e.Type == proxy.EventDecision {
		moment.requests++
	}
	v := volume{max(0, e.BytesOut), max(0, e.BytesIn)}
	moment.bytes += v.sum()
	b.out += v.out
	b.in += v.in
	if had, is := b.hosts[e.Host]; v.sum() > 0 && (is || len(b.hosts) < maxHosts) {
		b.hosts[e.Host] = volume{had.out + v.out, had.in + v.in}
	}
	r := &row{number: b.read, event: *e}
	b.rows = append(b.rows, r)
	b.read++
	return r
}

// moment is where the numbers of a time are counted; nowhere if that is too long ago,
// or in a future that the clock was once set to.
func (b *board) moment(t time.Time) *second {
	at := t.Unix()
	if at > b.at && at <= b.at+maxAhead {
		b.turn(t)
	}
	if age := b.at - at; age < 0 || age >= history {
		return new(second)
	}
	return &b.seconds[at%history]
}

// turn lets time go on to now: the seconds between are empty.
func (b *board) turn(now time.Time) {
	b.now = now.Round(0)
	for steps := 0; b.at < now.Unix(); steps++ {
		if steps == history {
			b.at = now.Unix()
			return
		}
		b.at++
		b.seconds[b.at%history] = second{}
	}
}

// tick is turn by the clock. A clock that was set is told of: the numbers by second
// begin anew when it was set back, since they lie in a future now.
func (b *board) tick(now time.Time) (notice string) {
	now = now.Round(0) // a reading of the monotonic clock would hide the jump
	by := now.Sub(b.now)
	if by < -maxAhead*time.Second {
		b.at, b.seconds = now.Unix(), [history]second{}
		notice = fmt.Sprintf("the clock was set back by %s: the numbers by second begin anew", -by.Round(time.Second))
	}
	if by > history*time.Second {
		notice = fmt.Sprintf("the clock went on by %s at once, or this machine slept", by.Round(time.Second))
	}
	if now.Unix() >= b.at {
		b.turn(now)
	}
	return notice
}

// trim forgets the oldest rows.
func (b *board) trim() { b.rows = slices.Delete(b.rows, 0, max(0, len(b.rows)-maxRows)) }

// last are the numbers of the last seconds, up to history, the latest last.
func (b *board) last(n int) []second {
	list := make([]second, n)
	for i := range list {
		if at := b.at - int64(n-1-i); at >= 0 {
			list[i] = b.seconds[at%history]
		}
	}
	return list
}

// requests are those of the last seconds of the rate.
func (b *board) requests() (n int64) {
	for _, s := range b.last(rateTime) {
		n += s.requests
	}
	return n
}

// top are the hosts with the most bytes.
func (b *board) top(n int) []string {
	names := slices.SortedFunc(maps.Keys(b.hosts), func(x, y string) int {
		return cmp.Or(cmp.Compare(b.hosts[y].sum(), b.hosts[x].sum()), cmp.Compare(x, y))
	})
	return names[:min(n, len(names))]
}

// exchange returns the rows of the exchange that one belongs to, oldest first, as far as
// the board or a look still has them.
func (b *board) exchange(of *row, l *look) (list []*row) {
	if of.event.ID == "" {
		return []*row{of}
	}
	for _, r := range slices.Concat(l.rows, b.rows) {
		if r.event.ID == of.event.ID && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(x, y *row) int { return cmp.Compare(x.number, y.number) })
	return list
}
