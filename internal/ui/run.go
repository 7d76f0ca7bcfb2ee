package ui

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// batchTime is how often the view is told of events, however many there are.
const batchTime = 100 * time.Millisecond

// maxBatch bounds the events between two times; who reads more waits.
const maxBatch = 2000

// Options of Run.
type Options struct {
	// Bottle is the id, Journal the folder of its journal.
	Bottle, Journal string
	// Client talks to the bottle; nil for one that has ended.
	Client *control.Client
	In     io.Reader
	Out    io.Writer
}

// Run shows a bottle at a terminal until the person quits or ctx ends.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := newModel(o.Bottle, time.Now(), func(id string, v supervise.Verdict) tea.Cmd {
		return func() tea.Msg { return answeredMsg{answer(ctx, o.Client, id, v)} }
	})
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out))
	var feeds sync.WaitGroup
	feeds.Go(func() { feedEvents(ctx, o.Journal, p.Send) })
	if o.Client != nil {
		feeds.Go(func() { feedQuestions(ctx, o.Client, p.Send) })
	}
	_, err := p.Run()
	cancel()
	feeds.Wait()
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) { // that is how it ends
		return nil
	}
	return err
}

func answer(ctx context.Context, c *control.Client, id string, v supervise.Verdict) string {
	if c == nil {
		return "the bottle has ended"
	}
	var r supervise.AnswerReply
	if err := c.Call(ctx, supervise.OpAnswer, supervise.AnswerCall{ID: id, Verdict: v}, &r); err != nil {
		return err.Error()
	}
	return verdictText(&r.Question, r.Verdict)
}

// feedEvents sends what the journal holds and gets, in batches.
func feedEvents(ctx context.Context, dir string, send func(tea.Msg)) {
	events := make(chan proxy.Event, maxBatch)
	go func() {
		defer close(events)
		for e, err := range journal.Follow(ctx, dir, journal.Filter{}) {
			var bad *journal.LineError
			switch {
			case errors.As(err, &bad):
				continue
			case err != nil:
				send(endedMsg{err})
				return
			}
			e.Time = e.Time.Local()
			select {
			case events <- e.Event:
			case <-ctx.Done():
				return
			}
		}
	}()
	turn := time.NewTicker(batchTime)
	defer turn.Stop()
	for range turn.C {
		var batch eventsMsg
		for len(batch) < maxBatch {
			select {
			case e, ok := <-events:
				if !ok {
					send(batch)
					return
				}
				batch = append(batch, e)
				continue
			default:
			}
			break
		}
		if len(batch) > 0 {
			send(batch)
		}
	}
}

// feedQuestions sends what waits, at each change.
func feedQuestions(ctx context.Context, c *control.Client, send func(tea.Msg)) {
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
