package proxy

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bot-bottle/bottle/dlp"
)

// A token in the format of a service, made of parts so that nothing in this
// repository looks like a credential.
var githubToken = "gh" + "p_" + "n3Kp8vWs2YtRq6HbZx0LmJc7DfGa4UeXo5Ti"

func TestSmallRequestsAreDecidedBeforeTheUpstreamIsContacted(t *testing.T) {
	trailer := func() *http.Request {
		req := request("POST", "https://example.com/", "")()
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader("body")), -1
		req.Trailer = http.Header{"X-Sum": {githubToken}}
		return req
	}
	tests := []struct {
		name  string
		req   func() *http.Request
		rule  string
		where string
	}{
		{"a body", request("POST", "https://example.com/", "key: "+githubToken), "github-token", "body"},
		{"a body in JSON", request("POST", "https://example.com/", `{"a":"`+githubToken+`"}`), "github-token", "body"},
		{"a header", request("GET", "https://example.com/", "", "X-Debug", githubToken), "github-token", "header X-Debug"},
		{"bearer", request("GET", "https://example.com/", "", "Authorization", "Bearer "+githubToken), "github-token", "header Authorization"},
		{"a header's name", request("GET", "https://example.com/", "", "Acmeh7jq2mxz9blw4tnrv8cyk1ge5spd6", "x"), "known-secret", "header"},
		{"the path", request("GET", "https://example.com/x/"+githubToken, ""), "github-token", "url"},
		{"the query", request("GET", "https://example.com/?x="+githubToken, ""), "github-token", "url"},
		{"the query of a plain http URL", request("GET", "http://plain.example.com/?x="+githubToken, ""), "github-token", "url"},
		{"the method", request(strings.ReplaceAll(testValue, "-", ""), "https://example.com/", ""), "known-secret", "method"},
		{"a known value", request("POST", "https://example.com/", "k="+testValue), "known-secret", "body"},
		{"a known value to the host it is for", request("POST", "https://example.com/", testValue), "known-secret", "body"},
		{"a known value in its own header", request("GET", "https://example.com/", "", "Authorization", "Bearer "+testValue), "known-secret", "header Authorization"},
		{"a known value in base64", request("POST", "https://example.com/", base64.StdEncoding.EncodeToString([]byte("ab"+testValue+"c"))), "known-secret", "body"},
		{"basic with a known value", request("GET", "https://example.com/", "", "Authorization", basic("u", testValue)), "known-secret", "header Authorization"},
		{"a trailer", trailer, "github-token", "trailer X-Sum"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			cfg := Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{}), fixedSecret("acme2", "acme2-PLACEHOLDER", strings.ReplaceAll(testValue, "-", ""), Inject{}),
				fixedSecret("acme3", "acme3-PLACEHOLDER", "Acmeh7jq2mxz9blw4tnrv8cyk1ge5spd6", Inject{})}}
			r := newRig(t, up, cfg)
			r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}}, Route{Host: "plain.example.com", Upstream: plainUpstream(t, up), Private: true})
			status, text := r.do(tt.req())
			d := denialIn(t, text)
			if status != 400 || d.Type != "bottle_denied" || d.Rule != "dlp:"+tt.rule || !strings.Contains(d.Message, tt.where) || strings.Contains(text, githubToken) || strings.Contains(text, testValue) {
				t.Errorf("got %d %q", status, text)
			}
			got := up.take()
			if tt.where != "trailer X-Sum" && len(got) != 0 {
				t.Errorf("upstream got %+v", got)
			}
			for _, g := range got { // a trailer comes behind a body that streamed
				if len(g.trailer["X-Sum"]) > 0 && g.trailer.Get("X-Sum") != "" || g.err == nil {
					t.Errorf("upstream got a whole request %+v", g)
				}
			}
			if journal := fmt.Sprintf("%+v", r.journal.all()); strings.Contains(journal, githubToken) || strings.Contains(journal, testValue) {
				t.Errorf("journal %s", journal)
			}
			e := r.journal.wait(t, func(e Event) bool { return e.Verdict == Deny })
			if len(e.Findings) == 0 || e.Findings[0].Rule != tt.rule || e.Findings[0].Action != "block" || e.Findings[0].Hash == "" || !strings.Contains(e.Findings[0].Where, strings.Fields(tt.where)[0]) {
				t.Errorf("findings %+v", e.Findings)
			}
		})
	}
}

func TestTheHostOfAConnectIsScanned(t *testing.T) {
	r := secretRig(t, http.NotFoundHandler(), Inject{})
	r.reroute(Route{Host: "*.example.com", Secrets: []string{"acme"}})
	c := r.dial()
	status := r.connect(c, testValue+".example.com:443")
	if !strings.HasPrefix(status, "HTTP/1.1 400 ") || strings.Contains(strings.ToLower(status), strings.ToLower(testValue)) {
		t.Errorf("got %q", status)
	}
	e := r.journal.wait(t, isDenial("dlp:known-secret"))
	if strings.Contains(strings.ToLower(fmt.Sprintf("%+v", e)), strings.ToLower(testValue)) {
		t.Errorf("journal %+v", e)
	}
}

func TestCompressedBodies(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{Body: true})}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	bomb := strings.Repeat("\x00", maxDecoded+1)
	// The scanner sees the ones that have a magic for itself.
	bombRule := map[string]string{"gzip": "dlp:unscanned", "deflate": "dlp:unscanned", "zstd": "dlp:unscanned", "br": "content-encoding", "deflate as some servers send it": "content-encoding"}
	for name := range compressors(t) {
		tests := []struct {
			name, body string
			status     int
			rule       string
			text       string
		}{
			{"harmless", string(compress(t, name, "hello world")), 200, "", ""},
			{"with a token", string(compress(t, name, "key "+githubToken)), 400, "dlp:github-token", "body"},
			{"with a token at its end", string(compress(t, name, strings.Repeat("x ", 50<<10)+githubToken)), 400, "dlp:github-token", "body"},
			{"with a placeholder", string(compress(t, name, "key "+testPlaceholder)), 400, "content-encoding", "placeholder"},
			{"a bomb", string(compress(t, name, bomb)), 400, bombRule[name], ""},
			{"cut off", string(compress(t, name, testPlaceholder[5:]+testValue[5:30]+"some more text")[:30]), 400, "content-encoding", ""},
			{"with a token behind it", string(compress(t, name, "hello")) + " " + githubToken, 400, "dlp:github-token", "body"},
			{"not compressed at all", "hello world, this is text", 400, "content-encoding", "decompressed"},
		}
		for _, tt := range tests {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				if len(tt.body) > decideBytes {
					t.Fatalf("%d bytes are not small", len(tt.body))
				}
				status, text := r.post("https://example.com/", "text/plain", tt.body, "Content-Encoding", coding(name))
				got := up.take()
				if tt.status == 200 {
					if status != 200 || len(got) != 1 || got[0].body != tt.body || got[0].header.Get("Content-Encoding") != coding(name) {
						t.Errorf("got %d %q, upstream %+v", status, text, got)
					}
					return
				}
				if d := denialIn(t, text); status != tt.status || d.Rule != tt.rule || !strings.Contains(d.Message, tt.text) {
					t.Errorf("got %d %q", status, text)
				}
				if len(got) > 0 {
					t.Errorf("upstream got %d requests", len(got))
				}
			})
		}
	}
	for _, codings := range [][]string{{"compress"}, {"gzip", "br"}, {"identity", "gzip, gzip"}, {"identity", "exotic"}} {
		req := request("POST", "https://example.com/", "hello")()
		req.Header["Content-Encoding"] = codings
		if status, text := r.do(req); status != 400 || denialIn(t, text).Rule != "content-encoding" {
			t.Errorf("%q: %d %q", codings, status, text)
		}
	}
	req := request("POST", "https://example.com/", string(compress(t, "gzip", githubToken)))()
	req.Header["Content-Encoding"] = []string{"identity", "gzip"}
	if status, text := r.do(req); status != 400 || denialIn(t, text).Rule != "dlp:github-token" {
		t.Errorf("gzip behind identity: %d %q", status, text)
	}
	if got := up.take(); len(got) > 0 {
		t.Errorf("upstream got %d requests", len(got))
	}
}

func TestOfALargeUploadNoByteOfAMatchLeaves(t *testing.T) {
	pad := strings.Repeat("some text of an upload. ", 40<<10)
	secret := testValue
	tests := []struct{ name, body, match string }{
		{"a token in the middle", pad + " " + githubToken + " " + pad, githubToken},
		{"a token at the end", pad + " " + githubToken, githubToken},
		{"a known value", pad + secret + pad, secret},
		{"a known value in base64", pad + base64.StdEncoding.EncodeToString([]byte(secret)) + pad, base64.StdEncoding.EncodeToString([]byte(secret))},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			for _, cut := range []int{1, 1000, 1 << 20} {
				if cut == 1 && !chunked {
					continue // the same as the other one
				}
				t.Run(fmt.Sprintf("%s, chunked %v, %d at a time", tt.name, chunked, cut), func(t *testing.T) {
					up := &upstreamLog{}
					r := secretRig(t, up, Inject{})
					at := strings.Index(tt.body, tt.match)
					req := request("POST", "https://example.com/", "")()
					// Around the match the pieces are small, before it they are large.
					req.Body = io.NopCloser(io.MultiReader(strings.NewReader(tt.body[:at-10]), &cutReader{b: []byte(tt.body[at-10:]), n: cut}))
					req.ContentLength = int64(len(tt.body))
					if chunked {
						req.ContentLength = -1
					}
					status, text := r.do(req)
					if d := denialIn(t, text); status != 400 || !strings.HasPrefix(d.Rule, "dlp:") || d.RequestID == "" {
						t.Errorf("got %d %q", status, text)
					}
					for _, got := range up.take() {
						if got.err == nil {
							t.Errorf("upstream took it for a whole request")
						}
						if !strings.HasPrefix(tt.body, got.body) || len(got.body) > at {
							t.Errorf("upstream got %d bytes, the match begins at %d", len(got.body), at)
						}
					}
					if e := r.lastEnd(); e.Verdict != Deny || !strings.HasPrefix(e.Rule, "dlp:") || e.Status != 400 {
						t.Errorf("end line %+v", e)
					}
				})
			}
		}
	}
}

// TestATrailerIsDecidedBeforeItsRequestEnds, also where HTTP/2 declares the length of
// what stands before it and the upstream speaks HTTP/1.1.
func TestATrailerIsDecidedBeforeItsRequestEnds(t *testing.T) {
	ends := make(chan received, 1)
	r := newRig(t, http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, err := io.Copy(io.Discard, q.Body)
		ends <- received{trailer: q.Trailer, err: err}
	}), Config{})
	r.upstream.TLS.NextProtos = []string{"http/1.1"}
	for value, status := range map[string]int{"harmless": 200, githubToken: 400} {
		req := request("POST", "https://example.com/", strings.Repeat("text ", decideBytes))()
		req.Trailer = http.Header{"X-Last": {value}}
		resp, err := r.client(true).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := <-ends; resp.StatusCode != status || (got.err == nil) != (status == 200) || status == 200 && got.trailer.Get("X-Last") != value {
			t.Errorf("%d, the upstream got %v, %v", resp.StatusCode, got.trailer, got.err)
		}
	}
}

func TestALeakBehindAnAnswerBreaksTheConnection(t *testing.T) {
	answered, taken := make(chan struct{}), make(chan []byte, 1) // answered: the client has the head
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		b, err := io.ReadAll(q.Body)
		if err == nil {
			b = append(b, " and the upload ended well"...)
		}
		taken <- b
	}), Config{})
	pr, pw := io.Pipe()
	req := request("POST", "https://example.com/", "")()
	req.Body, req.ContentLength = pr, -1
	go func() {
		io.WriteString(pw, "begin ")
		<-answered
		io.WriteString(pw, githubToken+" end")
		pw.Close()
	}()
	resp, err := r.client(false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	close(answered)
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer ended well: %d %q", resp.StatusCode, b)
	}
	if got := <-taken; string(got) != "begin " {
		t.Errorf("upstream got %q", got)
	}
	if e := r.lastEnd(); e.Rule != "dlp:github-token" || e.Verdict != Deny || e.Error == "" {
		t.Errorf("end line %+v", e)
	}
}

func TestActionsAndExemptions(t *testing.T) {
	tests := []struct {
		name   string
		policy dlp.Policy
		status int
		action string // noted
	}{
		{"block is the default", dlp.Policy{}, 400, "block"},
		{"warn notes", dlp.Policy{Action: dlp.Warn}, 200, "warn"},
		{"off says nothing", dlp.Policy{Action: dlp.Off}, 200, ""},
		{"a rule's own action", dlp.Policy{Rules: map[string]dlp.Action{"github-token": dlp.Warn}}, 200, "warn"},
		{"another rule's action", dlp.Policy{Rules: map[string]dlp.Action{"gitlab-token": dlp.Off}}, 400, "block"},
		{"an exemption", dlp.Policy{Allow: []dlp.Exemption{{Rule: "github-token", Host: "example.com"}}}, 200, ""},
		{"an exemption of all names below", dlp.Policy{Allow: []dlp.Exemption{{Rule: "github-token", Host: "*.com"}}}, 200, ""},
		{"an exemption of another host", dlp.Policy{Allow: []dlp.Exemption{{Rule: "github-token", Host: "example.org"}}}, 400, "block"},
		{"an exemption of another rule", dlp.Policy{Allow: []dlp.Exemption{{Rule: "jwt", Host: "example.com"}}}, 400, "block"},
		{"an unknown action", dlp.Policy{Action: "shrug"}, 400, "block"},
	}
	for _, tt := range tests {
		for _, size := range []int{0, 2 * decideBytes} {
			t.Run(fmt.Sprint(tt.name, " ", size), func(t *testing.T) {
				up := &upstreamLog{}
				r := newRig(t, up, Config{DLP: tt.policy})
				body := strings.Repeat(" ", size) + githubToken + strings.Repeat(" ", size)
				status, text := r.post("https://example.com/", "text/plain", body)
				if status != tt.status {
					t.Fatalf("got %d %q", status, text)
				}
				if got := up.take(); status == 200 && (len(got) != 1 || got[0].body != body) {
					t.Error("the upstream got something else")
				}
				found := map[string]bool{}
				if size > 0 || status == 200 {
					r.lastEnd()
				}
				for _, e := range r.journal.all() {
					for _, f := range e.Findings {
						found[f.Action] = true
					}
				}
				if tt.action == "" && len(found) > 0 || tt.action != "" && len(found) != 1 {
					t.Errorf("noted %v", found)
				}
				if tt.action != "" && !found[tt.action] {
					t.Errorf("noted %v, want %s", found, tt.action)
				}
			})
		}
	}
}

func TestInteractiveUploadsAreNotHeldForEver(t *testing.T) {
	lines := make(chan string, 10)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		buf := make([]byte, 1<<10)
		for {
			n, err := q.Body.Read(buf)
			if n > 0 {
				lines <- string(buf[:n])
			}
			if err != nil {
				close(lines)
				return
			}
		}
	}), Config{})
	pr, pw := io.Pipe()
	req := request("POST", "https://example.com/", "")()
	req.Body, req.ContentLength = pr, -1
	// A line that ends with what a token begins with.
	tail := "type your name " + githubToken[:12]
	go io.WriteString(pw, tail)
	resp, err := r.client(false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := ""
	for got != tail {
		select {
		case s := <-lines:
			if got += s; !strings.HasPrefix(tail, got) {
				t.Fatalf("upstream got %q", got)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("upstream got %q and nothing more", got)
		}
	}
	pw.Close()
}

// pipeRig is a filterReader under a fake clock.
func pipeRig(t *testing.T, f func(*filterReader, *io.PipeWriter)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		pr, pw := io.Pipe()
		defer func() { cancel(); pw.Close(); synctest.Wait() }()
		engine, err := dlp.New(dlp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		snap := &snapshot{engine: engine}
		x := &exchange{snap: snap, target: Target{Host: "example.com"}}
		f(newFilterReader(ctx, pr, &scanFilter{x: x, sc: engine.NewScanner()}), pw)
	})
}

func TestAHeldTailIsDecidedAfterHoldIdle(t *testing.T) {
	pipeRig(t, func(fr *filterReader, pw *io.PipeWriter) {
		start := time.Now()
		go io.WriteString(pw, "text "+githubToken[:20])
		var got []byte
		buf := make([]byte, 100)
		for len(got) < len("text ")+20 {
			n, err := fr.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:n]...)
			if string(got) == "text " && time.Since(start) != 0 {
				t.Errorf("the part before the tail took %v", time.Since(start))
			}
		}
		if d := time.Since(start); d != holdIdle {
			t.Errorf("the tail came after %v", d)
		}
	})
}

func TestATokenThatTricklesIsStoppedAllTheSame(t *testing.T) {
	pipeRig(t, func(fr *filterReader, pw *io.PipeWriter) {
		go func() {
			for i := range len(githubToken) {
				io.WriteString(pw, githubToken[i:i+1])
				time.Sleep(holdIdle / 2) // faster than the hold, under the fake clock
			}
			io.WriteString(pw, " ")
			pw.Close()
		}()
		got, err := io.ReadAll(fr)
		if err == nil || len(got) > 0 {
			t.Errorf("%q came through, %v", got, err)
		}
	})
}

func TestBinaryUploadsComeThroughUnchanged(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	body := bytes.Repeat([]byte{0, 255, 'g', 'h', 'p', '_', '\r', '\n', 's', 'k', '-'}, 100<<10)
	if status, text := r.post("https://example.com/", "application/octet-stream", string(body)); status != 200 {
		t.Fatalf("got %d %q", status, text)
	}
	if got := up.take()[0]; got.body != string(body) {
		t.Error("the upstream got something else")
	}
}

// TestTheJournalHasNoFindingInAURL that was let through: the scan of the head
// spares the journal a scan of its own only where it has found nothing.
func TestTheJournalHasNoFindingInAURL(t *testing.T) {
	for _, action := range []dlp.Action{dlp.Warn, dlp.Off} {
		r := newRig(t, http.HandlerFunc(echo), Config{DLP: dlp.Policy{Action: action}})
		for _, url := range []string{"https://example.com/" + githubToken, "https://example.com/?q=" + githubToken, "https://example.com/clean?q=1"} {
			if status, body := r.get(url); status != 200 {
				t.Fatalf("%s: %d %q", action, status, body)
			}
			r.lastEnd()
		}
		var paths []string
		for _, e := range r.journal.all() {
			if e.Type == EventDecision {
				paths = append(paths, e.Path)
			}
		}
		if got := strings.Join(paths, " "); got != "/[github-token] /?q=[github-token] /clean?q=1" {
			t.Errorf("%s: the journal has %s", action, got)
		}
	}
}
