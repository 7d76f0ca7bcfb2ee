package bottle

import (
	"context"
	"sync/atomic"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/proxy"
)

// recorder writes the journal and counts what it writes, for the views.
type recorder struct {
	*journal.Writer
	allowed, denied atomic.Int64
}

// Record implements proxy.Recorder.
func (r *recorder) Record(ctx context.Context, e *proxy.Event) error {
	if err := r.Writer.Record(ctx, e); err != nil {
		return err
	}
	switch {
	case e.Type == proxy.EventDecision && e.Verdict == proxy.Deny:
		r.denied.Add(1)
	case e.Type == proxy.EventDecision:
		r.allowed.Add(1)
	case e.Type == proxy.EventEnd && e.Verdict == proxy.Deny: // stopped while it streamed
		r.denied.Add(1)
	}
	return nil
}

func (r *recorder) counts() map[string]int64 {
	return map[string]int64{"allowed": r.allowed.Load(), "denied": r.denied.Load()}
}

func openJournal(dir string) (*recorder, error) {
	w, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return nil, err
	}
	return &recorder{Writer: w}, nil
}
