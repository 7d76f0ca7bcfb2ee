package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func withPasswords(_ *rig, _ *Options, lo *ListenOptions) {
	lo.Session = ""
	lo.Credentials = []Credential{{Session: "one", User: "bottle", Password: "first-password"}, {Session: "two", User: "bottle", Password: "second-password"}}
}

func TestListenersAskForThePassword(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{}, withPasswords)
	plain := plainUpstream(t, up)
	r.reroute(Route{Host: "example.com"}, Route{Host: "plain.example.com", Upstream: plain, Private: true})
	tests := []struct {
		name, header string
		session      string // "" is refused
	}{
		{"none", "", ""},
		{"a wrong one", basic("bottle", "third-password"), ""},
		{"another user", basic("root", "first-password"), ""},
		{"an empty one", basic("bottle", ""), ""},
		{"the beginning of the right one", basic("bottle", "first-passwor"), ""},
		{"another scheme", "Bearer " + strings.TrimPrefix(basic("bottle", "first-password"), "Basic "), ""},
		{"no base64", "Basic bottle:first-password", ""},
		{"the right one", basic("bottle", "first-password"), "one"},
		{"the scheme in lower case", strings.Replace(basic("bottle", "first-password"), "Basic", "basic", 1), "one"},
		{"the other right one", basic("bottle", "second-password"), "two"},
	}
	for _, tt := range tests {
		for _, form := range []string{"CONNECT example.com:443", "GET http://plain.example.com/"} {
			t.Run(tt.name+" "+form[:3], func(t *testing.T) {
				c := r.dial()
				header := ""
				if tt.header != "" {
					header = "Proxy-Authorization: " + tt.header + "\r\n"
				}
				method, _, _ := strings.Cut(form, " ")
				if tt.session != "" && method == "CONNECT" {
					fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: example.com\r\n%s\r\n", form, header)
					if l := readHead(t, c)[0]; !strings.Contains(l, " 200 ") {
						t.Errorf("got %s", l)
					}
					return
				}
				resp, body := exchangeRaw(t, c, fmt.Sprintf("%s HTTP/1.1\r\nHost: example.com\r\n%s\r\n", form, header), "GET")
				if tt.session != "" {
					if resp.StatusCode != 200 {
						t.Errorf("got %d %q", resp.StatusCode, body)
					}
					if got := up.take(); len(got) != 1 || got[0].header.Get("Proxy-Authorization") != "" {
						t.Errorf("upstream got %+v", got)
					}
					r.journal.wait(t, func(e Event) bool { return e.Type == EventDecision && e.Verdict == Allow && e.Session == tt.session })
					return
				}
				if resp.StatusCode != 407 || resp.Header.Get("Proxy-Authenticate") != `Basic realm="bottle"` || denialIn(t, body).Rule != "proxy-auth" || strings.Contains(body, "first-password") {
					t.Errorf("got %d %v %q", resp.StatusCode, resp.Header, body)
				}
				if method == "CONNECT" && !resp.Close {
					t.Error("the connection stays open behind a refused CONNECT, where no head is guarded")
				}
				if got := up.take(); len(got) > 0 {
					t.Errorf("upstream got %+v", got)
				}
			})
		}
	}
	for _, e := range r.journal.all() {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "password") && strings.Contains(text, "first-") {
			t.Errorf("journal: %s", text)
		}
	}
}

func TestThePasswordInTheURLWorksForClients(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{}, withPasswords)
	c := r.client(false)
	c.Transport.(*http.Transport).Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: r.addr, User: url.UserPassword("bottle", "second-password")})
	resp, err := c.Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "ok" {
		t.Errorf("got %d %q", resp.StatusCode, b)
	}
	// Inside the tunnel the session is the one that opened it.
	if e := r.lastEnd(); e.Session != "two" {
		t.Errorf("session %q", e.Session)
	}
	if got := up.take()[0].header.Get("Proxy-Authorization"); got != "" {
		t.Errorf("the upstream got the password: %q", got)
	}
}

func TestPasswordsAreComparedByDigest(t *testing.T) {
	// What is compared has one length and no order that depends on what was
	// presented: subtle.ConstantTimeCompare over SHA-256 digests, all of them.
	a := newAuthenticator(ListenOptions{Credentials: []Credential{{Session: "s", User: "u", Password: "p"}}})
	for digest, session := range a.digests {
		if len(digest) != 32 || session != "s" {
			t.Errorf("%x %q", digest, session)
		}
	}
	if a.open || len(a.digests) != 1 {
		t.Errorf("%+v", a)
	}
	r, _ := http.NewRequest("GET", "/", nil)
	r.Header.Set("Proxy-Authorization", basic("u", "p"))
	if s, ok := a.session(r); !ok || s != "s" {
		t.Errorf("%q %v", s, ok)
	}
	r.Header.Set("Proxy-Authorization", basic("up", ""))
	if _, ok := a.session(r); ok {
		t.Error("user and password are run together")
	}
}

// TestStrangersDoNotFillTheJournal: on a listener with a password anybody on the
// machine may knock.
func TestStrangersDoNotFillTheJournal(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{}, withPasswords)
	const n = 100
	begun := time.Now()
	for i := range n {
		head := "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n"
		want := 407
		if i%2 == 1 {
			head, want = "GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400
		}
		if resp, _ := exchangeRaw(t, r.dial(), head, "GET"); resp.StatusCode != want {
			t.Fatalf("got %d, want %d", resp.StatusCode, want)
		}
	}
	most := 1 + int(time.Since(begun)/strangerInterval)
	if got := len(r.journal.all()); got < 1 || got > most {
		t.Errorf("%d lines about %d strangers, at most %d wanted", got, n, most)
	}
}

func TestStrangersAreCounted(t *testing.T) {
	var s strangers
	now := time.Now()
	for _, tt := range []struct {
		after time.Duration
		more  int
		tell  bool
	}{{0, 0, true}, {strangerInterval - 1, 0, false}, {0, 0, false}, {1, 2, true}, {1, 0, false}, {2 * strangerInterval, 1, true}} {
		now = now.Add(tt.after)
		if more, tell := s.next(now); more != tt.more || tell != tt.tell {
			t.Errorf("after %v: %d, %v; want %d, %v", tt.after, more, tell, tt.more, tt.tell)
		}
	}
}
