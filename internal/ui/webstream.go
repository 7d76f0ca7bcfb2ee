package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
)

// stream tells a browser of a bottle as server-sent events (WHATWG HTML, 9.2), each the
// JSON of a webState, until it goes away or ctx ends. A browser that takes nothing for
// writeTime is gone.
func (w *Web) stream(ctx context.Context, rw http.ResponseWriter, r *http.Request) {
	if !w.enter() {
		http.Error(rw, fmt.Sprintf("%d pages of this view are open, which is the most: close one", maxStreams), http.StatusServiceUnavailable)
		return
	}
	defer w.exit()
	q := r.URL.Query()
	id := q.Get("bottle")
	if id == "" {
		id = w.first(ctx)
	}
	out := &eventWriter{w: rw, c: http.NewResponseController(rw)}
	rw.Header().Set("Content-Type", "text/event-stream")
	h, err := w.hub(ctx, id)
	if err != nil {
		// It is told in the stream, since a page cannot read the answer to a stream that
		// is refused.
		_ = out.send("gone", w.withBottles(&webState{Bottle: escape.Word(id), Reset: true, Notices: []string{ended(err)}})) // who went away is told nothing
		return
	}
	defer w.leave(h)
	text := q.Get("text")
	l := h.watch(filter{text: text[:min(len(text), maxFilter)], Filter: journal.Filter{Denied: q.Get("denied") != ""}})
	defer h.unwatch(l)
	w.tell(ctx, r.Context(), h, l, out)
}

// tell sends what is new, again and again.
func (w *Web) tell(ctx, gone context.Context, h *hub, l *look, out *eventWriter) {
	turn := time.NewTicker(streamTime)
	defer turn.Stop()
	version := int64(-1)
	for {
		if s := h.state(l, version); s != nil {
			s.Bottle = escape.Word(h.id)
			version = s.version
			if out.send("", w.withBottles(s)) != nil {
				return
			}
		}
		select {
		case <-turn.C:
		case <-gone.Done():
			return
		case <-ctx.Done():
			_ = out.send("stopped", struct{}{}) // as good as it goes
			return
		}
	}
}

// eventWriter writes server-sent events.
type eventWriter struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (e *eventWriter) send(name string, v any) error {
	text, err := json.Marshal(v) // has no line feed
	if err != nil {
		return err
	}
	if name != "" {
		name = "event: " + name + "\n"
	}
	_ = e.c.SetWriteDeadline(time.Now().Add(writeTime)) // not all writers have one
	if _, err := fmt.Fprintf(e.w, "%sdata: %s\n\n", name, text); err != nil {
		return err
	}
	return e.c.Flush()
}

func (w *Web) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.streams >= maxStreams {
		return false
	}
	w.streams++
	return true
}

func (w *Web) exit() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams--
}

// first is the bottle that is shown when the page names none.
func (w *Web) first(ctx context.Context) string {
	if w.o.Bottle != "" {
		return w.o.Bottle
	}
	list := w.o.Bottles(ctx)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1].ID
}

// withBottles adds the list of bottles, and the notices about this one.
func (w *Web) withBottles(s *webState) *webState {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Bottles = toWebBottles(w.bottles)
	for i := range w.bottles {
		if w.bottles[i].ID == s.Bottle {
			s.Notices = append(s.Notices, w.bottles[i].Notices...)
		}
	}
	return s
}

// exchange answers with all events of the exchange of a row.
func (w *Web) exchange(ctx context.Context, rw http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseInt(r.URL.Query().Get("row"), 10, 64)
	if err != nil {
		sayJSON(rw, http.StatusBadRequest, map[string]string{"error": "no row is named"})
		return
	}
	h, err := w.hub(ctx, r.URL.Query().Get("bottle"))
	if err != nil {
		sayJSON(rw, http.StatusNotFound, map[string]string{"error": ended(err)})
		return
	}
	defer w.leave(h)
	list := h.details(number)
	if list == nil {
		sayJSON(rw, http.StatusNotFound, map[string]string{"error": "this row is kept no more: \"bottle logs\" still has it"})
		return
	}
	sayJSON(rw, http.StatusOK, map[string]any{"events": list})
}
