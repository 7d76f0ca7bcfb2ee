package ui

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// bottleRig is the bottle b-1, as far as views can tell: a journal and a control socket.
type bottleRig struct {
	t       testing.TB
	dir     string
	desk    *supervise.Desk
	journal *journal.Writer

	mu      sync.Mutex
	applied []string
}

func newBottleRig(t testing.TB, o journal.Options) *bottleRig {
	t.Helper()
	dir, err := os.MkdirTemp("", "ui") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &bottleRig{t: t, dir: dir}
	r.desk = &supervise.Desk{Apply: func(_ context.Context, q supervise.Question, v supervise.Verdict) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.applied = append(r.applied, fmt.Sprint(q.ID, " ", v.Allow, " ", v.Scope))
		return nil
	}}
	if r.journal, err = journal.Open(r.journalDir(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.journal.Close() })
	if err := os.Mkdir(filepath.Dir(r.socket()), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := control.Listen(control.Options{Path: r.socket(), Info: control.Info{ID: "b-1"}, Handlers: map[string]control.Handler{supervise.OpQuestions: r.questions, supervise.OpAnswer: r.answer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	t.Cleanup(r.desk.Close)
	return r
}

func (r *bottleRig) journalDir() string { return filepath.Join(r.dir, "journal") }

func (r *bottleRig) socket() string { return filepath.Join(r.dir, "b-1", control.SocketName) }

func (r *bottleRig) state() state.Bottle {
	return state.Bottle{ID: "b-1", Workspace: "/work/a project", Socket: r.socket(), Created: noon}
}

func (r *bottleRig) questions(ctx context.Context, call *control.Call) (any, error) {
	for {
		changed := r.desk.Changed()
		if err := call.Send(r.desk.List()); err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r.desk.List(), nil
		}
	}
}

func (r *bottleRig) answer(ctx context.Context, call *control.Call) (any, error) {
	var in supervise.AnswerCall
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	q, v, err := r.desk.Answer(ctx, in.ID, in.Verdict)
	return supervise.AnswerReply{Question: q, Verdict: v}, err
}

// ask holds a request until it is answered.
func (r *bottleRig) ask(id, host, reason string) <-chan supervise.Outcome {
	out := make(chan supervise.Outcome, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	go func() {
		defer cancel()
		o, _ := r.desk.Ask(ctx, supervise.Question{ID: id, Kind: supervise.KindRequest, Bottle: "b-1", Scheme: "https", Host: host, Port: 443, Methods: []string{"GET"}, Path: "/x/" + id,
			Rule: "route bottle.yaml:6", Reason: reason, Findings: []proxy.EventFinding{{Rule: "jwt", Where: "header", Action: "warn"}}, Detail: []string{"create refs/heads/agent/x"}})
		out <- o
	}()
	return out
}

func (r *bottleRig) record(e proxy.Event) {
	r.t.Helper()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if err := r.journal.Record(context.Background(), &e); err != nil {
		r.t.Fatal(err)
	}
}

// exchange records a request that goes on, and its end.
func (r *bottleRig) exchange(id, host, path string, out, in int64) {
	r.record(proxy.Event{Type: proxy.EventDecision, ID: id, Proto: "h2", Method: "POST", Scheme: "https", Host: host, Port: 443, Path: path, Verdict: proxy.Allow, Rule: "route bottle.yaml:4",
		Findings: []proxy.EventFinding{{Rule: "jwt", Where: "body", Offset: 12, Length: 30, Action: "warn"}}})
	r.record(proxy.Event{Type: proxy.EventEnd, ID: id, Method: "POST", Scheme: "https", Host: host, Port: 443, Path: path, Status: 200, BytesOut: out, BytesIn: in, Duration: 120 * time.Millisecond})
}
