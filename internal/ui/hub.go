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
		for i := range msg {
			h.board.add(&msg[i])
		}
		h.board.trim()
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

// state is what is new to a browser that has all rows before the one of the number next;
// nil when nothing is. With next < 0 it has none.
func (h *hub) state(f *filter, next, version int64) *webState {
	h.mu.Lock()
	defer h.mu.Unlock()
	if version == h.version {
		return nil
	}
	s := &webState{Reset: next < 0, next: h.board.read, version: h.version, Earlier: h.earlier, Rows: []webRow{}, Notices: append([]string{}, h.notices...)}
	for i := len(h.board.rows) - 1; i >= 0 && h.board.rows[i].number >= next; i-- {
		r := &h.board.rows[i]
		switch {
		case !f.match(r):
		case len(s.Rows) < maxSent:
			s.Rows = append(s.Rows, toWebRow(r))
		default:
			s.Skipped++
		}
	}
	slices.Reverse(s.Rows)
	if s.Reset {
		s.Skipped = 0
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
	if len(h.board.rows) == 0 {
		return nil
	}
	i := number - h.board.rows[0].number
	if i < 0 || i >= int64(len(h.board.rows)) {
		return nil
	}
	for _, r := range h.board.exchange(&h.board.rows[i]) {
		list = append(list, toWebFields(r))
	}
	return list
}
