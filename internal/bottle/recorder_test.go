package bottle

import (
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

func TestCountsOfAnEndedBottle(t *testing.T) {
	dir := t.TempDir()
	r, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []proxy.Event{
		{Type: proxy.EventNote, Reason: "the bottle starts"},
		{Type: proxy.EventDecision, Verdict: proxy.Allow},
		{Type: proxy.EventEnd, Verdict: proxy.Allow},
		{Type: proxy.EventDecision, Verdict: proxy.Allow},
		{Type: proxy.EventEnd, Verdict: proxy.Deny},
		{Type: proxy.EventDecision, Verdict: proxy.Deny},
	} {
		if err := r.Record(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name            string
		most            int
		allowed, denied int64
		whole           bool
	}{
		{"all of it, as it was counted while it ran", 6, 2, 2, true},
		{"no more than asked for", 4, 2, 0, false},
	} {
		got, whole, err := Counts(dir, c.most)
		if err != nil || got[CountAllowed] != c.allowed || got[CountDenied] != c.denied || whole != c.whole {
			t.Errorf("%s: %v, %v, %v", c.name, got, whole, err)
		}
	}
	if now := r.counts(); now[CountAllowed] != 2 || now[CountDenied] != 2 {
		t.Errorf("the running one counts %v", now)
	}
}
