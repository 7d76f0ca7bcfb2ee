package proxy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// TestAReloadTakesNoValueBack: what a host was lent it may still answer with,
// and the agent may still repeat, whatever the configuration says now.
func TestAReloadTakesNoValueBack(t *testing.T) {
	stored := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "stored "+testValue) }
	for name, reload := range map[string]func(r *rig){
		"the same again":     func(*rig) {},
		"a route without it": func(r *rig) { r.reroute(Route{Host: "example.com"}, Route{Host: "other.example.com"}) },
		"another pattern":    func(r *rig) { r.reroute(Route{Host: "*.com"}, Route{Host: "example.com"}) },
		"the secret is gone": func(r *rig) {
			r.cfg.Secrets = nil
			r.reroute(Route{Host: "example.com"}, Route{Host: "other.example.com"})
		},
		"another has its place": func(r *rig) {
			r.cfg.Secrets = []Secret{fixedSecret("b", "b-PLACEHOLDER-b", "b-value-of-another", Inject{})}
			r.reroute(Route{Host: "example.com", Secrets: []string{"b"}}, Route{Host: "other.example.com"})
		},
		"its value is a placeholder now": func(r *rig) {
			r.cfg.Secrets = []Secret{fixedSecret("b", testValue, "b-value-of-another", Inject{})}
			r.reroute(Route{Host: "example.com"}, Route{Host: "other.example.com"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			up := &upstreamLog{answer: stored}
			r := secretRig(t, up, Inject{})
			for range 2 { // reloads
				reload(r)
				if _, body := r.get("https://example.com/"); body != "stored "+testPlaceholder {
					t.Errorf("the host it was lent to: %s", body)
				}
				if _, body := r.get("https://other.example.com/"); body != "stored "+testValue && name != "another pattern" {
					t.Errorf("another host: %s", body)
				}
				if name == "its value is a placeholder now" {
					continue
				}
				up.take()
				status, body := r.post("https://other.example.com/", "text/plain", "k="+testValue)
				if status != 400 || denialIn(t, body).Rule != "dlp:known-secret" || len(up.take()) > 0 {
					t.Errorf("the agent repeats it: %d %s", status, body)
				}
			}
		})
	}
}

func TestASecretThatComesBackIsInjectedAgain(t *testing.T) {
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{})
	was := r.cfg.Secrets
	r.cfg.Secrets = nil
	r.reroute(Route{Host: "example.com"})
	if r.get("https://example.com/", "X-Key", testPlaceholder); up.take()[0].header.Get("X-Key") != testPlaceholder {
		t.Error("a secret that was removed is still injected")
	}
	r.cfg.Secrets = was
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	if r.get("https://example.com/", "X-Key", testPlaceholder); up.take()[0].header.Get("X-Key") != testValue {
		t.Error("it is not injected again")
	}
	if f := r.server.current.Load().former; len(f.secrets)+len(f.grants) != 0 {
		t.Errorf("it is current and former: %+v", f)
	}
}

func TestWhatIsKeptOfEarlierConfigurationsIsBounded(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	const reloads = maxFormerSecrets + 10
	for i := range reloads {
		name := fmt.Sprintf("secret%d", i)
		cfg := r.cfg
		cfg.Secrets = []Secret{fixedSecret(name, name+"-placeholder", formerValue(name), Inject{})}
		var routes []Route
		for j := range 10 {
			routes = append(routes, Route{Host: fmt.Sprintf("host%d.example.com", j), Secrets: []string{name}})
		}
		cfg.Policy = r.policy(routes...)
		if err := r.server.Reload(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	r.reroute(Route{Host: "example.com"})
	f := r.server.current.Load().former
	if len(f.secrets) != maxFormerSecrets || len(f.grants) != maxFormerGrants {
		t.Errorf("%d secrets and %d grants are kept", len(f.secrets), len(f.grants))
	}
	for i, want := range map[int]int{reloads - 1: 400, 0: 200} { // the newest are
		if status, body := r.post("https://example.com/", "text/plain", "k="+formerValue(fmt.Sprintf("secret%d", i))); status != want {
			t.Errorf("value %d: %d %s", i, status, body)
		}
	}
	if set := r.server.current.Load().hostSecrets("host1.example.com"); len(set.names) == 0 || !strings.Contains(set.key, fmt.Sprintf("secret%d", reloads-1)) {
		t.Errorf("a host that was lent some has %q", set.key)
	}
}

// TestAReloadForgetsNoKnownValue: the agent may have read the file that a value
// stood in, and may be the one that took it out of there.
func TestAReloadForgetsNoKnownValue(t *testing.T) {
	value := formerValue("db")
	for name, reload := range map[string]func(r *rig){
		"it is gone":       func(r *rig) { r.cfg.Scan.Known = nil },
		"another is there": func(r *rig) { r.cfg.Scan.Known = []dlp.Known{{Name: "db", Value: formerValue("other")}} },
		"it was a secret that routes inject": func(r *rig) {
			r.cfg.Scan.Known, r.cfg.Secrets = nil, []Secret{fixedSecret("db", "db-PLACEHOLDER-db", value, Inject{})}
			r.reroute(Route{Host: "example.com"})
			r.cfg.Secrets = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			up := &upstreamLog{}
			r := newRig(t, up, Config{Scan: dlp.Options{Known: []dlp.Known{{Name: "db", Value: value}}}})
			for range 2 {
				reload(r)
				r.reroute(Route{Host: "example.com"})
				status, body := r.post("https://example.com/", "text/plain", "k="+value)
				if status != 400 || denialIn(t, body).Rule != "dlp:known-secret" || len(up.take()) > 0 {
					t.Errorf("the agent sends it: %d %s", status, body)
				}
			}
		})
	}
	t.Run("it is a placeholder now", func(t *testing.T) {
		r := newRig(t, &upstreamLog{}, Config{Scan: dlp.Options{Known: []dlp.Known{{Name: "db", Value: value}}}})
		r.cfg.Scan.Known, r.cfg.Secrets = nil, []Secret{fixedSecret("db", value, "b-value-of-another", Inject{})}
		r.reroute(Route{Host: "example.com"})
		if status, body := r.post("https://example.com/", "text/plain", "k="+value); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	})
}

func TestFormerKnownValuesAreBounded(t *testing.T) {
	known := func(from, to int) (all []dlp.Known) {
		for i := range to - from {
			all = append(all, dlp.Known{Name: "k", Value: formerValue(fmt.Sprint(from + i))})
		}
		return all
	}
	r := newRig(t, http.HandlerFunc(echo), Config{Scan: dlp.Options{Known: known(0, 1)}})
	for i := range 3 {
		r.cfg.Scan.Known = known(1+i*maxFormerKnown/2, 1+(i+1)*maxFormerKnown/2)
		r.reroute(Route{Host: "example.com"})
	}
	r.cfg.Scan.Known = nil
	r.reroute(Route{Host: "example.com"})
	if n := len(r.server.current.Load().former.known); n != maxFormerKnown {
		t.Errorf("%d values are kept", n)
	}
	if status, body := r.post("https://example.com/", "text/plain", "k="+formerValue("0")); status != 400 {
		t.Errorf("the oldest: %d %s", status, body)
	}
	snap := &snapshot{}
	big := []dlp.Known{{Value: strings.Repeat("a", maxFormerBytes)}, {Value: "b"}}
	if kept := snap.formerKnown(big); len(kept) != 1 {
		t.Errorf("%d values are kept", len(kept))
	}
}

// formerValue is a value that has nothing in common with those of others.
func formerValue(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:32] }
