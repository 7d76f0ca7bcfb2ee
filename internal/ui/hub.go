package ui

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// hub keeps what browsers are shown of one bottle. Its methods may be called from any
// goroutine.
type hub struct {
	id     string
	client *control.Client // nil for a bottle that has ended
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu        sync.Mutex
	board     board
	questions []supervise.Question
	spent     proxy.Spent
	earlier   uint64
	notices   []string
	version   int64 // counts changes
	watchers  int
	looks     map[*look]bool // of the pages that are open
}

// maxNotices bounds those that a feed sent; the latest stay.
const maxNotices = 3

// openHub begins to read a bottle.
func openHub(ctx context.Context, id, journal string, client *control.Client, now func() time.Time) *hub {
	ctx, cancel := context.WithCancel(ctx)
	h := &hub{id: id, client: client, cancel: cancel, board: newBoard(now())}
	h.done.Go(func() { feedEvents(ctx, journal, h.send) })
	if client != nil {
		h.done.Go(func() { feedQuestions(ctx, client, h.send) })
		h.done.Go(func() { feedSpent(ctx, client, h.send) })
	}
	h.done.Go(func() {
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for {
			select {
			case <-second.C:
				h.send(tickMsg(now()))
			case <-ctx.Done():
				return
			}
		}
	})
	return h
}

// send takes a message of a feed.
func (h *hub) send(msg any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.version++
	switch msg := msg.(type) {
	case eventsMsg:
		h.add(msg)
	case earlierMsg:
		h.earlier = uint64(msg)
	case questionsMsg:
		h.questions = msg
	case spentMsg:
		h.spent = proxy.Spent(msg)
	case noticeMsg:
		h.notice(string(msg))
	case endedMsg:
		h.notice(ended(msg.err))
	case tickMsg:
		if told := h.board.tick(time.Time(msg)); told != "" {
			h.notice(told)
		}
	}
}

func (h *hub) notice(text string) {
	h.notices = append(h.notices, text)
	h.notices = slices.Delete(h.notices, 0, max(0, len(h.notices)-maxNotices))
}

// close ends the reading.
func (h *hub) close() {
	h.cancel()
	h.done.Wait()
}

// add adds events, and shows them to all that look.
func (h *hub) add(events eventsMsg) {
	for i := range events {
		r := h.board.add(&events[i])
		for l := range h.looks {
			l.add(r)
		}
	}
	h.board.trim()
	for l := range h.looks {
		l.trim(maxLook)
	}
}

// watch begins to look with a filter; unwatch ends it.
func (h *hub) watch(f filter) *look {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &look{filter: f}
	l.begin(&h.board)
	l.trim(maxLook)
	l.missed = 0
	if h.looks == nil {
		h.looks = map[*look]bool{}
	}
	h.looks[l] = true
	return l
}

func (h *hub) unwatch(l *look) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.looks, l)
}

// state is what is new to a browser since the state of a version; nil when nothing is.
// With a version < 0 it has none.
func (h *hub) state(l *look, version int64) *webState {
	h.mu.Lock()
	defer h.mu.Unlock()
	if version == h.version {
		return nil
	}
	s := &webState{Reset: version < 0, version: h.version, Earlier: h.earlier, Rows: []webRow{}, Notices: append([]string{}, h.notices...)}
	few := floodSent
	if s.Reset {
		few = maxSent
	}
	fresh, missed := l.take(maxSent, few)
	for _, r := range fresh {
		s.Rows = append(s.Rows, toWebRow(r))
	}
	if !s.Reset {
		s.Skipped = missed
	}
	s.numbers(&h.board)
	s.spent(&h.spent)
	s.Questions = toWebQuestions(h.questions)
	return s
}

// details are the events of the exchange that a row is of; none when it is kept no more.
func (h *hub) details(number int64) (list [][]webField) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := &look{rows: h.board.rows}
	for l := range h.looks {
		all.rows = slices.Concat(all.rows, l.rows)
	}
	at := slices.IndexFunc(all.rows, func(r *row) bool { return r.number == number })
	if at < 0 {
		return nil
	}
	for _, r := range h.board.exchange(all.rows[at], all) {
		list = append(list, toWebFields(r))
	}
	return list
}
