package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func ask(host string) Question {
	return Question{ID: "q-" + host, Kind: KindRequest, Scheme: "https", Host: host, Port: 443, Methods: []string{"GET"}, Path: "/"}
}

// start asks in the background.
func start(ctx context.Context, d *Desk, q Question) <-chan Outcome {
	out := make(chan Outcome, 1)
	go func() {
		o, err := d.Ask(ctx, q)
		if err != nil {
			o.Reason = err.Error()
		}
		out <- o
	}()
	synctest.Wait()
	return out
}

// What waits fits into one message of the control socket, however long the agent makes
// it: a view that cannot get the questions shows none.
func TestLongQuestionsAreBounded(t *testing.T) {
	d := &Desk{Reach: func(q Question) ([]string, error) { return q.Paths, nil }}
	defer d.Close()
	long := func(i int) Question {
		q := ask(fmt.Sprint(i))
		q.Paths = []string{strings.Repeat("\x01", 8<<10)}
		return q
	}
	n := 0
	for ; ; n++ {
		if _, err := d.Post(long(n), time.Minute); errors.Is(err, ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if b, err := json.Marshal(d.List()); err != nil || len(b) > 1<<20-64 || n < 5 || n >= maxOpen {
		t.Errorf("%d questions in %d bytes, %v", n, len(b), err)
	}
	if _, _, err := d.Answer(t.Context(), "q-0", Verdict{}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Post(long(n), time.Minute); err != nil {
		t.Errorf("an answer made no room: %v", err)
	}
}

func TestIdenticalQuestionsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		d := &Desk{Tell: func(q Question, o *Outcome) { told = append(told, fmt.Sprint(q.ID, o != nil)) }}
		a, b := start(t.Context(), d, ask("a")), start(t.Context(), d, ask("a"))
		other := ask("a")
		other.Path = "/?data=1"
		other.ID = "q-2"
		c := start(t.Context(), d, other)
		list := d.List()
		if len(list) != 2 || list[0].Waiting != 2 || list[1].Waiting != 1 {
			t.Fatalf("got %+v", list)
		}
		if _, v, err := d.Answer(t.Context(), "q-a", Verdict{Allow: true}); err != nil || v.Scope != Once {
			t.Fatal(v, err)
		}
		if !(<-a).Allow || !(<-b).Allow {
			t.Error("a yes did not reach both")
		}
		if _, _, err := d.Answer(t.Context(), "q-a", Verdict{Allow: true}); !errors.Is(err, ErrUnknown) {
			t.Errorf("answered twice: %v", err)
		}
		if _, _, err := d.Answer(t.Context(), "q-2", Verdict{Reason: "no"}); err != nil {
			t.Fatal(err)
		}
		if o := <-c; o.Allow || o.Reason != "no" {
			t.Errorf("got %+v", o)
		}
		if got := fmt.Sprint(told); got != "[q-afalse q-2false q-atrue q-2true]" {
			t.Errorf("told %s", got)
		}
	})
}

// A yes to one push is none to another to the same repository.
func TestQuestionsAreToldApartByTheirDetail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Desk{}
		one, other := ask("a"), ask("a")
		other.ID = "q-b"
		one.Path, other.Path = "", ""
		one.Detail, other.Detail = []string{"create refs/heads/a as 1"}, []string{"create refs/heads/a as 2"}
		a, b := start(t.Context(), d, one), start(t.Context(), d, other)
		if list := d.List(); len(list) != 2 {
			t.Fatalf("got %+v", list)
		}
		if _, _, err := d.Answer(t.Context(), "q-a", Verdict{Allow: true}); err != nil {
			t.Fatal(err)
		}
		if !(<-a).Allow {
			t.Error("the yes did not arrive")
		}
		d.Close()
		if (<-b).Allow {
			t.Error("it is a yes to the other, too")
		}
	})
}

func TestNoAnswerIsANo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Desk{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if o := <-start(ctx, d, ask("a")); o.Allow || o.Reason != context.DeadlineExceeded.Error() {
			t.Errorf("got %+v", o)
		}
		if len(d.List()) != 0 {
			t.Error("the question stays")
		}
		id, err := d.Post(ask("b"), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := d.Outcome(t.Context(), id, time.Second); err != nil || !o.Open {
			t.Errorf("before: %+v, %v", o, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if o, err := d.Outcome(t.Context(), id, time.Second); err != nil || o.Open || o.Allow || o.Reason != "nobody answered in time" {
			t.Errorf("after: %+v, %v", o, err)
		}
		if _, err := d.Outcome(t.Context(), "q-none", 0); !errors.Is(err, ErrUnknown) {
			t.Errorf("got %v", err)
		}
	})
}

// One who goes away takes only their own part of a question along.
func TestWhoLeavesTakesNothingOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Desk{}
		ctx, leave := context.WithCancel(t.Context())
		a, b := start(ctx, d, ask("a")), start(t.Context(), d, ask("a"))
		leave()
		<-a
		if list := d.List(); len(list) != 1 || list[0].Waiting != 1 {
			t.Errorf("got %+v", list)
		}
		d.Close()
		if o := <-b; o.Allow || o.Reason != "the bottle ends" {
			t.Errorf("got %+v", o)
		}
		if o := <-start(t.Context(), d, ask("a")); o.Allow || o.Reason != "the bottle ends" {
			t.Errorf("after the end: %+v", o)
		}
	})
}

// An answer that cannot be applied leaves the question open.
func TestAnswersThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var applied []Scope
		fail := errors.New("no")
		d := &Desk{Apply: func(_ context.Context, _ Question, v Verdict) error {
			applied = append(applied, v.Scope)
			return fail
		}}
		a := start(t.Context(), d, ask("a"))
		if _, _, err := d.Answer(t.Context(), "q-a", Verdict{Allow: true, Scope: Always}); !errors.Is(err, fail) {
			t.Errorf("got %v", err)
		}
		if _, _, err := d.Answer(t.Context(), "q-a", Verdict{Allow: true, Scope: "ever"}); err == nil {
			t.Error("a scope that there is not")
		}
		fail = nil
		if _, _, err := d.Answer(t.Context(), "q-a", Verdict{Allow: true, Scope: Session}); err != nil {
			t.Error(err)
		}
		if !(<-a).Allow || fmt.Sprint(applied) != "[always session]" {
			t.Errorf("applied %v", applied)
		}
		q := ask("b")
		q.Kind = KindAccess
		id, err := d.Post(q, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Answer(t.Context(), id, Verdict{Allow: true, Scope: Once}); err == nil {
			t.Error("a yes for once to what nobody waits with")
		}
		if _, v, err := d.Answer(t.Context(), id, Verdict{Allow: true}); err != nil || v.Scope != Session {
			t.Errorf("got %v, %v", v, err)
		}
	})
}

func TestQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Desk{}
		for i := range maxOpen {
			if _, err := d.Post(ask(fmt.Sprint(i)), time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Post(ask("more"), time.Minute); !errors.Is(err, ErrFull) {
			t.Errorf("got %v", err)
		}
		d.Close()
		for i := range 3 * maxAnswered {
			d.mu.Lock()
			d.end(&entry{q: ask(fmt.Sprint(i)), done: make(chan struct{})}, ended)
			d.mu.Unlock()
		}
		if len(d.answered) != maxAnswered {
			t.Errorf("%d outcomes are kept", len(d.answered))
		}
	})
}

func TestDeskIsSafeForAll(t *testing.T) {
	d := &Desk{Apply: func(context.Context, Question, Verdict) error { return nil }}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				q := ask(fmt.Sprint(n % 5))
				q.ID = fmt.Sprint(i, n)
				ctx, cancel := context.WithCancel(t.Context())
				all.Go(func() { _, _ = d.Ask(ctx, q) })
				for _, q := range d.List() {
					_, _, _ = d.Answer(ctx, q.ID, Verdict{Allow: true, Scope: Session})
				}
				<-d.Changed()
				cancel()
			}
		})
	}
	stop := make(chan struct{})
	go func() { // so that no change is waited for in vain
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				_, _ = d.Post(ask("p"+fmt.Sprint(i)), time.Microsecond)
			}
		}
	}()
	all.Wait()
	close(stop)
	d.Close()
	if n := len(d.List()); n != 0 {
		t.Errorf("%d questions stay", n)
	}
}

// A yes to a small upload is none to another that waits behind it.
func TestQuestionsAreToldApartByTheirLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Desk{}
		one, other := ask("a"), ask("a")
		other.ID, other.Length = "q-b", 1<<30
		a, b := start(t.Context(), d, one), start(t.Context(), d, other)
		if _, _, err := d.Answer(t.Context(), "q-a", Verdict{Allow: true}); err != nil || !(<-a).Allow {
			t.Fatal(err)
		}
		if _, _, err := d.Answer(t.Context(), "q-b", Verdict{}); err != nil || (<-b).Allow {
			t.Error("the other was let go with it", err)
		}
	})
}

// Who joins a question while its answer is applied writes to what the answer is about.
func TestJoiningWhileAnswered(t *testing.T) {
	release := make(chan struct{})
	d := &Desk{Apply: func(context.Context, Question, Verdict) error { <-release; return nil }}
	id, err := d.Post(Question{ID: "q-a", Kind: KindAccess}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, _, err := d.Answer(context.Background(), id, Verdict{Allow: true})
		answered <- err
	}()
	// Until then such an answer is refused for its scope.
	for busy := false; !busy; runtime.Gosched() {
		_, _, err := d.Answer(context.Background(), id, Verdict{Scope: "none"})
		busy = strings.Contains(fmt.Sprint(err), "at this moment")
	}
	if _, err := d.Post(Question{ID: "q-b", Kind: KindAccess}, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}
