package ui

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/proxy"
)

// A bottle that gives no answer holds up who looks at it, and nobody else; two who look
// at it read it once.
func TestASlowBottleHoldsUpNoOther(t *testing.T) {
	begun, answer := make(chan string, 4), make(chan struct{})
	ended := func(id string) Bottle {
		return Bottle{Bottle: control.Bottle{Bottle: state.Bottle{ID: id}}}
	}
	dir := writeJournal(t, 1, "/")
	w := &Web{o: WebOptions{Now: func() time.Time { return noon }, Bottles: func(context.Context) []Bottle { return []Bottle{ended("slow"), ended("b")} },
		Journal: func(id string) (string, error) {
			if id == "slow" {
				begun <- id
				<-answer
			}
			return dir, nil
		}}}
	hubs := make(chan *hub, 2)
	look := func() {
		h, err := w.hub(t.Context(), "slow")
		if err != nil {
			t.Error(err)
		}
		hubs <- h
	}
	go look()
	<-begun
	go look()
	h, err := w.hub(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if !w.enter() { // as a page does
		t.Error("no page can be opened")
	}
	close(answer)
	one, other := <-hubs, <-hubs
	defer one.close()
	if one != other || one.watchers != 2 || len(begun) != 0 || len(w.opening) != 0 {
		t.Errorf("%p and %p with %d watchers, %d more were begun", one, other, one.watchers, len(begun))
	}
}

// The page has the budgets that the terminal has, and what models took.
func TestTheWebShowsWhatWasSpent(t *testing.T) {
	h := &hub{board: newBoard(noon)}
	spent := proxy.Spent{
		Models: []proxy.SpentModel{{Model: "claude-x\x1b[2J", Tokens: proxy.Tokens{Input: 10, Output: 5}, Cost: 1.5}, {Model: "b"}, {Model: "c"}, {Model: "d"}},
		Limits: []proxy.Limit{{Name: "requests_per_minute", Used: 1, Allowed: 60_000}, {Name: "bytes_out", Used: 1 << 20, Allowed: 2 << 20}, {Name: "model_cost", Used: 19, Allowed: 20}},
	}
	h.send(spentMsg(spent))
	s := h.state(h.watch(filter{}), -1)
	if len(s.Limits) != 2 || s.Limits[0] != (webLimit{"budgets.bytes_out: 1 MiB of 2 MiB", 0.5, false}) || s.Limits[1] != (webLimit{"budgets.model_cost: 19.00 of 20.00", 0.95, true}) {
		t.Errorf("limits %+v", s.Limits)
	}
	if text := strings.Join(s.Models, "\n"); !strings.HasPrefix(text, `claude-x\x1b[2J: 10 tokens in`) || !strings.Contains(text, "5 out, 1.50") || !strings.HasSuffix(text, "and 1 models more") {
		t.Errorf("models %q", text)
	}
}

// What comes faster than anybody reads is counted to the last, and only what is looked
// at is put into words.
func TestWhatIsNotShownIsOnlyCounted(t *testing.T) {
	const batches, each = 50, 2000
	h := &hub{board: newBoard(noon)}
	page, sent, skipped, version := h.watch(filter{}), 0, 0, int64(0)
	for range batches {
		batch := make(eventsMsg, each)
		for i := range batch {
			batch[i] = proxy.Event{Time: noon, Type: proxy.EventDecision, Host: "a.example", Verdict: proxy.Allow}
		}
		h.send(batch)
		s := h.state(page, version)
		version = s.version
		sent, skipped = sent+len(s.Rows), skipped+s.Skipped
	}
	if sent != batches*floodSent || sent+skipped != batches*each || h.board.allowed != batches*each || h.board.read != batches*each {
		t.Errorf("%d rows were sent and %d skipped; %d were counted of %d", sent, skipped, h.board.allowed, h.board.read)
	}
	for i := range h.board.rows {
		if h.board.rows[i].line != "" {
			t.Fatal("a line was made that nobody saw")
		}
	}
}
