package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/bot-bottle/bottle/proxy"
)

// Kind tells the problems of a journal apart.
type Kind string

// The kinds of problems.
const (
	Changed     Kind = "changed"      // a line is not what the next one says of it
	Missing     Kind = "missing"      // there are no lines of some numbers
	Reordered   Kind = "reordered"    // a line stands behind a later one
	Repeated    Kind = "repeated"     // a line has the number of an earlier one
	Inserted    Kind = "inserted"     // a line is between two that belong together
	Unreadable  Kind = "unreadable"   // a line is too long, or not one of a journal
	Torn        Kind = "torn"         // a line has no end
	Truncated   Kind = "truncated"    // there are fewer lines than a head counts
	HeadMissing Kind = "head-missing" // so that a truncation would not be seen
	HeadBroken  Kind = "head-broken"  // the head cannot be read
	HeadDiffers Kind = "head-differs" // a line is not what a head says of it
	IndexHides  Kind = "index-hides"  // the extent of a segment leaves a line out, so that filters pass over it
)

// Problem is one thing that is wrong with a journal.
type Problem struct {
	Kind    Kind   `json:"kind"`
	Segment string `json:"segment,omitempty"` // the file
	Line    int    `json:"line,omitempty"`    // in the file
	Seq     uint64 `json:"seq,omitempty"`     // that it should have
	Text    string `json:"text"`
}

// Limits of a report. What is beyond them is counted.
const (
	maxProblems = 100
	maxRepairs  = 100
	maxGaps     = 64 // whose lines are looked for further on
)

// Report is what Verify found.
type Report struct {
	Dir      string    `json:"dir"`
	OK       bool      `json:"ok"`
	Segments int       `json:"segments"`
	Lines    uint64    `json:"lines"`          // that stand there
	Head     Head      `json:"head"`           // computed: what to keep elsewhere
	Saved    *Head     `json:"saved_head"`     // of the file; nil without one
	Problems []Problem `json:"problems"`       // in the order in which they stand
	More     int       `json:"more,omitempty"` // problems beyond the first 100

	// Repairs are the notes in which the journal says what it mended or could
	// not record. They are part of the chain and no problem of it.
	Repairs     []Repair `json:"repairs,omitempty"`
	MoreRepairs int      `json:"more_repairs,omitempty"`
}

// Repair is a note of RuleRepair.
type Repair struct {
	Segment string `json:"segment"`
	Line    int    `json:"line"`
	Seq     uint64 `json:"seq"`
	Text    string `json:"text"`
}

// Verify reads a whole journal and checks its chain against itself, against the
// head on disk, and against heads that were kept elsewhere. It uses bounded
// memory, and may be called while the journal is written. The error is about
// reading; what is wrong with the journal is in the report.
func Verify(dir string, kept ...Head) (*Report, error) {
	v := verifier{report: &Report{Dir: dir, Problems: []Problem{}}, next: 1, known: true}
	// The head first: lines that come meanwhile are beyond it.
	saved, headErr := readHead(dir)
	if headErr == nil {
		v.report.Saved = &saved
		v.heads = append(v.heads, knownHead{saved, headName})
	}
	for _, h := range kept {
		v.heads = append(v.heads, knownHead{h, "the head that was kept"})
	}
	slices.SortStableFunc(v.heads, func(a, b knownHead) int { return cmp.Compare(a.Count, b.Count) })
	list, err := segments(dir)
	if err != nil {
		return nil, fmt.Errorf("verifying a journal: %w", err)
	}
	for i, first := range list {
		if err := v.segment(dir, first, i == len(list)-1); err != nil {
			return nil, fmt.Errorf("verifying the journal %s: %w", dir, err)
		}
	}
	v.finish(headErr)
	return v.report, nil
}

func (v *verifier) segment(dir string, first uint64, last bool) error {
	f, err := os.Open(segmentPath(dir, first))
	if err != nil {
		return err
	}
	defer f.Close()
	v.report.Segments++
	v.at = place{segment: segmentName(first)}
	if from := v.next + v.bad; first > from {
		v.problem(Missing, from, "%s missing: no segment has them", span(from, first-1))
		v.skipTo(first)
	}
	covers := func(*proxy.Event) bool { return true }
	if x := readExtent(dir, first, openToRead); x != nil && !last {
		covers = x.covering()
	}
	before := len(v.report.Problems)
	lines := newLineReader(f, 0, true)
	for tries := 0; ; {
		err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, ErrTorn) && last && tries < rereads:
			// Perhaps it is just being written.
			tries++
			lines = newLineReader(f, lines.offset, true)
			continue
		case errors.Is(err, ErrTorn):
			v.at.line++
			v.problem(Torn, v.next, "the line has no end: its writer was killed or is at it; opening the journal for writing cuts it off")
			return nil
		case err != nil && !errors.Is(err, ErrLong):
			return err
		}
		v.at.line++
		v.report.Lines++
		var e Entry
		if err == nil {
			err = parse(lines.line, &e)
		}
		v.line(&e, err, lines.sum)
		if err == nil && len(v.report.Problems) == before && !covers(&e.Event) { // of lines that were changed, it is no news
			v.problem(IndexHides, e.Seq, "%s leaves this line out, so filters pass over it: remove that file, and they read the segment", filepath.Base(extentPath(dir, first)))
		}
	}
}

// rereads is how often a line without an end is read again. A write in parts
// takes no longer than that.
const rereads = 5

// finish checks what can only be said at the end.
func (v *verifier) finish(headErr error) {
	r := v.report
	v.at = place{}
	end, hash := v.next-1+v.bad, v.prev
	if v.bad > 0 {
		hash = v.badSum
	}
	for _, h := range v.heads {
		if h.Count > end {
			v.problem(Truncated, end+1, "%s missing from the end: %s counts %d", span(end+1, h.Count), h.from, h.Count)
		}
	}
	switch {
	case headErr == nil:
	case errors.Is(headErr, fs.ErrNotExist) && r.Segments == 0:
		// Nothing was written yet.
	case errors.Is(headErr, fs.ErrNotExist):
		v.problem(HeadMissing, 0, "%s is missing, so lines may be missing from the end", headName)
	default:
		v.problem(HeadBroken, 0, "%v, so lines may be missing from the end", headErr)
	}
	r.Head = Head{Count: end, Hash: hash}
	r.OK = len(r.Problems) == 0
}

func (v *verifier) repair(e *Entry) {
	if e.Type != proxy.EventNote || e.Rule != RuleRepair {
		return
	}
	if len(v.report.Repairs) == maxRepairs {
		v.report.MoreRepairs++
		return
	}
	v.report.Repairs = append(v.report.Repairs, Repair{Segment: v.at.segment, Line: v.at.line, Seq: e.Seq, Text: cutString(e.Reason, cutText)})
}
