package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestABodysSecretIsAskedForWhenItsPlaceholderIsSeen, and not before: a secret
// that cannot be had is no reason to refuse what does not need it.
func TestABodysSecretIsAskedForWhenItsPlaceholderIsSeen(t *testing.T) {
	var asked atomic.Int32
	var value atomic.Value // nil is a failure
	value.Store(testValue)
	broken := errors.New("login expired")
	secret := Secret{Name: "acme", Placeholder: testPlaceholder, Inject: Inject{Body: true}, Value: func(context.Context) (string, error) {
		asked.Add(1)
		if v := value.Load().(string); v != "" {
			return v, nil
		}
		return "", broken
	}}
	up := &upstreamLog{}
	r := newRig(t, up, Config{Secrets: []Secret{secret}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	longer := testValue + "-longer"
	for _, tt := range []struct {
		name, body, value string
		status            int
		asked             int32
		sent              string
	}{
		{"no placeholder", "plain", "", 200, 0, "plain"},
		{"a placeholder", "k=" + testPlaceholder, testValue, 200, 1, "k=" + testValue},
		{"two of them", testPlaceholder + " " + testPlaceholder, testValue, 200, 1, testValue + " " + testValue},
		{"a value that cannot be had", "k=" + testPlaceholder, "", 502, 1, ""},
	} {
		for way, wrap := range map[string]func(string) io.Reader{
			"small":         func(s string) io.Reader { return strings.NewReader(s) },
			"chunked":       func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) },
			"large":         func(s string) io.Reader { return strings.NewReader(s + strings.Repeat(" ", decideBytes)) },
			"large, behind": func(s string) io.Reader { return strings.NewReader(strings.Repeat(" ", decideBytes) + s) },
		} {
			t.Run(tt.name+", "+way, func(t *testing.T) {
				asked.Store(0)
				value.Store(tt.value)
				req, err := http.NewRequest(http.MethodPost, "https://example.com/", wrap(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				status, body := r.do(req)
				if status != tt.status || status == 502 && denialIn(t, body).Rule != "secret" || strings.Contains(body, broken.Error()) {
					t.Errorf("got %d %s", status, body)
				}
				if n := asked.Load(); n != tt.asked {
					t.Errorf("the value was asked for %d times, want %d", n, tt.asked)
				}
				for _, got := range up.take() {
					if sent := strings.Trim(got.body, " "); got.err == nil && sent != tt.sent {
						t.Errorf("the upstream got %q", sent)
					}
					if strings.Contains(got.body, testPlaceholder) {
						t.Error("the placeholder was sent")
					}
				}
				injected := ""
				if tt.status == 200 && tt.asked > 0 {
					injected = "acme"
				}
				if status == 200 {
					if e := r.lastEnd(); strings.Join(e.Secrets, ",") != injected {
						t.Errorf("the journal names %q", e.Secrets)
					}
				}
			})
		}
	}
	// The length has been declared when a value of another length is had: the
	// request is stopped, and the next one declares the right one.
	value.Store(longer)
	large := strings.Repeat(" ", decideBytes) + testPlaceholder
	if status, body := r.post("https://example.com/", "text/plain", large); status != 502 || !strings.Contains(body, "has changed its length") {
		t.Errorf("a longer value: %d %s", status, body)
	}
	if status, body := r.post("https://example.com/", "text/plain", large); status != 200 {
		t.Errorf("the next time: %d %s", status, body)
	}
	whole := slices.DeleteFunc(up.take(), func(got received) bool { return got.err != nil }) // the stopped one
	if len(whole) != 1 || strings.Trim(whole[0].body, " ") != longer {
		t.Errorf("the next time the upstream got %d requests", len(whole))
	}
}

func TestBasicCredentialsInAnyBase64(t *testing.T) {
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{})
	want := basic("u??>~~", testValue)
	standard := basic("u??>~~", testPlaceholder)
	url := strings.NewReplacer("+", "-", "/", "_").Replace(standard)
	if url == standard {
		t.Fatal("the alphabets do not differ in this test")
	}
	for name, sent := range map[string]string{"standard": standard, "the URL alphabet": url, "without padding": strings.TrimRight(url, "=")} {
		if status, body := r.get("https://example.com/", "Authorization", sent); status != 200 {
			t.Errorf("%s: %d %s", name, status, body)
		} else if got := up.take()[0].header.Get("Authorization"); got != want {
			t.Errorf("%s: the upstream got %q", name, got)
		}
		if status, body := r.get("https://other.example.com/", "Authorization", sent); status != 403 || denialIn(t, body).Rule != "placeholder" {
			t.Errorf("%s, to a host that is not allowed it: %d %s", name, status, body)
		}
		up.take()
	}
}
