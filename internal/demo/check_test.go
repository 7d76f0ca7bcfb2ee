package demo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

const (
	realToken   = "demo_real0123456789"
	placeholder = "demo_hold0123456789"
)

// honest is what the witnesses leave when all goes well.
func honest() *evidence {
	return &evidence{
		token: realToken,
		session: &session{Token: placeholder, Env: []string{"PATH=/bin", tokenVariable + "=" + placeholder}, Steps: []step{
			{Name: stepAllowed, Status: 200, Body: `{"you_sent":"Bearer ` + placeholder + `"}`},
			{Name: stepDenied, Error: "Get: no route allows " + deniedHost + ":443"},
			{Name: stepLeak, Status: 400, Rule: "dlp:aws-access-key-id", Body: "denied"},
			{Name: stepPassthrough, Status: 200},
		}},
		up: &upstream{seen: []received{
			{Host: apiHost, Path: "/v1/me", Authorization: "Bearer " + realToken},
			{Host: vaultHost, Path: "/health"},
		}},
		events: []proxy.Event{
			{Type: proxy.EventDecision, Host: apiHost, Path: "/v1/me", Verdict: proxy.Allow, Rule: "route bottle.yaml:9", Secrets: []string{secretName}},
			{Type: proxy.EventEnd, Host: apiHost, Redacted: 1},
			{Type: proxy.EventDecision, Host: deniedHost, Verdict: proxy.Deny, Rule: "default"},
			{Type: proxy.EventDecision, Host: apiHost, Path: "/v1/paste", Verdict: proxy.Deny, Rule: "dlp:aws-access-key-id"},
			{Type: proxy.EventDecision, Host: vaultHost, Proto: "passthrough", Verdict: proxy.Allow, Rule: "route bottle.yaml:13"},
		},
	}
}

func (ev *evidence) report(t *testing.T) *Report {
	t.Helper()
	r, err := check(ev.session, ev.up, ev.events, ev.token)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheckBelievesHonestWitnesses(t *testing.T) {
	if r := honest().report(t); !r.Kept() {
		t.Errorf("not as promised: %+v", r.Scenes)
	}
}

// The scenes, as numbers in the report.
const (
	sceneCredential = iota
	sceneDenied
	sceneLeak
	scenePassthrough
	sceneEcho
)

func TestCheckCatchesEachWitness(t *testing.T) {
	for _, c := range []struct {
		name   string
		scene  int
		tamper func(*evidence)
		broken string
	}{
		{"the agent has no placeholder", sceneCredential, func(ev *evidence) { ev.session.Token = "" }, "something else than a placeholder"},
		{"the agent has the real token", sceneCredential, func(ev *evidence) { ev.session.Token = realToken }, "something else than a placeholder"},
		{"the placeholder is shorter", sceneCredential, func(ev *evidence) { ev.session.Token = "demo_" }, "something else than a placeholder"},
		{"another variable has the token", sceneCredential, func(ev *evidence) { ev.session.Env = append(ev.session.Env, "X=a"+realToken) }, "in the agent's environment"},
		{"the allowed call fails", sceneCredential, func(ev *evidence) { ev.session.Steps[0].Status = 502 }, "the call failed: 502"},
		{"the server got the placeholder", sceneCredential, func(ev *evidence) { ev.up.seen[0].Authorization = "Bearer " + placeholder }, "did not get the real token"},
		{"the server got nothing", sceneCredential, func(ev *evidence) { ev.up.seen = ev.up.seen[1:] }, "the server got 0 requests"},
		{"the server got it twice", sceneCredential, func(ev *evidence) { ev.up.seen = append(ev.up.seen, ev.up.seen[0]) }, "the server got 2 requests"},
		{"the journal has nothing", sceneCredential, func(ev *evidence) { ev.events = nil }, "the journal has no decision on " + apiHost + "/v1/me"},
		{"the journal says denied", sceneCredential, func(ev *evidence) { ev.events[0].Verdict = proxy.Deny }, "the journal says deny"},
		{"the journal allows it for another reason", sceneCredential, func(ev *evidence) { ev.events[0].Rule = "default" }, "by default"},
		{"the journal names no secret", sceneCredential, func(ev *evidence) { ev.events[0].Secrets = nil }, "names other secrets"},
		{"the journal has the token", sceneCredential, func(ev *evidence) { ev.events[1].Error = "bad " + realToken }, "the real token stands in the journal"},

		{"the denied host answers", sceneDenied, func(ev *evidence) { ev.session.Steps[1] = step{Name: stepDenied, Status: 200} }, "not refused with the reason"},
		{"the denied host fails for another reason", sceneDenied, func(ev *evidence) { ev.session.Steps[1].Error = "Get https://" + deniedHost + "/: connection refused" }, "not refused with the reason"},
		{"the denied host was reached", sceneDenied, func(ev *evidence) { ev.up.seen = append(ev.up.seen, received{Host: deniedHost}) }, "the server was reached"},
		{"the journal has no denial", sceneDenied, func(ev *evidence) { ev.events[2].Type = proxy.EventNote }, "no decision on " + deniedHost},
		{"the journal allows the host", sceneDenied, func(ev *evidence) { ev.events[2].Verdict = proxy.Allow }, "the journal says allow"},

		{"the leak goes through", sceneLeak, func(ev *evidence) { ev.session.Steps[2].Status = 200 }, "it was answered with 200"},
		{"the leak is stopped by something else", sceneLeak, func(ev *evidence) { ev.session.Steps[2].Rule = "default" }, "it was answered with 400 default"},
		{"the answer repeats the secret", sceneLeak, func(ev *evidence) { ev.session.Steps[2].Body = "found " + leaked() }, "the answer repeats the secret"},
		{"the server got the secret", sceneLeak, func(ev *evidence) {
			ev.up.seen = append(ev.up.seen, received{Host: apiHost, Path: "/other", Body: leaked()})
		}, "the server got the request"},
		{"the server got the request without it", sceneLeak, func(ev *evidence) { ev.up.seen = append(ev.up.seen, received{Host: apiHost, Path: "/v1/paste"}) }, "the server got the request"},
		{"the journal allows the leak", sceneLeak, func(ev *evidence) { ev.events[3].Verdict = proxy.Allow }, "the journal says allow"},
		{"the journal repeats the secret", sceneLeak, func(ev *evidence) { ev.events[3].Reason = leaked() }, "the journal repeats the secret"},

		{"the passthrough fails", scenePassthrough, func(ev *evidence) { ev.session.Steps[3] = step{Name: stepPassthrough, Error: "x509"} }, "the call failed: 0 x509"},
		{"the passthrough did not arrive", scenePassthrough, func(ev *evidence) { ev.up.seen = ev.up.seen[:1] }, "the server got 0 requests"},
		{"the passthrough was looked into", scenePassthrough, func(ev *evidence) { ev.events[4].Path = "/health" }, "knows more than host and port"},
		{"the passthrough was intercepted", scenePassthrough, func(ev *evidence) { ev.events[4].Proto = "http/1.1" }, "knows more than host and port"},
		{"the journal denies the passthrough", scenePassthrough, func(ev *evidence) { ev.events[4].Verdict = proxy.Deny }, "the journal says deny"},

		{"the echo has the token", sceneEcho, func(ev *evidence) { ev.session.Steps[0].Body += realToken }, "the agent read the real token"},
		{"another answer has the token", sceneEcho, func(ev *evidence) { ev.session.Steps[3].Body = realToken }, "the agent read the real token"},
		{"the echo has no placeholder", sceneEcho, func(ev *evidence) { ev.session.Steps[0].Body = "{}" }, "does not hold the placeholder"},
		{"the journal counts no replacement", sceneEcho, func(ev *evidence) { ev.events[1].Redacted = 0 }, "counts no replacement"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := honest()
			c.tamper(ev)
			r := ev.report(t)
			if r.Kept() || !strings.Contains(strings.Join(r.Scenes[c.scene].Broken, "; "), c.broken) {
				t.Errorf("want %q, got %+v", c.broken, r.Scenes[c.scene].Broken)
			}
			var out bytes.Buffer
			if err := r.Write(&out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "=> NOT AS PROMISED: ") {
				t.Errorf("it prints\n%s", out.String())
			}
		})
	}
}

func TestCheckMissesAStep(t *testing.T) {
	for _, name := range []string{stepAllowed, stepDenied, stepLeak, stepPassthrough} {
		ev := honest()
		for i := range ev.session.Steps {
			if ev.session.Steps[i].Name == name {
				ev.session.Steps[i].Name = "another"
			}
		}
		if _, err := check(ev.session, ev.up, ev.events, ev.token); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestWriteEscapesWhatTheAgentSaid(t *testing.T) {
	ev := honest()
	ev.session.Steps[1].Error += "\x1b[2J\u202e"
	ev.session.Steps[3].Error, ev.session.Steps[3].Status = "\x1b[2J", 500
	var out bytes.Buffer
	if err := ev.report(t).Write(&out); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("it prints %q", out.String())
	}
}
