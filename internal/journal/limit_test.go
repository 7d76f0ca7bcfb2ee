package journal

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

// fill records decisions until the journal takes no more.
func fill(t *testing.T, w *Writer) (n int) {
	t.Helper()
	for {
		err := w.Record(context.Background(), allowed(n+1))
		if errors.Is(err, ErrFull) && errors.Is(err, proxy.ErrJournalFull) {
			return n
		}
		if n++; err != nil || n > 10000 {
			t.Fatalf("decision %d: %v", n, err)
		}
	}
}

func diskUse(t *testing.T, dir string) int64 {
	t.Helper()
	n, err := totalSize(dir)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAFullJournalTakesTheEndsOfWhatRunsAndNothingElse(t *testing.T) {
	const limit = 64 << 10
	dir := t.TempDir()
	w := open(t, dir, Options{MaxBytes: limit, SegmentSize: 8 << 10})
	n := fill(t, w)
	for _, e := range []*proxy.Event{denied(1), {Type: proxy.EventNote, Reason: "reloaded"}} {
		if err := w.Record(context.Background(), e); !errors.Is(err, ErrFull) {
			t.Errorf("%s was recorded: %v", e.Type, err)
		}
	}
	if used := diskUse(t, dir); used > limit*3/4 || used < limit*3/4-1000 {
		t.Errorf("decisions took %d bytes", used)
	}
	for i := range 10 {
		record(t, w, ended(i+1))
	}
	for i := 0; w.Record(context.Background(), ended(i)) == nil; i++ {
		if i > 10000 {
			t.Fatal("the room for end lines has no end")
		}
	}
	closeOK(t, w)
	if used := diskUse(t, dir); used > limit+1000 { // the last note
		t.Errorf("the journal has %d bytes", used)
	}
	list := read(t, dir, Filter{})
	for i, want := range map[int]string{n: "3 events could not be recorded", len(list) - 1: "1 events could not be recorded"} {
		if got := list[i].Reason; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ErrFull.Error()) {
			t.Errorf("line %d says %q", i+1, got)
		}
	}
	if list[n-1].ID != allowed(n).ID || list[n+1].Type != proxy.EventEnd {
		t.Errorf("around the note: %+v", list[n-1:n+2])
	}
	if r := verify(t, dir); !r.OK || r.Segments < 4 {
		t.Errorf("%d segments, %+v", r.Segments, r.Problems)
	}
}

func TestAJournalThatIsOpenedAgainKnowsItsSize(t *testing.T) {
	dir := t.TempDir()
	o := Options{MaxBytes: 32 << 10, SegmentSize: 4 << 10}
	w := open(t, dir, o)
	fill(t, w)
	closeOK(t, w)
	w = open(t, dir, o)
	if err := w.Record(context.Background(), allowed(1)); !errors.Is(err, ErrFull) {
		t.Errorf("a full journal took a decision: %v", err)
	}
	closeOK(t, w)
	o.MaxBytes *= 2
	w = open(t, dir, o)
	record(t, w, allowed(1))
	closeOK(t, w)
}
