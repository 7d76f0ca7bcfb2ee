package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// TestFindingsInAConnectsNameAreJournalled where they only warn, on whatever
// line decides; the name itself is not, in any letters.
func TestFindingsInAConnectsNameAreJournalled(t *testing.T) {
	const name = testValue + ".example.com"
	get := "GET / HTTP/1.1\r\nHost: " + strings.ToLower(name) + "\r\n\r\n" // as most clients write it
	warnRig := func(t *testing.T, route Route) *rig {
		r := newRig(t, http.HandlerFunc(echo), Config{DLP: dlp.Policy{Action: dlp.Warn}, Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{})}})
		r.reroute(route)
		return r
	}
	for _, tt := range []struct {
		name  string
		route Route
		want  Action
		use   func(t *testing.T, r *rig)
	}{
		{"intercepted", Route{Host: "*.example.com"}, Allow, func(t *testing.T, r *rig) {
			for range 2 {
				if resp, body := exchangeRaw(t, r.rawTunnel(name+":443"), get, "GET"); resp.StatusCode != 200 {
					t.Error(resp.Status, body)
				}
			}
		}},
		{"a request that is denied", Route{Host: "*.example.com", Paths: []string{"/open"}}, Deny, func(t *testing.T, r *rig) {
			exchangeRaw(t, r.rawTunnel(name+":443"), get, "GET")
		}},
		{"a tunnel that is denied", Route{Host: "example.org"}, Deny, func(t *testing.T, r *rig) { r.connect(r.dial(), name+":443") }},
		{"passthrough", Route{Host: "*.example.com", TLS: Passthrough}, Allow, func(t *testing.T, r *rig) {
			c := r.dial()
			r.connect(c, name+":443")
			c.Write(clientHello(t, strings.ToLower(name)))
			c.Close()
			r.journal.wait(t, isEnd)
		}},
		{"passthrough that nobody can be asked about", Route{Host: "*.example.com", TLS: Passthrough, Action: Ask}, Deny, func(t *testing.T, r *rig) { r.connect(r.dial(), name+":443") }},
		{"passthrough of another name", Route{Host: "*.example.com", TLS: Passthrough}, Allow, func(t *testing.T, r *rig) {
			c := r.dial()
			r.connect(c, name+":443")
			c.Write(clientHello(t, "other.example.com"))
			r.journal.wait(t, isEnd)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := warnRig(t, tt.route)
			tt.use(t, r)
			n := 0
			for _, e := range r.journal.all() {
				if e.Type != EventDecision {
					continue
				}
				n++
				if e.Verdict != tt.want || len(e.Findings) != 1 || e.Findings[0].Rule != dlp.RuleKnown || e.Findings[0].Action != string(dlp.Warn) || e.Host != "[known-secret].example.com" {
					t.Errorf("journal %+v", e)
				}
			}
			if n == 0 {
				t.Error("nothing was decided")
			}
			if text := r.journalText(); strings.Contains(strings.ToLower(text), strings.ToLower(testValue)) {
				t.Errorf("the journal has the value: %s", text)
			}
		})
	}
}
