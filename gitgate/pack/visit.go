package pack

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// Visitor is shown each object once. All calls come from one goroutine, beside the
// one that receives, and are over when Receive returns. An error ends the reception
// with it.
type Visitor interface {
	// Begin is called before the content of an object, with its size in bytes.
	Begin(kind object.Kind, size int64) error
	// Write is called with the next bytes of the content, which it does not change.
	Write(content []byte) (int, error)
	// End is called when the object is complete, with its number in the pack. The
	// numbers are those of the order in the pack, but not all calls are in order.
	End(n int, id oid.ID) error
}

const (
	// maxQueue is how many bytes wait for the Visitor, or one object of more. Each
	// counts queueCost at least.
	maxQueue  = 8 << 20
	queueCost = 8 << 10
	// visitBytes is how much the Visitor is shown at once. Between, a reception that
	// failed is noticed.
	visitBytes = 1 << 20
)

// shown is an object for the Visitor, or a part of one.
type shown struct {
	first, last bool // of its object
	kind        object.Kind
	size        int64
	content     []byte
	n           int
	id          oid.ID
	cost        int64
}

// visits has the Visitor work while what follows is received. A nil one does
// nothing.
type visits struct {
	visitor Visitor
	ctx     context.Context
	fail    context.CancelCauseFunc
	room    *semaphore.Weighted
	queue   chan shown
	done    chan struct{}
}

func startVisits(ctx context.Context, v Visitor) *visits {
	if v == nil {
		return nil
	}
	q := &visits{visitor: v, room: semaphore.NewWeighted(maxQueue), queue: make(chan shown, maxQueue/queueCost), done: make(chan struct{})}
	q.ctx, q.fail = context.WithCancelCause(ctx)
	go q.run()
	return q
}

// show hands over what nobody changes any more. It waits while the queue is full.
func (q *visits) show(s shown) error {
	if q == nil {
		return nil
	}
	s.cost = min(max(int64(len(s.content)), queueCost), maxQueue)
	if err := q.room.Acquire(q.ctx, s.cost); err != nil {
		return context.Cause(q.ctx)
	}
	q.queue <- s
	return nil
}

func (q *visits) run() {
	defer close(q.done)
	for s := range q.queue {
		if q.ctx.Err() == nil {
			if err := q.visit(s); err != nil {
				q.fail(err)
			}
		}
		q.room.Release(s.cost)
	}
}

func (q *visits) visit(s shown) error {
	if s.first {
		if err := q.visitor.Begin(s.kind, s.size); err != nil {
			return err
		}
	}
	for b := s.content; len(b) > 0; {
		n := min(len(b), visitBytes)
		if _, err := q.visitor.Write(b[:n]); err != nil {
			return err
		}
		if q.ctx.Err() != nil {
			return nil
		}
		b = b[n:]
	}
	if !s.last {
		return nil
	}
	return q.visitor.End(s.n, s.id)
}

// end waits until the Visitor is done, or, if the reception has failed, until it
// has noticed. look says from time to time whether there is still time.
func (q *visits) end(failed error, look func() error) error {
	if q == nil {
		return failed
	}
	defer q.fail(nil)
	if failed != nil {
		q.fail(failed)
	}
	close(q.queue)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-q.done:
			return context.Cause(q.ctx)
		case <-tick.C:
			if err := look(); err != nil {
				q.fail(err)
			}
		}
	}
}
