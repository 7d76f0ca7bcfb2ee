package ui

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/state"
)

// webRig is a bottle with a web view of it.
type webRig struct {
	*bottleRig
	web    *Web
	clock  atomic.Int64 // seconds that the clock of the view is ahead
	stop   func() error
	notice atomic.Pointer[string]
}

func newWebRig(t *testing.T) *webRig {
	t.Helper()
	r := &webRig{bottleRig: newBottleRig(t, journal.Options{})}
	var err error
	r.web, err = NewWeb(t.Context(), WebOptions{
		Listen: "127.0.0.1:0", Now: func() time.Time { return time.Now().Add(time.Duration(r.clock.Load()) * time.Second) },
		Journal: func(string) (string, error) { return r.journalDir(), nil },
		Bottles: func(context.Context) []Bottle {
			b := Bottle{Bottle: control.Bottle{Bottle: r.state(), Status: control.Running}}
			if n := r.notice.Load(); n != nil {
				b.Notices = []string{*n}
			}
			return []Bottle{{Bottle: control.Bottle{Bottle: state.Bottle{ID: "b-0", Workspace: "/old"}, Status: control.Stopped}}, b}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.web.Serve(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// get asks the view without a browser.
func (r *webRig) get(url string, change func(*http.Request)) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, context.Canceled) {
		r.t.Fatal(err)
	}
	return resp, string(text)
}

func (r *webRig) page() string { return "http://" + r.web.listener.Addr().String() + r.web.door.path }

func TestTheDoorIsOpenedByTheTokenOnce(t *testing.T) {
	r := newWebRig(t)
	refused := func(what, url string, change func(*http.Request), want int, says string) {
		t.Helper()
		resp, text := r.get(url, change)
		if resp.StatusCode != want || !strings.Contains(text, says) || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %q, want %d %q", what, resp.StatusCode, text, want, says)
		}
	}
	refused("no token", r.page(), nil, 403, "opens by the link")
	refused("a wrong token", r.page()+"?token=x", nil, 403, "not the link")
	refused("another path", "http://"+r.web.listener.Addr().String()+"/", nil, 404, "")
	refused("data without a cookie", r.page()+"events", nil, 403, "opens by the link")
	refused("the token at another path", r.page()+"events?token="+r.web.door.token, nil, 403, "opens by the link")
	refused("another name that leads here", r.web.Link(), func(q *http.Request) { q.Host = "evil.example" }, 403, "own address only")
	refused("a link on another page that is no navigation", r.web.Link(), func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "another page")
	refused("another origin", r.web.Link(), func(q *http.Request) { q.Header.Set("Origin", "http://127.0.0.1:1") }, 403, "another page")

	link := r.web.Link()
	resp, _ := r.get(link, func(q *http.Request) { // from a page of the person's, as a link
		q.Header.Set("Sec-Fetch-Site", "cross-site")
		q.Header.Set("Sec-Fetch-Mode", "navigate")
		q.Header.Set("Sec-Fetch-Dest", "document")
	})
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != r.web.door.path || len(resp.Cookies()) != 1 {
		t.Fatalf("the token: %d %v", resp.StatusCode, resp.Header)
	}
	cookie := resp.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != r.web.door.path {
		t.Errorf("the cookie is %v", cookie)
	}
	refused("the token again", link, nil, 403, "was used already")
	with := func(q *http.Request) { q.AddCookie(cookie) }
	if resp, text := r.get(r.page(), with); resp.StatusCode != 200 || !strings.Contains(text, "<title>bottle</title>") || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page: %d %v\n%s", resp.StatusCode, resp.Header, text)
	}
	if resp, _ := r.get(link, with); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the link again where it was used: %d", resp.StatusCode)
	}
	for _, file := range []string{"style.css", "app.js", "icon.svg"} {
		if resp, _ := r.get(r.page()+file, with); resp.StatusCode != 200 || resp.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %d", file, resp.StatusCode)
		}
	}
	refused("a file that is none", r.page()+"web.go", with, 404, "")
	refused("a name that leads here, with the cookie", r.page(), func(q *http.Request) { with(q); q.Host = "evil.example:80" }, 403, "own address only")

	post := func(change func(*http.Request)) int {
		resp, _ := r.get(r.page()+"answer", func(q *http.Request) {
			with(q)
			q.Method, q.Body = http.MethodPost, io.NopCloser(strings.NewReader(`{"bottle":"b-1","id":"q-none","allow":true}`))
			q.Header.Set("Content-Type", "application/json")
			q.Header.Set("Origin", "http://"+q.URL.Host)
			change(q)
		})
		return resp.StatusCode
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"of its own page":    {func(*http.Request) {}, 409}, // no such question
		"without an origin":  {func(q *http.Request) { q.Header.Del("Origin") }, 403},
		"of another port":    {func(q *http.Request) { q.Header.Set("Origin", "http://127.0.0.1:1") }, 403},
		"of a form":          {func(q *http.Request) { q.Header.Set("Content-Type", "text/plain") }, 415},
		"of a site on port":  {func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "same-site") }, 403},
		"without the cookie": {func(q *http.Request) { q.Header.Del("Cookie") }, 403},
		"that is too long": {func(q *http.Request) {
			q.Body = io.NopCloser(strings.NewReader(`{"id":"` + strings.Repeat("x", maxAnswer) + `"}`))
		}, 400},
		"about no bottle": {func(q *http.Request) { q.Body = io.NopCloser(strings.NewReader(`{"bottle":"../b-1"}`)) }, 404},
	} {
		if got := post(c.change); got != c.want {
			t.Errorf("an answer %s: %d, want %d", name, got, c.want)
		}
	}
}

func TestALinkGetsOld(t *testing.T) {
	r := newWebRig(t)
	r.clock.Store(int64(tokenTime/time.Second) + 1)
	if resp, text := r.get(r.web.Link(), nil); resp.StatusCode != 403 || !strings.Contains(text, "too old") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

func TestTheViewIsForThisHost(t *testing.T) {
	for _, at := range []string{"0.0.0.0:0", "192.0.2.1:80", "[::]:0", "localhost:1", "127.0.0.1", ""} {
		if _, err := NewWeb(t.Context(), WebOptions{Listen: at}); err == nil || !strings.Contains(err.Error(), "no loopback address") {
			t.Errorf("%q: %v", at, err)
		}
	}
}
