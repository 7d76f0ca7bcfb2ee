package journal

import (
	"fmt"
	"slices"
)

// verifier follows a chain line by line.
type verifier struct {
	report *Report
	heads  []knownHead // by count
	at     place

	next   uint64 // the number that the next line should have
	prev   Sum    // of the line with the number before it
	known  bool   // prev is known: that line was there
	prevAt place
	before Sum  // of the line before that one
	told   bool // that line was reported: that it does not fit is no news
	bad    uint64
	badSum Sum   // of the last of bad lines that could not be read, behind that one
	gaps   []gap // lines that may be further on
}

// place is a line of a segment.
type place struct {
	segment string
	line    int
}

type knownHead struct {
	Head
	from string
}

// gap is a run of missing lines, and the problem that reports it.
type gap struct {
	from, to uint64
	problem  int // index in the report; -1 when it was not listed
}

// line checks the next line; err is set when it cannot be read.
func (v *verifier) line(e *Entry, err error, sum Sum) {
	if err != nil {
		// In the place of a line, or put in? The next one tells.
		v.problem(Unreadable, v.next+v.bad, "line %d cannot be read: %v", v.next+v.bad, err)
		v.bad++
		v.badSum = sum
		return
	}
	chained := v.known && e.Prev == v.prev
	if v.bad > 0 && !chained && e.Seq >= v.next+v.bad {
		v.next, v.prev, v.known, v.told = v.next+v.bad, v.badSum, true, true
	}
	v.bad = 0
	switch {
	case e.Seq == v.next && (chained || !v.known):
		v.repair(e)
		v.advance(sum, false)
	case chained:
		// It follows on the line before, so only its number can be wrong.
		v.problem(Changed, v.next, "line %d was changed: it calls itself %d", v.next, e.Seq)
		v.advance(sum, true)
	case e.Seq == v.next-1 && sum == v.prev:
		v.problem(Repeated, e.Seq, "line %d stands there twice", e.Seq)
	case e.Seq == v.next-1 && e.Prev == v.before:
		at := v.at
		v.at = v.prevAt
		v.problem(Inserted, e.Seq, "a line was put in before line %d", e.Seq)
		v.at, v.prev = at, v.before
		v.next--
		v.repair(e)
		v.advance(sum, false)
	case e.Seq == v.next:
		v.misfit()
		v.repair(e)
		v.advance(sum, false)
	case e.Seq > v.next:
		v.gap(v.next, e.Seq-1)
		v.skipTo(e.Seq)
		v.repair(e)
		v.advance(sum, false)
	case v.fill(e.Seq):
		v.problem(Reordered, e.Seq, "line %d stands behind line %d", e.Seq, v.next-1)
	default:
		v.problem(Repeated, e.Seq, "there is another line %d before this one", e.Seq)
	}
}

// misfit reports that the line before is not what this one says of it.
func (v *verifier) misfit() {
	switch {
	case v.told:
	case v.next == 1:
		v.problem(Changed, 1, "line 1 was changed: it follows on another line")
	default:
		at := v.at
		v.at = v.prevAt
		v.problem(Changed, v.next-1, "line %d was changed: it is not what line %d says of it", v.next-1, v.next)
		v.at = at
	}
}

// advance takes the line as the one that should stand there.
func (v *verifier) advance(sum Sum, told bool) {
	for len(v.heads) > 0 && v.heads[0].Count <= v.next {
		if h := v.heads[0]; h.Count == v.next && h.Hash != sum && !told {
			v.problem(HeadDiffers, v.next, "line %d was changed: it is not what %s says of it", v.next, h.from)
			told = true
		}
		v.heads = v.heads[1:]
	}
	v.before, v.prev, v.prevAt, v.known, v.told = v.prev, sum, v.at, true, told
	v.next++
}

// skipTo goes on at a later number, whose line has nothing before it.
func (v *verifier) skipTo(seq uint64) {
	v.next, v.known, v.told, v.bad = seq, false, false, 0
}

// span is the subject of a sentence.
func span(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("line %d is", from)
	}
	return fmt.Sprintf("lines %d to %d are", from, to)
}

func (v *verifier) gap(from, to uint64) {
	v.problem(Missing, from, "%s missing before this one", span(from, to))
	if len(v.gaps) < maxGaps {
		index := -1
		if v.report.More == 0 {
			index = len(v.report.Problems) - 1
		}
		v.gaps = append(v.gaps, gap{from: from, to: to, problem: index})
	}
}

// fill reports whether a line is one of those that were missing. When the last of
// a gap has turned up, nothing is missing any more.
func (v *verifier) fill(seq uint64) bool {
	for i, g := range v.gaps {
		if seq < g.from || seq > g.to {
			continue
		}
		if g.from == g.to && g.problem >= 0 {
			p := &v.report.Problems[g.problem]
			p.Kind, p.Text = Reordered, fmt.Sprintf("line %d stands before line %d", v.next-1, seq)
		}
		v.gaps = slices.Delete(v.gaps, i, i+1)
		if seq > g.from {
			v.gaps = append(v.gaps, gap{from: g.from, to: seq - 1, problem: g.problem})
		}
		if seq < g.to && len(v.gaps) < maxGaps {
			v.gaps = append(v.gaps, gap{from: seq + 1, to: g.to, problem: g.problem})
		}
		return true
	}
	return false
}

func (v *verifier) problem(k Kind, seq uint64, format string, args ...any) {
	r := v.report
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, Problem{Kind: k, Segment: v.at.segment, Line: v.at.line, Seq: seq, Text: fmt.Sprintf(format, args...)})
}
