package bottle

import (
	"context"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/journal"
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

// A journal that takes nothing is what a view tells the person, until it does again.
func TestTheTroubleOfAJournalIsNoted(t *testing.T) {
	r, err := openJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	event := proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Allow}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = r.Record(ctx, &event) // given up by its own request
	if n := r.notes(); len(n) != 0 {
		t.Errorf("notes %v", n)
	}
	if err := r.Writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Record(t.Context(), &event); err == nil {
		t.Fatal("a closed journal takes an event")
	}
	r.manifestIs(manifestNote{waits: "why"})
	if n := r.notes(); !strings.Contains(n[NoteJournal], "what is not recorded is denied") || n[NoteWaits] != "why" || len(n) != 2 {
		t.Errorf("notes %v", n)
	}
	if r.Writer, err = journal.Open(t.TempDir(), journal.Options{}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Record(t.Context(), &event); err != nil || r.notes()[NoteJournal] != "" {
		t.Errorf("%v, notes %v", err, r.notes())
	}
}
