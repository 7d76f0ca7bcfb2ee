package ui

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/supervise"
)

// Options of Run.
type Options struct {
	// Bottle is the id, Journal the folder of its journal.
	Bottle, Journal string
	// Client talks to the bottle; nil for one that has ended.
	Client *control.Client
	// Bottles lists those that there are; it may be nil.
	Bottles func(context.Context) []Bottle
	In      io.Reader
	Out     io.Writer
}

// Run shows a bottle at a terminal until the person quits or ctx ends.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := newModel(o.Bottle, time.Now(), func(id string, v supervise.Verdict) tea.Cmd {
		return func() tea.Msg {
			text, err := answer(ctx, o.Client, id, v)
			if err != nil {
				text = err.Error()
			}
			return answeredMsg{text}
		}
	})
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out))
	var feeds sync.WaitGroup
	send := func(msg any) { p.Send(msg) }
	feeds.Go(func() { feedEvents(ctx, o.Journal, send) })
	if o.Client != nil {
		feeds.Go(func() { feedQuestions(ctx, o.Client, send) })
		feeds.Go(func() { feedSpent(ctx, o.Client, send) })
	}
	if o.Bottles != nil {
		feeds.Go(func() { feedBottles(ctx, o.Bottles, send) })
	}
	_, err := p.Run()
	cancel()
	feeds.Wait()
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) { // that is how it ends
		return nil
	}
	return err
}
