package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

const (
	// batchTime is how often a view is told of events, however many there are.
	batchTime = 100 * time.Millisecond
	// maxBatch bounds the events that a view gets at a time.
	maxBatch = 2000
	// maxQueue bounds those that were read and are in no batch yet.
	maxQueue = 100
	// maxBehind is how much of a journal is read that is there already, in bytes. Some
	// gigabytes would keep a view from what happens now for minutes.
	maxBehind = 32 << 20
	// lookTime is how often all bottles are asked how they are.
	lookTime = 3 * time.Second
)

// The messages that a feed sends.
type (
	eventsMsg    []proxy.Event
	earlierMsg   uint64 // lines of the journal that are passed over
	questionsMsg []supervise.Question
	bottlesMsg   []Bottle
	noticeMsg    string // what the person should know, escaped
	endedMsg     struct{ err error }
)

// Bottle is one of those that a view lists.
type Bottle struct {
	control.Bottle
	// Notices are what the person should know of it, in words that can be shown as
	// they are.
	Notices []string
}

// feedEvents sends what the journal holds and gets, in batches: at each batchTime, and
// at once when there are many. Who takes them slowly is waited for.
func feedEvents(ctx context.Context, dir string, send func(any)) {
	events := make(chan proxy.Event, maxQueue)
	go func() {
		defer close(events)
		readEvents(ctx, dir, send, events)
	}()
	turn := time.NewTicker(batchTime)
	defer turn.Stop()
	var batch eventsMsg
	for more := true; more; {
		select {
		case e, ok := <-events:
			if more = ok; ok {
				batch = append(batch, e)
			}
			if ok && len(batch) < maxBatch {
				continue
			}
		case <-turn.C:
		}
		if len(batch) > 0 {
			send(batch)
			batch = nil
		}
	}
}

// readEvents reads the end of the journal, and then what is written.
func readEvents(ctx context.Context, dir string, send func(any), events chan<- proxy.Event) {
	first, unreadable := true, 0
	for e, err := range journal.Follow(ctx, dir, journal.Filter{LastBytes: maxBehind}) {
		var bad *journal.LineError
		switch {
		case errors.As(err, &bad):
			if unreadable++; unreadable == 1 {
				send(noticeMsg("the journal has lines that cannot be read: \"bottle logs verify\" says more"))
			}
			continue
		case err != nil:
			send(endedMsg{fmt.Errorf("the journal cannot be read, so nothing more of it is shown: %w", err)})
			return
		}
		if first && e.Seq > 1 {
			send(earlierMsg(e.Seq - 1))
		}
		first = false
		e.Time = e.Time.Local()
		select {
		case events <- e.Event:
		case <-ctx.Done():
			return
		}
	}
}

// feedQuestions sends what waits, at each change.
func feedQuestions(ctx context.Context, c *control.Client, send func(any)) {
	err := c.Stream(ctx, supervise.OpQuestions, supervise.QuestionsCall{Watch: true}, nil, func(m json.RawMessage) error {
		var list []supervise.Question
		if err := json.Unmarshal(m, &list); err != nil {
			return err
		}
		send(questionsMsg(list))
		return nil
	})
	if errors.Is(err, io.ErrUnexpectedEOF) || ctx.Err() != nil {
		err = nil
	}
	send(questionsMsg(nil))
	send(endedMsg{err})
}

// feedBottles sends which bottles there are and how they stand, now and then.
func feedBottles(ctx context.Context, all func(context.Context) []Bottle, send func(any)) {
	look := time.NewTicker(lookTime)
	defer look.Stop()
	for {
		send(bottlesMsg(all(ctx)))
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// answer answers a question and says what came of it.
func answer(ctx context.Context, c *control.Client, id string, v supervise.Verdict) (string, error) {
	if c == nil {
		return "", errors.New("the bottle has ended")
	}
	var r supervise.AnswerReply
	if err := c.Call(ctx, supervise.OpAnswer, supervise.AnswerCall{ID: id, Verdict: v}, &r); err != nil {
		return "", err
	}
	return verdictText(&r.Question, r.Verdict), nil
}
