package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// loginRig is a rig with a login that the upstream refuses until it was renewed.
// The new token has another length, and so may the answer.
type loginRig struct {
	*rig
	up *upstreamLog

	mu      sync.Mutex
	token   string
	renewed int
	fail    error
}

const newValue = testValue + "-renewed"

func newLoginRig(t *testing.T) *loginRig {
	l := &loginRig{token: testValue, up: &upstreamLog{}}
	l.up.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+newValue {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, "token has ended: "+r.Header.Get("Authorization"))
			return
		}
		io.WriteString(w, "welcome "+r.Header.Get("Authorization")+" of "+r.Header.Get("X-Account"))
	}
	sec := Secret{Name: "acme", Placeholder: testPlaceholder, Inject: Inject{Bearer: true}, Value: func(context.Context) (string, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.token, nil
	}, Renew: func(_ context.Context, refused string) (string, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.fail != nil {
			return "", l.fail
		}
		if refused == l.token {
			l.renewed++
			l.token = newValue
		}
		return l.token, nil
	}, Beside: func(context.Context) (map[string]string, error) { return map[string]string{"X-Account": "acc-1"}, nil }}
	l.rig = newRig(t, l.up, Config{Secrets: []Secret{sec}})
	l.reroute(Route{Host: "example.com", Secrets: []string{"acme"}}, Route{Host: "other.example.com"})
	return l
}

func TestRefusedCredentialIsRenewed(t *testing.T) {
	bearer := []string{"Authorization", "Bearer " + testPlaceholder}
	large := strings.Repeat("long ", decideBytes)
	tests := []struct {
		name   string
		req    func() *http.Request
		status int
		came   int // requests upstream
	}{
		{"without a body", request("GET", "https://example.com/", ""), 200, 2},
		{"with a small body", request("POST", "https://example.com/", "the body"), 200, 2},
		{"with a body that was not kept", request("POST", "https://example.com/", large), 401, 1},
		{"of a client that sent no placeholder", request("GET", "https://example.com/", "", "Authorization", "Bearer mine"), 401, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLoginRig(t)
			req := tt.req()
			if req.Header.Get("Authorization") == "" {
				req.Header.Set(bearer[0], bearer[1])
			}
			status, body := l.do(req)
			got := l.up.take()
			if status != tt.status || len(got) != tt.came {
				t.Fatalf("got %d %q after %d requests", status, body, len(got))
			}
			if strings.Contains(body, testValue) {
				t.Errorf("the agent sees the value: %s", body)
			}
			if status == 200 && body != "welcome Bearer "+testPlaceholder+" of acc-1" {
				t.Errorf("got %q", body)
			}
			if last := got[len(got)-1]; len(got) > 1 && (last.body != got[0].body || last.header.Get("X-Account") != "acc-1") {
				t.Errorf("the second request differs: %+v", last)
			}
		})
	}
}

// TestRefusedStorm: requests that are refused at once share one renewal, and none
// is sent more than twice.
func TestRefusedStorm(t *testing.T) {
	l := newLoginRig(t)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if status, body := l.get("https://example.com/", "Authorization", "Bearer "+testPlaceholder); status != 200 {
				t.Errorf("got %d %q", status, body)
			}
		})
	}
	wg.Wait()
	if came := len(l.up.take()); l.renewed != 1 || came > 60 {
		t.Errorf("%d renewals, %d requests", l.renewed, came)
	}
}

func TestRenewalThatFails(t *testing.T) {
	l := newLoginRig(t)
	l.fail = errors.New("logged out, " + testValue)
	status, body := l.get("https://example.com/", "Authorization", "Bearer "+testPlaceholder)
	if status != 401 || body != "token has ended: Bearer "+testPlaceholder || len(l.up.take()) != 1 {
		t.Errorf("got %d %q", status, body)
	}
	e := l.journal.wait(t, func(e Event) bool { return e.Type == EventNote && strings.Contains(e.Reason, "cannot be renewed") })
	if strings.Contains(e.Error, testValue) {
		t.Errorf("the journal has the value: %+v", e)
	}
}

// TestBesideStaysWithTheCredential: nothing goes beside a credential that was not
// put in.
func TestBesideStaysWithTheCredential(t *testing.T) {
	l := newLoginRig(t)
	l.get("https://example.com/", "Authorization", "Bearer mine")
	l.get("https://other.example.com/", "X-Account", "agent's own")
	for _, got := range l.up.take() {
		if v := got.header.Get("X-Account"); v != "" && v != "agent's own" {
			t.Errorf("the request to %s went with %q", got.host, v)
		}
	}
}

func TestRefusedSocketIsOpenedAgain(t *testing.T) {
	l := newLoginRig(t)
	echo := newSocketUpstream(nil)
	l.up.mu.Lock()
	l.up.instead = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+newValue {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		echo.ServeHTTP(w, r)
	})
	l.up.mu.Unlock()
	c, _ := l.socket("wss://example.com/", "Authorization", "Bearer "+testPlaceholder)
	defer c.Close()
	if l.renewed != 1 {
		t.Errorf("%d renewals", l.renewed)
	}
}

func TestCannedAnswer(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{Canned: []Canned{{Method: "POST", Host: "example.com", Path: "/oauth/token", ContentType: "application/json", Body: `{"access_token":"x"}`}},
		Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{})}})
	cfg := r.cfg
	cfg.Policy = r.policy(Route{Host: "example.com"})
	if err := r.server.Reload(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"refresh_token=x", strings.Repeat("x", 2*decideBytes)} {
		if status, text := r.post("https://example.com/oauth/token", "text/plain", body); status != 200 || text != `{"access_token":"x"}` {
			t.Errorf("got %d %q", status, text)
		}
	}
	if status, text := r.post("https://example.com/oauth/token", "text/plain", testValue); status != 400 || denialIn(t, text).Rule != "dlp:known-secret" {
		t.Errorf("what is scanned anyway: %d %q", status, text)
	}
	if got := up.take(); len(got) > 0 {
		t.Errorf("upstream got %+v", got)
	}
	if status, text := r.get("https://example.com/oauth/token"); status != 200 || text != "ok" {
		t.Errorf("another method: %d %q", status, text)
	}
}

// TestHostTransport: the host's own requests take the way of the route, past the
// policy.
func TestHostTransport(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	cfg := r.cfg
	cfg.Policy = r.policy(Route{Host: "example.com", Methods: []string{"GET", "POST"}})
	resp, err := (&http.Client{Transport: NewTransport(cfg)}).Post("https://example.com/oauth/token", "text/plain", strings.NewReader("mine"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := up.take(); len(got) != 1 || got[0].body != "mine" || got[0].host != "example.com" {
		t.Errorf("upstream got %+v", got)
	}
}

// Of two credentials in one header each can be renewed by itself.
func TestRefusedBesideAnother(t *testing.T) {
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			up := &upstreamLog{}
			up.answer = func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.Header.Get("X-Keys"), newValue) || !strings.Contains(r.URL.RawQuery, newValue) {
					w.WriteHeader(http.StatusUnauthorized)
				}
			}
			var mu sync.Mutex
			value := testValue
			renewable := Secret{Name: name, Placeholder: testPlaceholder, Inject: Inject{Headers: []string{"*"}, Query: []string{"*"}}, Value: func(context.Context) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				return value, nil
			}, Renew: func(context.Context, string) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				value = newValue
				return value, nil
			}}
			other := fixedSecret("other", "placeholder-of-another-1", "value-of-another-1", renewable.Inject)
			secrets := []Secret{renewable, other}
			if name == "two" {
				secrets = []Secret{other, renewable}
			}
			r := newRig(t, up, Config{Secrets: secrets})
			r.reroute(Route{Host: "example.com", Secrets: []string{name, "other"}})
			if status, body := r.get("https://example.com/?a="+testPlaceholder+"&b="+other.Placeholder, "X-Keys", testPlaceholder+" "+other.Placeholder); status != http.StatusOK {
				t.Fatal(status, body)
			}
			if got := up.take(); len(got) != 2 {
				t.Errorf("%d requests arrived", len(got))
			}
		})
	}
}

// The request that was refused may still be on its way to an upstream that answers
// early.
func TestRefusedRequestStaysAsItIs(t *testing.T) {
	first, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/?k=old", nil)
	if err != nil {
		t.Fatal(err)
	}
	first.Header.Set("X-Key", "old")
	x := &exchange{out: first, restores: []restore{{header: "X-Key", text: "new"}, {text: "k=new"}}}
	again, d := x.reinject(first)
	if d != nil {
		t.Fatal(d.message)
	}
	if first.Header.Get("X-Key") != "old" || first.URL.RawQuery != "k=old" {
		t.Errorf("the first is %v now, with %q", first.Header, first.URL.RawQuery)
	}
	if again.Header.Get("X-Key") != "new" || again.URL.RawQuery != "k=new" {
		t.Errorf("the second is %v, with %q", again.Header, again.URL.RawQuery)
	}
}
