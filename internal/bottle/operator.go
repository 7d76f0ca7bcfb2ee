package bottle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/desktop"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// operator puts what the proxy and the agent ask to the person, and makes the
// answers come true.
type operator struct {
	reload *reloader
	desk   *supervise.Desk
	id     string // of the bottle
	log    *slog.Logger
	notify func(desktop.Question) // at the desktop

	refused refusals
}

func newOperator(r *reloader, record state.Bottle, log *slog.Logger, d *desktop.Notifier) *operator {
	o := &operator{reload: r, id: record.ID, log: log, notify: d.Ask}
	o.desk = &supervise.Desk{Apply: o.apply, Tell: o.tell, Reach: o.reach}
	r.changed = o.settle
	return o
}

// ask is proxy.Options.Ask.
func (o *operator) ask(ctx context.Context, q proxy.Question) (proxy.Answer, error) {
	kind := supervise.KindRequest
	switch {
	case q.Gated && o.reload.usePush(ctx, q, false):
		return proxy.Answer{Allow: true}, nil
	case q.Gated:
		kind = supervise.KindPush
	case q.Budget != "":
		kind = supervise.KindBudget
	}
	var methods []string
	if q.Target.Method != "" {
		methods = []string{q.Target.Method}
	}
	out, err := o.desk.Ask(ctx, supervise.Question{
		ID: q.ID, Kind: kind, Bottle: o.id, Scheme: q.Target.Scheme, Host: q.Target.Host, Port: q.Target.Port,
		Methods: methods, Path: q.Path, Rule: q.Rule, Length: q.Length, Findings: q.Findings, Detail: q.Detail, Over: q.Over,
	})
	if q.Gated && out.Allow {
		o.reload.usePush(ctx, q, true) // it was one push
	}
	return proxy.Answer{Allow: out.Allow, Reason: out.Reason}, err
}

// errPush is for lasting answers to a push: a route would be for requests, and the
// gate looks at none.
var errPush = errors.New("an answer about a push is for this push alone: answer it without --session and --always; to have it asked no more, write access: write (or read) for the repository under git in bottle.yaml")

// errBudget is for lasting answers to a limit: a yes is as much again.
var errBudget = errors.New("an answer about a limit is as much again, or no more, as long as the bottle runs: answer it without --session and --always; to have another limit for good, write it under budgets in bottle.yaml")

// errCut is for lasting answers to a request whose path is not there in full: what is
// left of it may be another rule's.
var errCut = errors.New("the path is too long to be shown whole, so an answer is for this request alone: answer it without --session and --always")

// errOtherReach is for a yes that was given to something else.
var errOtherReach = errors.New("the policy has just changed, and a yes gives something else than the question said: look at it again")

// alone says why a question can only be answered for itself; nil where a route can
// answer it.
func alone(q supervise.Question) error {
	path, _, _ := strings.Cut(q.Path, "?")
	switch {
	case q.Kind == supervise.KindPush:
		return errPush
	case q.Kind == supervise.KindBudget:
		return errBudget
	case strings.HasSuffix(path, "…"): // which no URL has, but in escapes
		return errCut
	}
	return nil
}

// want is what a question asks for.
func want(q supervise.Question) manifest.Want {
	w := manifest.Want{Scheme: q.Scheme, Host: q.Host, Port: q.Port, Methods: q.Methods, Paths: q.Paths, Secret: q.Secret}
	if q.Kind == supervise.KindRequest {
		w.Path, _, _ = strings.Cut(q.Path, "?")
	}
	return w
}

// reach says what a lasting yes would give, or why it would give nothing.
func (o *operator) reach(q supervise.Question) (lines []string, err error) {
	if q.Kind == supervise.KindPushRule {
		return o.reachOfPush(q)
	}
	if err := alone(q); err != nil {
		return nil, err
	}
	if q.Kind == supervise.KindSecret && o.refused.hasSecret(q) {
		return nil, errRefused
	}
	m := o.reload.manifest()
	g, err := m.GrantFor(want(q), proxy.Allow)
	if err != nil {
		return nil, err
	}
	with, _ := m.With([]manifest.Grant{g})
	return manifest.Wider(m, with), nil
}

// apply makes an answer that lasts come true.
func (o *operator) apply(ctx context.Context, q supervise.Question, v supervise.Verdict) error {
	if lines, err := o.reach(q); v.Allow && err == nil && !slices.Equal(lines, q.Reach) {
		return errOtherReach
	}
	if q.Kind == supervise.KindPushRule {
		return o.applyPush(ctx, q, v)
	}
	if err := alone(q); err != nil {
		return err
	}
	if q.Kind == supervise.KindSecret && !v.Allow {
		return o.refused.refuseSecret(q, v.Scope)
	}
	action := proxy.Deny
	if v.Allow {
		action = proxy.Allow
	}
	g, err := o.reload.manifest().GrantFor(want(q), action)
	if err != nil {
		return err
	}
	g.Route.Source = "answer " + q.ID
	if v.Scope == supervise.Always {
		return o.reload.grantAlways(ctx, g, q.ID)
	}
	return o.reload.grant(ctx, g)
}

// settle answers what the policy decides by now. Of a push it decides nothing: a
// route that lets requests to the host pass is no yes to it.
func (o *operator) settle() {
	m := o.reload.manifest()
	for _, q := range o.desk.List() {
		if q.Kind != supervise.KindRequest || alone(q) != nil {
			continue
		}
		w := want(q)
		d := m.Egress.Policy.Decide(proxy.Target{Scheme: w.Scheme, Host: w.Host, Port: w.Port, Method: w.Methods[0], Path: w.Path})
		if d.Action == proxy.Ask {
			continue
		}
		// One that is just being answered is not: that answer comes first.
		_, _, _ = o.desk.Answer(context.Background(), q.ID, supervise.Verdict{Allow: d.Action == proxy.Allow, Scope: supervise.Once, Reason: "by " + d.Rule})
	}
	o.desk.Refresh()
}

// QuestionAttr is of the line that tells of a question: one that nobody can see now need
// not be shown later. It is not for people.
var QuestionAttr = slog.Bool("question", true)

// tell writes questions and answers into the journal, and tells the person.
func (o *operator) tell(q supervise.Question, out *supervise.Outcome) {
	e := &proxy.Event{Time: time.Now(), Type: proxy.EventNote, ID: q.ID, Session: o.id, Method: strings.Join(q.Methods, ","),
		Scheme: q.Scheme, Host: q.Host, Port: q.Port, Path: q.Path, Rule: q.Rule, Findings: q.Findings}
	if e.Path == "" {
		e.Path = strings.Join(q.Paths, ",")
	}
	if q.Kind == supervise.KindPushRule {
		e.Proto, e.Method, e.Path, e.Ref = "git", "PUSH", "/"+q.Repository, q.Ref
	}
	switch {
	case out == nil:
		e.Reason = "the operator is asked"
		if q.Reason != "" {
			e.Reason += ", and the agent says why: " + q.Reason
		}
		verb := "wants"
		if q.Over != "" {
			verb = "is"
			e.Reason = "over budget: " + q.Over + ": " + e.Reason
		}
		o.log.Warn(fmt.Sprintf("%s %s %s; answer with: bottle approve %s, or bottle deny %s", o.id, verb, escape.TextMax(q.Subject(), 200), q.ID, q.ID), QuestionAttr)
	case out.Allow:
		e.Reason = fmt.Sprintf("the operator said yes (%s)", out.Scope)
	default:
		e.Reason = fmt.Sprintf("the answer was no (%s)", out.Scope)
		if out.Reason != "" {
			e.Reason += ": " + out.Reason
		}
	}
	// What an agent says of its request was scanned as policy has it, which may let a
	// secret through: it is not for the disk.
	redact := o.reload.server.Redact
	if n := o.reload.manifest().Notify; out == nil && n.Questions {
		o.notify(desktop.Question{Bottle: o.id, ID: q.ID, Method: redact(e.Method), Host: redact(q.Host), Over: redact(q.Over), Sound: n.Sound})
	}
	e.Method, e.Host, e.Path, e.Ref, e.Reason = redact(e.Method), redact(e.Host), redact(e.Path), redact(e.Ref), redact(e.Reason)
	// A journal that cannot be written denies the request itself; this is a note.
	_ = o.reload.journal.Record(context.Background(), e)
}

// handlers are the operations on the control socket.
func (o *operator) handlers() map[string]control.Handler {
	return map[string]control.Handler{supervise.OpQuestions: o.questions, supervise.OpAnswer: o.answer, supervise.OpSpent: o.spent}
}

// questions sends what waits, and again at each change while it is watched.
func (o *operator) questions(ctx context.Context, call *control.Call) (any, error) {
	var in supervise.QuestionsCall
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	for in.Watch {
		changed := o.desk.Changed()
		if err := call.Send(o.desk.List()); err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done(): // the bottle ends, or nobody looks any more
			in.Watch = false
		}
	}
	return o.desk.List(), nil
}

// spent says what was sent and used.
func (o *operator) spent(context.Context, *control.Call) (any, error) {
	return o.reload.server.Spent(o.id), nil
}

func (o *operator) answer(ctx context.Context, call *control.Call) (any, error) {
	var in supervise.AnswerCall
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	// Not given up halfway when whoever answers goes away.
	q, v, err := o.desk.Answer(context.WithoutCancel(ctx), in.ID, in.Verdict)
	return supervise.AnswerReply{Question: q, Verdict: v}, err
}
