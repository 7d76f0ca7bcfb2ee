package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The limits of a Desk.
const (
	maxOpen     = 64  // questions that wait
	maxJoined   = 256 // requests that wait for one answer
	maxAnswered = 256 // questions whose outcome is remembered
	// maxText bounds the JSON of those that wait, in bytes: a view gets all of them in one
	// message of the control socket.
	maxText = 900 << 10
)

// ErrFull is returned while too many questions wait.
var ErrFull = fmt.Errorf("as many or as long questions wait for the operator already as can (%d at most); do not retry before some are answered", maxOpen)

// ErrUnknown is about a question that does not wait.
var ErrUnknown = errors.New("no such question waits: it was answered, its time ran out, or whoever asked has gone")

// Desk is where questions wait. Its methods may be called from any goroutine.
type Desk struct {
	// Apply makes an answer that lasts, or that nothing waits for, come true, before those who wait are let go;
	// its error leaves the question open. It must be set.
	Apply func(context.Context, Question, Verdict) error
	// Reach says what a lasting yes would give, and its error why nothing. It may be nil.
	Reach func(Question) (lines []string, err error)
	// Tell is told of each question and, with an outcome, of each end. It may be nil.
	Tell func(Question, *Outcome)

	mu       sync.Mutex
	open     []*entry
	byKey    map[string]*entry
	answered []*entry // the latest last
	text     int      // bytes of those in open
	changed  chan struct{}
	closed   bool
}

// entry is a question with those who wait.
type entry struct {
	q       Question
	text    int           // bytes of its JSON
	told    chan struct{} // closed when Tell knows of it
	done    chan struct{} // closed with the outcome
	outcome Outcome
	posted  bool // stays without anybody who waits, until its time is up
	timer   *time.Timer
	busy    bool // an answer is being applied
}

// Ask waits for the answer to q until ctx ends. When nobody waits for it any more,
// the question is gone.
func (d *Desk) Ask(ctx context.Context, q Question) (Outcome, error) {
	q.Until = time.Now().Add(time.Hour)
	if until, ok := ctx.Deadline(); ok {
		q.Until = until
	}
	e, err := d.join(q, false)
	if err != nil {
		return Outcome{}, err
	}
	select {
	case <-e.done:
		return e.outcome, nil
	case <-ctx.Done():
		d.leave(e)
		return Outcome{}, ctx.Err()
	}
}

// Post puts a question that waits for at most the given time, whether or not
// anybody waits for its answer, and returns its id.
func (d *Desk) Post(q Question, wait time.Duration) (string, error) {
	q.Until = time.Now().Add(wait)
	e, err := d.join(q, true)
	if err != nil {
		return "", err
	}
	return e.q.ID, nil
}

// Outcome waits at most the given time for the answer to a question that was asked
// or posted. The error is ErrUnknown for one that is not remembered.
func (d *Desk) Outcome(ctx context.Context, id string, wait time.Duration) (Outcome, error) {
	d.mu.Lock()
	e := find(d.open, id)
	if e == nil {
		e = find(d.answered, id)
	}
	d.mu.Unlock()
	if e == nil {
		return Outcome{}, ErrUnknown
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-e.done:
		return e.outcome, nil
	case <-timer.C:
		return Outcome{Open: true}, nil
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
}

// List returns the questions that wait, oldest first.
func (d *Desk) List() []Question {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Question, len(d.open))
	for i, e := range d.open {
		list[i] = e.q
	}
	return list
}

// Refresh has Reach judge anew what waits, since the policy is another.
func (d *Desk) Refresh() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Reach == nil {
		return
	}
	for _, e := range d.open {
		d.text -= e.text
		e.q.setReach(d.Reach(e.q))
		e.text = textOf(e.q)
		d.text += e.text
	}
	d.notify()
}

// Changed returns a channel that is closed at the next change of what waits.
func (d *Desk) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.changed
}

// Answer answers a question. What lasts is applied first; when that fails, the
// question goes on waiting.
func (d *Desk) Answer(ctx context.Context, id string, v Verdict) (Question, Verdict, error) {
	e, q, v, err := d.take(id, v)
	if err != nil {
		return Question{}, v, err
	}
	if v.Scope != Once || v.Allow && !q.Kind.Held() {
		err = d.Apply(ctx, q, v)
	}
	d.mu.Lock()
	e.busy = false
	late := e.over()
	if err == nil {
		d.end(e, Outcome{Verdict: v})
	}
	d.mu.Unlock()
	switch {
	case err == nil && late:
		err = ErrUnknown // what lasts of the answer is in force all the same
	case err == nil:
		d.tell(e)
	}
	return q, v, err
}

// Close says no to all that waits, and to all that comes.
func (d *Desk) Close() {
	d.mu.Lock()
	open := slices.Clone(d.open)
	d.closed = true
	for _, e := range open {
		d.end(e, ended)
	}
	d.mu.Unlock()
	for _, e := range open {
		d.tell(e)
	}
}

// ended is the answer when the bottle ends.
var ended = Outcome{Verdict: Verdict{Scope: Once, Reason: "the bottle ends"}}

// take finds the question for one that answers it, as it is now, and completes the
// answer.
func (d *Desk) take(id string, v Verdict) (*entry, Question, Verdict, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := find(d.open, id)
	switch {
	case e == nil:
		return nil, Question{}, v, ErrUnknown
	case e.busy:
		return nil, Question{}, v, errors.New("somebody else answers it at this moment")
	case v.Scope == "" && (e.q.Kind.Once() || !v.Allow):
		v.Scope = Once
	case v.Scope == "":
		v.Scope = Session
	case v.Scope == Once && v.Allow && !e.q.Kind.Once():
		return nil, Question{}, v, errors.New("nothing of it waits, so a yes for once has nothing to let pass: say for how long (--session, --always)")
	}
	if v.Scope != Once && v.Scope != Session && v.Scope != Always {
		return nil, Question{}, v, fmt.Errorf("%q is not how far an answer goes: once, session or always", string(v.Scope))
	}
	e.busy = true
	return e, e.q, v, nil
}

// join adds one who waits to the question, which is made when there is none like
// it.
func (d *Desk) join(q Question, posted bool) (*entry, error) {
	d.mu.Lock()
	e := d.byKey[q.key()]
	if d.closed {
		d.mu.Unlock()
		return nil, errors.New("the bottle ends")
	}
	if e != nil {
		defer d.mu.Unlock()
		if e.q.Waiting >= maxJoined {
			return nil, ErrFull
		}
		if q.Until.After(e.q.Until) {
			e.q.Until = q.Until
		}
		e.wait(d, posted)
		d.notify()
		return e, nil
	}
	if len(d.open) >= maxOpen {
		d.mu.Unlock()
		return nil, ErrFull
	}
	q.Asked = time.Now()
	if d.Reach != nil {
		q.setReach(d.Reach(q))
	}
	text := textOf(q)
	if d.text+text > maxText {
		d.mu.Unlock()
		return nil, ErrFull
	}
	d.text += text
	e = &entry{q: q, text: text, told: make(chan struct{}), done: make(chan struct{})}
	e.wait(d, posted)
	if d.byKey == nil {
		d.byKey = map[string]*entry{}
	}
	d.byKey[q.key()] = e
	d.open = append(d.open, e)
	d.notify()
	q = e.q
	d.mu.Unlock()
	if d.Tell != nil {
		d.Tell(q, nil)
	}
	close(e.told)
	return e, nil
}

// textOf is how many bytes of JSON a question takes, with room for the numbers in it that
// grow.
func textOf(question any) int {
	b, err := json.Marshal(question)
	if err != nil { // a Question always marshals
		return maxText
	}
	return len(b) + 64
}

// wait counts one more who waits. The caller holds d.mu.
func (e *entry) wait(d *Desk, posted bool) {
	if !posted {
		e.q.Waiting++
		return
	}
	e.posted = true
	if e.timer != nil {
		e.timer.Stop()
	}
	e.timer = time.AfterFunc(time.Until(e.q.Until), func() { d.expire(e) })
}

// leave takes back one who waits.
func (d *Desk) leave(e *entry) {
	d.mu.Lock()
	e.q.Waiting--
	gone := e.q.Waiting == 0 && !e.posted && !e.over()
	if gone {
		d.end(e, Outcome{Verdict: Verdict{Scope: Once, Reason: "nobody answered in time"}})
	} else {
		d.notify()
	}
	d.mu.Unlock()
	if gone {
		d.tell(e)
	}
}

// expire ends a question that was posted, when its time is up.
func (d *Desk) expire(e *entry) {
	d.mu.Lock()
	over := e.over()
	if !over {
		d.end(e, Outcome{Verdict: Verdict{Scope: Once, Reason: "nobody answered in time"}})
	}
	d.mu.Unlock()
	if !over {
		d.tell(e)
	}
}

func (e *entry) over() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// end lets those go who wait. The caller holds d.mu.
func (d *Desk) end(e *entry, o Outcome) {
	if e.over() { // its time ran out while the answer was applied
		return
	}
	if e.timer != nil {
		e.timer.Stop()
	}
	e.outcome = o
	close(e.done)
	delete(d.byKey, e.q.key())
	d.text -= e.text
	d.open = slices.DeleteFunc(d.open, func(o *entry) bool { return o == e })
	d.answered = append(d.answered, e)
	if n := len(d.answered) - maxAnswered; n > 0 {
		d.answered = slices.Delete(d.answered, 0, n)
	}
	d.notify()
}

// notify tells those who look of a change. The caller holds d.mu.
func (d *Desk) notify() {
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// tell tells of an end, behind the question.
func (d *Desk) tell(e *entry) {
	<-e.told
	if d.Tell == nil {
		return
	}
	d.mu.Lock()
	q := e.q // those who wait still leave
	d.mu.Unlock()
	d.Tell(q, &e.outcome)
}

func find(list []*entry, id string) *entry {
	for _, e := range list {
		if e.q.ID == id {
			return e
		}
	}
	return nil
}
