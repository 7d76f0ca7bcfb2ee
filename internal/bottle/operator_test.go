package bottle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/desktop"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

func newAsked(t *testing.T, text string) (*reloading, *operator) {
	t.Helper()
	r := newReloading(t, text)
	r.view.Store(r.current)
	cfg := proxy.Config{Policy: r.current.Egress.Policy}
	r.inForce = cfg
	return r, newOperator(r.reloader, state.Bottle{ID: "b-1"}, slog.New(slog.DiscardHandler), nil)
}

// asked puts a question and returns it with what it will have come to.
func asked(t *testing.T, o *operator, method, host, path string) (supervise.Question, <-chan proxy.Answer) {
	t.Helper()
	changed := o.desk.Changed()
	out := make(chan proxy.Answer, 1)
	go func() {
		a, err := o.ask(t.Context(), proxy.Question{ID: "q-" + method + host + path, Rule: "route x", Path: path,
			Target: proxy.Target{Scheme: "https", Host: host, Port: 443, Method: method, Path: path}})
		if err != nil {
			t.Error(err)
		}
		out <- a
	}()
	<-changed
	list := o.desk.List()
	return list[len(list)-1], out
}

func (r *reloading) decides(t *testing.T, method, host, path string, want proxy.Action) {
	t.Helper()
	cfg := <-r.applied.configs
	if d := cfg.Policy.Decide(proxy.Target{Scheme: "https", Host: host, Port: 443, Method: method, Path: path}); d.Action != want {
		t.Errorf("%s %s%s: %s by %s, want %s", method, host, path, d.Action, d.Rule, want)
	}
}

func TestAnswersThatLast(t *testing.T) {
	r, o := newAsked(t, "egress: {default: ask}\n")
	q, a := asked(t, o, "GET", "a.example.com", "/x")
	if len(q.Reach) != 1 || q.Reach[0] != "a new route: a.example.com GET: allowed" {
		t.Errorf("reach %q", q.Reach)
	}
	_, other := asked(t, o, "GET", "a.example.com", "/y")
	if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true, Scope: supervise.Session}); err != nil {
		t.Fatal(err)
	}
	// What else the answer covers is not asked any more.
	if !(<-a).Allow || !(<-other).Allow {
		t.Error("a yes let nothing pass")
	}
	r.decides(t, "GET", "a.example.com", "/z", proxy.Allow)

	q, a = asked(t, o, "PUT", "b.example.com", "/")
	if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Scope: supervise.Session}); err != nil || (<-a).Allow {
		t.Fatal(err)
	}
	r.decides(t, "PUT", "b.example.com", "/", proxy.Deny)

	// A changed manifest does not take them back.
	r.project.trusted("egress: {default: ask}\nenv: {A: b}\n")
	r.reload(t.Context())
	r.decides(t, "GET", "a.example.com", "/", proxy.Allow)
	if n := len(r.manifest().Egress.Routes); n != 2 {
		t.Errorf("%d routes are in force", n)
	}
}

// A question says what a yes gives as the policy is, and a yes to what it said before is
// none.
func TestAYesGivesWhatTheQuestionSays(t *testing.T) {
	const text = "egress: {routes: [{host: a.example.com, action: ask%s}]}\n"
	r, o := newAsked(t, fmt.Sprintf(text, ""))
	q, a := asked(t, o, "GET", "a.example.com", "/x")
	if len(q.Reach) != 1 || strings.Contains(q.Reach[0], "private") {
		t.Fatalf("reach %q", q.Reach)
	}
	r.project.trusted(fmt.Sprintf(text, ", private: true"))
	r.reload(t.Context())
	now := o.desk.List()[0]
	if len(now.Reach) != 1 || !strings.Contains(now.Reach[0], "private") {
		t.Errorf("reach %q", now.Reach)
	}
	if err := o.apply(t.Context(), q, supervise.Verdict{Allow: true, Scope: supervise.Session}); !errors.Is(err, errOtherReach) {
		t.Errorf("a yes to what was said before: %v", err)
	}
	if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true, Scope: supervise.Session}); err != nil || !(<-a).Allow {
		t.Error(err)
	}
}

// A lasting no to a secret is about the secret, and leaves the host as it is.
func TestASecretIsRefusedForTheSession(t *testing.T) {
	_, o := newAsked(t, "egress: {default: deny, routes: [{host: a.example.com}]}\nsecrets: {s: {from: {env: S}, inject: bearer}}\n")
	q := supervise.Question{ID: "r-1", Kind: supervise.KindSecret, Secret: "s", Scheme: "https", Host: "a.example.com", Port: 443, Reason: "x"}
	if _, err := o.desk.Post(q, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Scope: supervise.Always}); !errors.Is(err, errNoSecretRule) {
		t.Errorf("no for good: %v", err)
	}
	if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Scope: supervise.Session}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.reach(q); !errors.Is(err, errRefused) {
		t.Errorf("it can be asked for again: %v", err)
	}
	q.Host = "b.example.com"
	if _, err := o.reach(q); err != nil {
		t.Errorf("for another host: %v", err)
	}
	if n := len(o.reload.manifest().Egress.Routes); n != 1 {
		t.Errorf("%d routes are in force", n)
	}
}

func TestAlwaysIsWritten(t *testing.T) {
	r, o := newAsked(t, "# mine\negress: {default: ask}\n")
	q, a := asked(t, o, "GET", "a.example.com", "/x")
	if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true, Scope: supervise.Always}); err != nil || !(<-a).Allow {
		t.Fatal(err)
	}
	r.decides(t, "GET", "a.example.com", "/z", proxy.Allow)
	m, err := r.project.read()
	if err != nil || len(m.Egress.Routes) != 1 || r.trust.IsTrusted(m) != nil {
		t.Fatalf("got %+v, %v", m, err)
	}
	// It is taken up as any change, and there once.
	r.reload(t.Context())
	r.decides(t, "GET", "a.example.com", "/z", proxy.Allow)
	if n := len(r.manifest().Egress.Routes); n != 1 {
		t.Errorf("%d routes are in force", n)
	}

	// A manifest that the agent wrote in the meantime is not trusted by an answer.
	r.project.load("egress: {default: allow}\n")
	q, a = asked(t, o, "GET", "c.example.com", "/x")
	_, _, err = o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true, Scope: supervise.Always})
	if err == nil || !strings.Contains(err.Error(), "nobody agreed to") {
		t.Errorf("got %v", err)
	}
	if len(o.desk.List()) != 1 {
		t.Error("the question is gone, and has no answer")
	}
	o.desk.Close()
	<-a
}

// What the agent wrote comes out as it is in the journal's data, and nowhere else.
func TestQuestionsAreInTheJournal(t *testing.T) {
	r, o := newAsked(t, "egress: {default: ask}\n")
	q, a := asked(t, o, "GET", "a.example.com", "/a-secret?q=\n\x1b[2J")
	if _, _, err := o.desk.Answer(context.Background(), q.ID, supervise.Verdict{Reason: "not today"}); err != nil {
		t.Fatal(err)
	}
	if got := <-a; got.Allow || got.Reason != "not today" {
		t.Errorf("got %+v", got)
	}
	notes := r.notes.all()
	if len(notes) != 2 || notes[0].Path != "/[secret]?q=\n\x1b[2J" || notes[0].Reason != "the operator is asked" || notes[0].ID != q.ID || notes[1].Reason != "the answer was no (once): not today" {
		t.Errorf("got %+v", notes)
	}
}

// The desktop is told of a question, without its path, and of no answer.
func TestQuestionsAreToldAtTheDesktop(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "[{b-1 q-GETa-secret.example.com/a-secret GET [secret].example.com  false}]",
		"notify: {sound: true}\n":      "[{b-1 q-GETa-secret.example.com/a-secret GET [secret].example.com  true}]",
		"notify: {questions: false}\n": "[]",
	} {
		_, o := newAsked(t, "egress: {default: ask}\n"+text)
		told := []desktop.Question{}
		o.notify = func(q desktop.Question) { told = append(told, q) }
		q, a := asked(t, o, "GET", "a-secret.example.com", "/a-secret")
		if _, _, err := o.desk.Answer(context.Background(), q.ID, supervise.Verdict{}); err != nil { // it waits until Tell has been called
			t.Fatal(err)
		}
		<-a
		if got := fmt.Sprint(told); got != want {
			t.Errorf("%q: told %s, want %s", text, got, want)
		}
	}
}

// A push is asked about for itself: no route, old or new, is a yes to it, and no
// answer makes one.
func TestAnswersAboutAPushAreForItAlone(t *testing.T) {
	for _, def := range []string{"allow", "deny"} {
		t.Run(def, func(t *testing.T) {
			_, o := newAsked(t, "egress: {default: "+def+"}\n")
			changed := o.desk.Changed()
			out := make(chan proxy.Answer, 1)
			go func() {
				a, _ := o.ask(t.Context(), proxy.Question{ID: "q-1", Rule: "git:forge.test/org/x", Gated: true, Detail: []string{"create refs/heads/agent/x"},
					Target: proxy.Target{Scheme: "https", Host: "forge.test", Port: 443, Method: "PUSH", Path: "/org/x/git-receive-pack"}})
				out <- a
			}()
			<-changed
			q := o.desk.List()[0]
			if len(q.Reach) != 0 || !strings.Contains(q.Effect, "this push alone") {
				t.Errorf("reach %q, effect %q", q.Reach, q.Effect)
			}
			o.settle() // as after any grant and any change of the manifest
			for _, scope := range []supervise.Scope{supervise.Session, supervise.Always} {
				for _, allow := range []bool{true, false} {
					_, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: allow, Scope: scope})
					if err == nil || !strings.Contains(err.Error(), "access: write") {
						t.Errorf("%s, %v: %v", scope, allow, err)
					}
				}
			}
			if routes := o.reload.manifest().Egress.Routes; len(routes) != 0 {
				t.Errorf("routes %+v", routes)
			}
			if len(o.desk.List()) != 1 {
				t.Fatal("the push waits no more, and nobody answered")
			}
			if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true}); err != nil || !(<-out).Allow {
				t.Errorf("a yes for once: %v", err)
			}
		})
	}
}

// The end of a path that was cut can be what a rule asks about: no other route is a yes
// to it, and no answer makes a route of what is left.
func TestACutPathIsNotSettled(t *testing.T) {
	for _, rest := range []string{"", "?a=b"} {
		_, o := newAsked(t, "egress: {routes: [{host: a.example.com}, {host: a.example.com, paths: [/**/delete], action: ask}]}\n")
		q, a := asked(t, o, "GET", "a.example.com", "/"+strings.Repeat("p", 64)+"…"+rest)
		o.settle()
		if len(o.desk.List()) != 1 {
			t.Fatal("nobody answered, and it was settled")
		}
		if len(q.Reach) != 0 || q.Effect != errCut.Error() {
			t.Errorf("reach %q, effect %q", q.Reach, q.Effect)
		}
		for _, allow := range []bool{true, false} {
			if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: allow, Scope: supervise.Session}); err == nil {
				t.Errorf("%v for the session was taken", allow)
			}
		}
		if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true}); err != nil || !(<-a).Allow {
			t.Errorf("a yes for once: %v", err)
		}
	}
}

// A yes at a limit is as much again, and no route.
func TestAnswersAtALimit(t *testing.T) {
	_, o := newAsked(t, "")
	changed := o.desk.Changed()
	out := make(chan proxy.Answer, 1)
	go func() {
		a, err := o.ask(t.Context(), proxy.Question{ID: "q-1", Rule: "budget:bytes_out", Budget: "bytes_out", Over: "2 GiB sent", Length: -1, Detail: []string{"as much again"}})
		if err != nil {
			t.Error(err)
		}
		out <- a
	}()
	<-changed
	q := o.desk.List()[0]
	if q.Kind != supervise.KindBudget || q.Subject() != "over budget: 2 GiB sent" || !strings.Contains(q.Effect, "as much again") {
		t.Errorf("asked %+v: %s", q, q.Subject())
	}
	if _, _, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true, Scope: supervise.Session}); err == nil {
		t.Error("a lasting yes to a limit")
	}
	if _, v, err := o.desk.Answer(t.Context(), q.ID, supervise.Verdict{Allow: true}); err != nil || v.Scope != supervise.Once {
		t.Error(v, err)
	}
	if !(<-out).Allow {
		t.Error("the yes did not arrive")
	}
}
