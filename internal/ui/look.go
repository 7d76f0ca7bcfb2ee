package ui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
)

// maxFilter bounds the text of a filter, in bytes.
const maxFilter = 100

// filter says which rows a view shows. The zero value lets all through.
type filter struct {
	text string // in the line, in whatever case
	journal.Filter
}

func (f *filter) match(r *row) bool {
	return f.Match(&r.event) && (f.text == "" || strings.Contains(strings.ToLower(r.text()), strings.ToLower(f.text)))
}

// String shows the filter.
func (f *filter) String() string {
	words := []string{escape.Text(f.text)}
	if f.Denied {
		words = append(words, "denied")
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// look is what one view shows: the latest rows that its filter lets through. They stay
// when the board has forgotten them, as it does within moments when much happens: what
// is seldom can be read then, too.
type look struct {
	filter filter
	rows   []*row // the latest last
	next   int64  // the number of the first row that was not taken
	missed int    // rows that were gone before they were taken
}

// begin shows what the board still has.
func (l *look) begin(b *board) {
	l.rows, l.missed = nil, 0
	for _, r := range b.rows {
		l.add(r)
	}
}

// add takes a row that the filter lets through. trim must follow, now or after some more.
func (l *look) add(r *row) {
	if l.filter.match(r) {
		l.rows = append(l.rows, r)
	}
}

// trim forgets the oldest rows but for so many, and returns how many that were.
func (l *look) trim(most int) (gone int) {
	gone = max(0, len(l.rows)-most)
	for _, r := range l.rows[:gone] {
		if r.number >= l.next {
			l.missed++
		}
	}
	l.rows = slices.Delete(l.rows, 0, gone)
	return gone
}

// take returns the rows that were not taken yet, and how many more there were: when there
// are more than most, it is few of the latest.
func (l *look) take(most, few int) (fresh []*row, missed int) {
	at, _ := slices.BinarySearchFunc(l.rows, l.next, func(r *row, n int64) int { return cmp.Compare(r.number, n) })
	fresh, missed = l.rows[at:], l.missed
	l.missed = 0
	if len(fresh)+missed > most {
		more := max(0, len(fresh)-few)
		fresh, missed = fresh[more:], missed+more
	}
	if len(l.rows) > 0 {
		l.next = l.rows[len(l.rows)-1].number + 1
	}
	return fresh, missed
}
