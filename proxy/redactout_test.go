package proxy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
)

const markOf = "BOTTLE_REDACTED_"

var redactAll = dlp.Policy{Action: dlp.Redact}

// lengthLog keeps the declared lengths of what comes.
type lengthLog struct {
	upstreamLog
	lengths []int64
}

func (l *lengthLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.lengths = append(l.lengths, r.ContentLength)
	l.mu.Unlock()
	l.upstreamLog.ServeHTTP(w, r)
}

func redactRig(t testing.TB, up http.Handler, policy dlp.Policy) *rig {
	r := newRig(t, up, Config{DLP: policy, Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{})}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	return r
}

// hasSecret reports whether a text has one of the values of the tests in it, or
// most of one.
func hasSecret(text string) bool {
	for _, v := range []string{testValue, githubToken} {
		for at := 0; at+10 <= len(v); at++ {
			if strings.Contains(text, v[at:at+10]) {
				return true
			}
		}
	}
	return false
}

// checkRedactions wants findings of one action in the journal, and no value.
func (r *rig) checkRedactions(t *testing.T, where string, count int) {
	t.Helper()
	n := 0
	for _, f := range r.lastEnd().Findings {
		if f.Action != "redact" || f.Where != where || f.Hash == "" {
			t.Errorf("the journal has %+v", f)
		}
		n++
	}
	if n != count {
		t.Errorf("the journal has %d findings, not %d", n, count)
	}
	if hasSecret(r.journalText()) {
		t.Errorf("the journal has a value: %s", r.journalText())
	}
}

func TestBodiesAreRedacted(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString([]byte("a letter with " + testValue + " in it"))
	pad := strings.Repeat("some text of a conversation. ", 20<<10)
	tests := []struct {
		name, typ, body, want string // markers are written as *
		count                 int
	}{
		{"text", "text/plain", "my token is " + githubToken + ".", "my token is *.", 1},
		{"no type", "", "my token is " + githubToken + ".", "my token is *.", 1},
		{"JSON", "application/json", `{"a":"x\n` + githubToken + `\n","b":["` + testValue + `",1]}`, `{"a":"x\n*\n","b":["*",1]}`, 2},
		{"a run of base64", "application/json", `{"a":"` + b64 + `"}`, `{"a":"*"}`, 1},
		{"an escape in JSON", "application/json", `{"a":"` + escapedAt(githubToken, 10) + `"}`, `{"a":"*"}`, 1},
		{"a form", "application/x-www-form-urlencoded", "a=b&token=" + url.QueryEscape(githubToken) + "&c=d", "a=b&token=*&c=d", 1},
		{"a placeholder stays", "text/plain", testPlaceholder + " " + githubToken, testPlaceholder + " *", 1},
		{"a large body", "application/json", `{"a":"` + pad + `","t":"` + githubToken + `","k":"` + pad + testValue + `"}`, `{"a":"` + pad + `","t":"*","k":"` + pad + `*"}`, 2},
		{"nothing to redact", "application/json", `{"a":"` + pad + `"}`, `{"a":"` + pad + `"}`, 0},
	}
	up := &lengthLog{}
	r := redactRig(t, up, redactAll)
	for _, tt := range tests {
		for _, h2 := range []bool{false, true} {
			for _, cut := range []int{0, 1, 7, 4096} { // 0: with a declared length
				if cut > 0 && cut < 4096 && len(tt.body) > 1<<16 {
					continue
				}
				t.Run(fmt.Sprintf("%s, h2 %v, %d at a time", tt.name, h2, cut), func(t *testing.T) {
					req := request("POST", "https://example.com/x", tt.body)()
					if cut > 0 {
						req.Body, req.ContentLength = io.NopCloser(&cutReader{b: []byte(tt.body), n: cut}), -1
					}
					if tt.typ != "" {
						req.Header.Set("Content-Type", tt.typ)
					}
					resp, err := r.client(h2).Do(req)
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					text, _ := io.ReadAll(resp.Body)
					got := up.take()
					if resp.StatusCode != 200 || len(got) != 1 || got[0].err != nil {
						t.Fatalf("%d %s", resp.StatusCode, text)
					}
					if body := starred(got[0].body); body != tt.want {
						t.Errorf("the upstream got %.300q, want %.300q", body, tt.want)
					}
					if tt.typ == "application/json" && !json.Valid([]byte(got[0].body)) {
						t.Errorf("%.300q is no JSON", got[0].body)
					}
					if length := up.lengths[len(up.lengths)-1]; cut == 0 && len(tt.body) <= decideBytes && length != int64(len(got[0].body)) || len(tt.body) > decideBytes && length != -1 {
						t.Errorf("the length is said to be %d of %d", length, len(got[0].body))
					}
					r.checkRedactions(t, "body", tt.count)
				})
			}
		}
	}
}

// escapedAt is a text with one character as JSON may have it.
func escapedAt(text string, at int) string {
	return text[:at] + fmt.Sprintf(`\u%04x`, text[at]) + text[at+1:]
}

// A known value of which one character is escaped is one in pieces, too, to which
// it may come down when those have been let out.
func TestAnEscapedValueIsRedactedOrBlocks(t *testing.T) {
	for at := range len(testValue) {
		for _, cut := range []int{0, 1, 5, 1000} {
			up := &upstreamLog{}
			r := redactRig(t, up, redactAll)
			body := `{"a":"` + escapedAt(testValue, at) + `"}`
			req := request("POST", "https://example.com/x", body, "Content-Type", "application/json")()
			if cut > 0 {
				req.Body, req.ContentLength = io.NopCloser(&cutReader{b: []byte(body), n: cut}), -1
			}
			status, text := r.do(req)
			got := up.take()
			if status == 200 && (len(got) != 1 || starred(got[0].body) != `{"a":"*"}`) || status != 200 && !strings.Contains(text, "dlp:known-secret") {
				t.Errorf("escaped at %d, %d at a time: %d, the upstream got %+v", at, cut, status, got)
			}
			if cut == 0 && status != 200 {
				t.Errorf("escaped at %d, as a whole: %s", at, text)
			}
		}
	}
}

// starred writes markers as stars.
func starred(text string) string {
	parts := strings.Split(text, markOf)
	for i := range parts[1:] {
		parts[i+1] = strings.TrimLeft(parts[i+1], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
	}
	return strings.Join(parts, "*")
}

func TestHeadsAreRedacted(t *testing.T) {
	up := &upstreamLog{}
	r := redactRig(t, up, redactAll)
	status, text := r.get("https://example.com/a?b=1&t="+githubToken+"&u="+url.QueryEscape("x "+testValue)+"&c=2", "X-Note", "see "+testValue+" here")
	got := up.take()
	if status != 200 || len(got) != 1 {
		t.Fatalf("%d %s", status, text)
	}
	if uri := starred(got[0].uri); uri != "/a?b=1&t=*&u=x+*&c=2" {
		t.Errorf("the upstream got %s", uri)
	}
	if note := starred(got[0].header.Get("X-Note")); note != "see * here" {
		t.Errorf("the upstream got %q", note)
	}
	e := r.lastEnd()
	where := map[string]int{}
	for _, f := range e.Findings {
		if f.Action != "redact" {
			t.Errorf("%+v", f)
		}
		where[f.Where]++
	}
	if where["url"] != 2 || where["header X-Note"] != 1 || hasSecret(r.journalText()) {
		t.Errorf("%v in %s", where, r.journalText())
	}
}

func TestWhatCannotBeRedactedBlocks(t *testing.T) {
	pad := strings.Repeat("text ", decideBytes/4)
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	pem := "-----BEGIN " + "PRIVATE KEY-----\n" + b64(githubToken + githubToken)[:64] + "\n" + b64(testValue + githubToken)[:64] + "\n"
	with := func(req func() *http.Request, header ...string) func() *http.Request {
		return func() *http.Request {
			q := req()
			for i := 0; i < len(header); i += 2 {
				q.Header.Set(header[i], header[i+1])
			}
			return q
		}
	}
	body := request("POST", "https://example.com/", "a "+githubToken+" b")
	tests := []struct {
		name string
		req  func() *http.Request
		text string
	}{
		{"the path", request("GET", "https://example.com/"+githubToken+"?a=b", ""), "url"},
		{"a value over two parameters", request("GET", "https://example.com/?a="+testValue[:20]+"&b="+testValue[20:]+"&c="+testValue, ""), "url"},
		{"the credential's header", request("GET", "https://example.com/", "", "Authorization", "Bearer "+githubToken), "header Authorization"},
		{"a cookie", request("GET", "https://example.com/", "", "Cookie", "a=b; t="+githubToken), "header Cookie"},
		{"a header of the protocol", request("GET", "https://example.com/", "", "If-None-Match", githubToken), "header If-None-Match"},
		{"a type", request("POST", "https://example.com/", "x", "Content-Type", "multipart/form-data; boundary="+githubToken), "header Content-Type"},
		{"binary data", with(body, "Content-Type", "application/octet-stream"), "application/octet-stream"},
		{"large binary data", request("POST", "https://example.com/", pad+githubToken, "Content-Type", "application/octet-stream"), "application/octet-stream"},
		{"framed data", with(body, "Content-Type", "application/grpc+json"), "application/grpc+json"},
		{"a body with a digest", with(body, "Content-Type", "text/plain", "Content-Digest", "sha-256=:x:"), "Content-Digest"},
		{"a signed request", with(body, "Content-Type", "text/plain", "Authorization", "AWS4-HMAC-SHA256 Credential=x"), "signed"},
		{"a compressed body", request("POST", "https://example.com/", string(compress(t, "gzip", "a "+githubToken)), "Content-Type", "text/plain", "Content-Encoding", "gzip"), "uncompressed"},
		{"a private key", request("POST", "https://example.com/", pem, "Content-Type", "text/plain"), "private-key"},
		{"a private key in a large body", request("POST", "https://example.com/", pad+pem, "Content-Type", "text/plain"), "private-key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := redactRig(t, up, redactAll)
			status, text := r.do(tt.req())
			if d := denialIn(t, text); status != 400 || !strings.HasPrefix(d.Rule, "dlp:") || !strings.Contains(d.Message, tt.text) || hasSecret(text) {
				t.Errorf("%d %s", status, text)
			}
			for _, got := range up.take() {
				if got.err == nil || hasSecret(got.body) {
					t.Errorf("the upstream got %.100q", got.body)
				}
			}
			e := r.journal.wait(t, func(e Event) bool { return e.Verdict == Deny })
			for _, f := range e.Findings {
				if f.Action != "block" {
					t.Errorf("the journal has %+v", f)
				}
			}
			if len(e.Findings) == 0 || hasSecret(r.journalText()) {
				t.Errorf("the journal has %s", r.journalText())
			}
		})
	}
}

func TestSingleRulesAreRedacted(t *testing.T) {
	up := &upstreamLog{}
	r := redactRig(t, up, dlp.Policy{Rules: map[string]dlp.Action{"github-token": dlp.Redact}})
	if status, _ := r.post("https://example.com/", "text/plain", "a "+githubToken); status != 200 || starred(up.take()[0].body) != "a *" {
		t.Errorf("a rule to redact: %d", status)
	}
	if status, text := r.post("https://example.com/", "text/plain", githubToken+" "+testValue); status != 400 || denialIn(t, text).Rule != "dlp:known-secret" || len(up.take()) > 0 {
		t.Errorf("beside one that blocks: %d %s", status, text)
	}
}

// A value in pieces is no match that could be replaced whole.
func TestPiecesAreNotRedacted(t *testing.T) {
	up := &upstreamLog{}
	r := redactRig(t, up, redactAll)
	worst := 0
	for at := 0; at < len(testValue); at += 12 {
		status, _ := r.post("https://example.com/", "text/plain", "a piece: "+testValue[at:min(at+12, len(testValue))]+" "+strings.Repeat("and more ", 10))
		worst = max(worst, status)
	}
	if worst != 400 {
		t.Errorf("the pieces: %d", worst)
	}
}

// What went out while nothing came cannot be called back.
func TestATokenThatStopsHalfwayIsNotRedacted(t *testing.T) {
	for _, value := range []string{githubToken, testValue} {
		parts := make(chan string, 100)
		r := redactRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			buf := make([]byte, 1000)
			for {
				n, err := q.Body.Read(buf)
				if n > 0 {
					parts <- string(buf[:n])
				}
				if err != nil {
					parts <- fmt.Sprintf("(%v)", err)
					close(parts)
					return
				}
			}
		}), redactAll)
		pr, pw := io.Pipe()
		req := request("POST", "https://example.com/", "", "Content-Type", "text/plain")()
		req.Body, req.ContentLength = pr, -1
		go func() {
			_, _ = io.WriteString(pw, "it is "+value[:20])
			time.Sleep(3 * holdIdle)
			_, _ = io.WriteString(pw, value[20:]+" and more")
			pw.Close()
		}()
		status, text := r.do(req)
		got := ""
		for p := range parts {
			got += p
		}
		if strings.Contains(got, value[20:]) || strings.Contains(got, "more") {
			t.Errorf("the upstream got %q", got)
		}
		// Of a known value, the beginning was held.
		if redacted := status == 200 && strings.HasPrefix(starred(got), "it is * and"); !redacted && (status != 400 || !strings.Contains(text, "dlp:")) {
			t.Errorf("%d %s, the upstream got %q", status, text, got)
		}
		if hasSecret(r.journalText()) {
			t.Error("the journal has a value")
		}
	}
}

// randomText is JSON in which values stand in many forms.
func randomText(rnd *rand.Rand) []byte {
	words := []string{"some", "text", "é", "\n", `"`, `\`, "<b>", "%41", "ghp_", testValue[:6], testPlaceholder, strings.Repeat("QUJD", 1+rnd.IntN(600))}
	forms := []func(string) string{
		func(s string) string { return s },
		func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s + "y")) },
		url.QueryEscape,
		func(s string) string { return fmt.Sprintf("%x", s) },
		func(s string) string { b, _ := json.Marshal(map[string]string{"in": s}); return string(b) },
	}
	var list []any
	for range 1 + rnd.IntN(8) {
		var b strings.Builder
		for range rnd.IntN(60) {
			b.WriteString(words[rnd.IntN(len(words))] + " ")
			if rnd.IntN(20) == 0 {
				b.WriteString(forms[rnd.IntN(len(forms))]([]string{testValue, githubToken}[rnd.IntN(2)]) + " ")
			}
		}
		list = append(list, b.String(), map[string]any{"n": rnd.IntN(1000), "t": b.Len()})
	}
	b, _ := json.Marshal(list)
	return b
}

// TestHoweverABodyIsCut the same leaves, and it is JSON.
func TestHoweverABodyIsCut(t *testing.T) {
	r := redactRig(t, http.NotFoundHandler(), redactAll)
	snap := r.server.current.Load()
	seeds := uint64(150)
	if testing.Short() || raceEnabled {
		seeds = 20
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 3))
		body := randomText(rnd)
		newExchange := func() *exchange {
			return &exchange{s: r.server, snap: snap, lent: snap, session: fmt.Sprint(seed), ctx: t.Context(), r: request("POST", "https://example.com/", "", "Content-Type", "application/json")(), target: Target{Host: "example.com"}}
		}
		want, d := newExchange().decideBody(snap.scanner(), body)
		if d != nil {
			t.Fatalf("seed %d: %s", seed, d.message)
		}
		if hasSecret(string(want)) || !json.Valid(want) {
			t.Fatalf("seed %d: %s", seed, want)
		}
		for range 4 {
			x := newExchange()
			f := &redactBodyFilter{x: x, red: x.redactor(snap.scanner(), nil, nil)}
			src := &randomCuts{b: body, rnd: rnd, most: 1 + rnd.IntN(2000)}
			got, err := io.ReadAll(newFilterReader(t.Context(), src, f))
			if err != nil || string(got) != string(want) {
				t.Fatalf("seed %d: %v\n%s\nwant\n%s", seed, err, got, want)
			}
		}
	}
}

type randomCuts struct {
	b    []byte
	rnd  *rand.Rand
	most int
}

func (r *randomCuts) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1+r.rnd.IntN(r.most))], r.b)
	r.b = r.b[n:]
	return n, nil
}
