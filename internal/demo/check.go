package demo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/proxy"
)

// Report is what the demonstration shows.
type Report struct {
	Scenes []Scene `json:"scenes"`
}

// Scene is one promise, and what three witnesses say of it.
type Scene struct {
	Title   string   `json:"title"`
	Lines   []Line   `json:"lines"`
	Broken  []string `json:"broken,omitempty"` // what did not come out as promised
	Summary string   `json:"summary"`
}

// Line is what one witness saw.
type Line struct {
	Who  string `json:"who"`
	What string `json:"what"`
}

// Kept reports whether every promise was kept.
func (r *Report) Kept() bool {
	for _, s := range r.Scenes {
		if len(s.Broken) > 0 {
			return false
		}
	}
	return true
}

// scene collects what is said and what is wrong.
type scene struct{ Scene }

func (s *scene) say(who, format string, args ...any) {
	s.Lines = append(s.Lines, Line{who, fmt.Sprintf(format, args...)})
}

func (s *scene) expect(ok bool, format string, args ...any) {
	if !ok {
		s.Broken = append(s.Broken, fmt.Sprintf(format, args...))
	}
}

// evidence is what the witnesses left.
type evidence struct {
	session *session
	up      *upstream
	events  []proxy.Event
	token   string // the real one
}

// The witnesses.
const (
	theAgent   = "in the bottle"
	theServer  = "at the server"
	theJournal = "in the journal"
)

// check reads every outcome back.
func check(s *session, up *upstream, events []proxy.Event, token string) (*Report, error) {
	ev := &evidence{session: s, up: up, events: events, token: token}
	r := &Report{}
	for _, f := range []func(*evidence) (Scene, error){credential, denied, leak, passthrough, echo} {
		sc, err := f(ev)
		if err != nil {
			return nil, err
		}
		r.Scenes = append(r.Scenes, sc)
	}
	return r, nil
}

// decision returns the journal's decision on a host and path.
func (ev *evidence) decision(host, path string) (proxy.Event, bool) {
	for _, e := range ev.events {
		if e.Type == proxy.EventDecision && e.Host == host && (path == "" || e.Path == path) {
			return e, true
		}
	}
	return proxy.Event{}, false
}

// journalLine says what the journal decided, and holds it to the verdict.
func (ev *evidence) journalLine(s *scene, host, path string, want proxy.Action, rule string) {
	e, ok := ev.decision(host, path)
	s.expect(ok, "the journal has no decision on %s%s", host, path)
	if !ok {
		return
	}
	s.expect(e.Verdict == want && strings.HasPrefix(e.Rule, rule), "the journal says %s by %s", e.Verdict, e.Rule)
	text := fmt.Sprintf("%s %s %s%s (%s)", e.Verdict, e.Method, e.Host, e.Path, e.Rule)
	if len(e.Secrets) > 0 {
		text += ", with the secret " + strings.Join(e.Secrets, ", ")
	}
	s.say(theJournal, "%s", text)
}

// journalled says whether a text stands anywhere in the journal.
func (ev *evidence) journalled(text string) bool {
	return slices.ContainsFunc(ev.events, func(e proxy.Event) bool { return strings.Contains(fmt.Sprintf("%+v", e), text) })
}

func credential(ev *evidence) (Scene, error) {
	s := &scene{Scene{Title: "An allowed call, with a credential that the agent does not have",
		Summary: "the proxy put the real token where the placeholder stood"}}
	got, err := ev.session.step(stepAllowed)
	if err != nil {
		return s.Scene, err
	}
	placeholder := ev.session.Token
	s.say(theAgent, "%s=%s (a placeholder; the real one is nowhere in its environment)", tokenVariable, placeholder)
	s.expect(placeholder != "" && placeholder != ev.token && len(placeholder) == len(ev.token), "the agent holds something else than a placeholder of the same length")
	s.expect(!slices.ContainsFunc(ev.session.Env, func(v string) bool { return strings.Contains(v, ev.token) }), "the real token stands in the agent's environment")
	s.say(theAgent, "GET https://%s/v1/me with it: %d", apiHost, got.Status)
	s.expect(got.Status == 200, "the call failed: %d %s", got.Status, got.Error)
	requests := ev.up.requests(apiHost)
	if s.expect(len(requests) == 1, "the server got %d requests", len(requests)); len(requests) == 1 {
		s.expect(requests[0].Authorization == "Bearer "+ev.token, "the server did not get the real token")
		s.say(theServer, "Authorization: Bearer and the real token (%d characters that only the host knows)", len(ev.token))
	}
	ev.journalLine(s, apiHost, "/v1/me", proxy.Allow, "route")
	e, _ := ev.decision(apiHost, "/v1/me")
	s.expect(slices.Equal(e.Secrets, []string{secretName}), "the journal names other secrets than %s: %s", secretName, e.Secrets)
	s.expect(!ev.journalled(ev.token), "the real token stands in the journal")
	return s.Scene, nil
}

func denied(ev *evidence) (Scene, error) {
	s := &scene{Scene{Title: "A host that no route names", Summary: "refused before anything was looked up or sent"}}
	got, err := ev.session.step(stepDenied)
	if err != nil {
		return s.Scene, err
	}
	s.say(theAgent, "GET https://%s/: %s", deniedHost, got.Error)
	s.expect(got.Status == 0 && strings.Contains(got.Error, "no route allows "+deniedHost), "the call was not refused with the reason: %d %s", got.Status, got.Error)
	s.expect(len(ev.up.requests(deniedHost)) == 0, "the server was reached")
	s.say(theServer, "nothing")
	ev.journalLine(s, deniedHost, "", proxy.Deny, "default")
	return s.Scene, nil
}

func leak(ev *evidence) (Scene, error) {
	s := &scene{Scene{Title: "A secret in a request to a host that is allowed", Summary: "the scan of what leaves stopped it, and said where it stood"}}
	got, err := ev.session.step(stepLeak)
	if err != nil {
		return s.Scene, err
	}
	s.say(theAgent, "POST https://%s/v1/paste with a cloud access key in the text: %d (%s)", apiHost, got.Status, got.Rule)
	s.expect(got.Status == 400 && strings.HasPrefix(got.Rule, "dlp:"), "it was answered with %d %s %s", got.Status, got.Rule, got.Error)
	s.expect(!strings.Contains(got.Body, leaked()), "the answer repeats the secret")
	for _, r := range ev.up.requests(apiHost) {
		s.expect(r.Path != "/v1/paste" && !strings.Contains(r.Body, leaked()), "the server got the request")
	}
	s.say(theServer, "nothing")
	ev.journalLine(s, apiHost, "/v1/paste", proxy.Deny, "dlp:")
	s.expect(!ev.journalled(leaked()), "the journal repeats the secret")
	return s.Scene, nil
}

func passthrough(ev *evidence) (Scene, error) {
	s := &scene{Scene{Title: "A host that is passed through", Summary: "end to end encrypted: bottle checked the name and saw nothing else"}}
	got, err := ev.session.step(stepPassthrough)
	if err != nil {
		return s.Scene, err
	}
	s.say(theAgent, "GET https://%s/health: %d, verified by the server's own CA", vaultHost, got.Status)
	s.expect(got.Status == 200, "the call failed: %d %s", got.Status, got.Error)
	s.expect(len(ev.up.requests(vaultHost)) == 1, "the server got %d requests", len(ev.up.requests(vaultHost)))
	e, ok := ev.decision(vaultHost, "")
	s.expect(ok && e.Proto == "passthrough" && e.Path == "", "the journal knows more than host and port: %+v", e)
	ev.journalLine(s, vaultHost, "", proxy.Allow, "route")
	return s.Scene, nil
}

func echo(ev *evidence) (Scene, error) {
	s := &scene{Scene{Title: "A server that repeats the credential in its answer", Summary: "the agent got its placeholder back"}}
	got, err := ev.session.step(stepAllowed)
	if err != nil {
		return s.Scene, err
	}
	s.say(theServer, `answered {"you_sent": "Bearer " and the real token}`)
	s.say(theAgent, "read %s", got.Body)
	for _, st := range ev.session.Steps {
		s.expect(!strings.Contains(st.Body+st.Error, ev.token), "the agent read the real token")
	}
	s.expect(strings.Contains(got.Body, "Bearer "+ev.session.Token), "the answer does not hold the placeholder: %s", got.Body)
	redacted := 0
	for _, e := range ev.events {
		if e.Type == proxy.EventEnd && e.Host == apiHost {
			redacted += e.Redacted
		}
	}
	s.expect(redacted > 0, "the journal counts no replacement")
	s.say(theJournal, "%d replaced", redacted)
	return s.Scene, nil
}
