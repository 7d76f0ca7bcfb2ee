package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// TestNamesOfFieldsAreScanned: net/http changes the letters of a name, HTTP/2
// makes them small, and a trailer's name leaves with the head that announces it.
func TestNamesOfFieldsAreScanned(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n"
	tests := []struct {
		name, value, request string
	}{
		{"a header of letters", "hjqmxzblwtnrvcyk", "GET / HTTP/1.1\r\nHost: example.com\r\n%s: x\r\n\r\n"},
		{"a header of letters, in other ones", "hJqmXzblWtnrVcyQ", "GET / HTTP/1.1\r\nHost: example.com\r\n%s: x\r\n\r\n"},
		{"a part of a header's name", "hJqmXzblWtnrVcyQ", "GET / HTTP/1.1\r\nHost: example.com\r\nX-A%sB: x\r\n\r\n"},
		{"a short one between hyphens", "hJqmXzblWtnrVcyK", "GET / HTTP/1.1\r\nHost: example.com\r\nX-%s-B: x\r\n\r\n"},
		{"an escaped one", "h7Jq+mXz/bLwT=nRv8cYk", "GET / HTTP/1.1\r\nHost: example.com\r\nh7jq%%2Bmxz%%2Fblwt%%3Dnrv8cyk: x\r\n\r\n"},
		{"a token of a service", "unused-value-of-a-secret", "GET / HTTP/1.1\r\nHost: example.com\r\nakia" + "h7jq2mxz3blw4tnr: x\r\n\r\n"},
		{"a trailer", "acmeh7jq2mxz9blw4tnrv8cyk", chunked + "\r\n2\r\nhi\r\n0\r\n%s: x\r\n\r\n"},
		{"a trailer that was announced", "0acmeh7jq2mxz9blw4tnrv8cyk", chunked + "Trailer: %[1]s\r\n\r\n2\r\nhi\r\n0\r\n%[1]s: x\r\n\r\n"},
		{"a trailer that was announced and does not come", "hJqmXzblWtnrVcyQ", chunked + "Trailer: %s\r\n\r\n0\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, tt.value, Inject{})}})
			request := tt.request
			if strings.Contains(request, "%") {
				request = fmt.Sprintf(request, tt.value)
				request, _, _ = strings.Cut(request, "%!(EXTRA")
			}
			resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"), request, http.MethodGet)
			if resp.StatusCode != 400 || !strings.HasPrefix(denialIn(t, body).Rule, "dlp:") {
				t.Errorf("%s %s", resp.Status, body)
			}
			// A trailer that nobody announced stops a body that is on its way.
			for _, got := range up.take() {
				if got.err == nil || strings.Contains(strings.ToLower(fmt.Sprint(got.header, got.trailer)), strings.ToLower(tt.value)) {
					t.Errorf("the upstream got %+v", got)
				}
			}
			r.journal.wait(t, func(e Event) bool { return e.Verdict == Deny })
			for what, text := range map[string]string{"the journal": r.journalText(), "the agent": body} {
				if strings.Contains(strings.ToLower(text), strings.ToLower(tt.value)) {
					t.Errorf("%s has the value: %s", what, text)
				}
			}
		})
	}
}

// TestANameWithAFindingIsToldToNobody: not even where findings only warn.
func TestANameWithAFindingIsToldToNobody(t *testing.T) {
	const value = "hJqmXzblWtnrVcyQ"
	r := newRig(t, &upstreamLog{}, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, value, Inject{})}, DLP: dlp.Policy{Action: dlp.Warn}})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: example.com\r\n%s: " + githubToken + "\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nTrailer: %[1]s\r\n\r\n0\r\n%[1]s: " + githubToken + "\r\n\r\n",
	} {
		resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"), fmt.Sprintf(request, value), http.MethodGet)
		e := r.lastEnd()
		var where []string
		for _, f := range e.Findings {
			where = append(where, f.Where)
		}
		if resp.StatusCode != 200 || len(where) < 2 || strings.Contains(strings.ToLower(fmt.Sprint(where)), strings.ToLower(value)) {
			t.Errorf("%s %s %q", resp.Status, body, where)
		}
	}
}

// TestUsualNamesPass: those of clients in use, with values of secrets that are
// parts of words.
func TestUsualNamesPass(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, "keyrings", Inject{})}})
	for range 2 {
		if status, body := r.get("https://example.com/", "X-Stainless-Package-Version", "1", "X-Amz-Content-Sha256", "1", "X-Mykeyringsafe", "1", "Sec-Ch-Ua-Platform-Version", "1"); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	}
}

func TestTheListOfCleanNamesIsBounded(t *testing.T) {
	var c cleanNames
	for i := range 2 * maxCleanNames {
		c.add(fmt.Sprintf("X-Some-Name-%d", i))
	}
	c = cleanNames{set: c.set}
	if len(c.set) != maxCleanNames || !c.clean("X-Some-Name-0") || c.clean(fmt.Sprintf("X-Some-Name-%d", maxCleanNames)) {
		t.Errorf("%d names", len(c.set))
	}
	long := cleanNames{}
	if long.add(strings.Repeat("x", maxCleanNameSize+1)); len(long.set) != 0 {
		t.Error("a long name is kept")
	}
}

// TestNamesOfAnsweredFieldsAreRedacted, those of trailers in the head too.
func TestNamesOfAnsweredFieldsAreRedacted(t *testing.T) {
	const value = "Acme-h7jq2mxz9blw4tnrv8cyk1ge5spd6uqa"
	up := &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Trailer", value+", X-Sum")
		w.Header().Set(value, "1")
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		w.Header().Set(value, "1")
		w.Header().Set("X-Sum", "2")
	}}
	r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, value, Inject{})}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	c := r.rawTunnel("example.com:443")
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.com\r\nTE: trailers\r\nConnection: close\r\n\r\n")
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ToLower(string(b)); strings.Contains(text, strings.ToLower(value)) || !strings.Contains(text, "trailer: x-sum") || !strings.Contains(text, "x-sum: 2") {
		t.Errorf("got %s", b)
	}
}

// TestOnlyTheSamePartIsNotScannedAgain: a header or a URL that comes again with another
// text, from another session, or when more is known, is scanned like a new one.
func TestOnlyTheSamePartIsNotScannedAgain(t *testing.T) {
	const secret = "hJqmXzblWtnrVcyKqPws"
	const known = "another-value-of-the-secret"
	for part, send := range map[string]func(r *rig, text string) (int, string){
		"header": func(r *rig, text string) (int, string) { return r.get("https://example.com/", "X-Agent", text) },
		"path":   func(r *rig, text string) (int, string) { return r.get("https://example.com/" + text) },
		"query":  func(r *rig, text string) (int, string) { return r.get("https://example.com/?q=" + text) },
	} {
		t.Run(part, func(t *testing.T) {
			r := newRig(t, http.HandlerFunc(echo), Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, known, Inject{})}})
			for _, want := range []struct {
				text   string
				status int
			}{{secret, 200}, {secret, 200}, {known, 400}, {known, 400}, {secret, 200}} {
				if status, body := send(r, want.text); status != want.status {
					t.Errorf("%s: %d %s", want.text, status, body)
				}
			}
			clean := &r.server.current.Load().clean
			place, before, rest := cleanPlace{"test", "header", "X-Agent"}, "", secret
			switch part {
			case "path":
				place, before, rest = cleanPlace{"test", "url", ""}, "/"+secret+"?", ""
			case "query":
				place, before, rest = cleanPlace{"test", "url", ""}, "/?", "q="+secret
			}
			if _, ok := clean.has(place, before, rest); !ok {
				t.Error("it is scanned each time")
			}
			if _, ok := clean.has(place, before+"x", rest[min(1, len(rest)):]); ok {
				t.Error("another text of the same length is taken for it")
			}
			place.session = "other"
			if _, ok := clean.has(place, before, rest); ok {
				t.Error("another session profits")
			}
			r.cfg.Secrets = []Secret{fixedSecret("acme", testPlaceholder, secret, Inject{})}
			r.reroute(Route{Host: "example.com"})
			if status, body := send(r, secret); status != 400 {
				t.Errorf("when it is known: %d %s", status, body)
			}
		})
	}
}

// TestAPlaceholderThatComesAgainIsSeen: as one, in the header and in the URL.
func TestAPlaceholderThatComesAgainIsSeen(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, "the-value-of-the-secret", Inject{Bearer: true})}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}}, Route{Host: "other.example.com"})
	for range 3 {
		if status, body := r.get("https://example.com/", "Authorization", "Bearer "+testPlaceholder); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if e := r.lastEnd(); len(e.Secrets) != 1 {
			t.Errorf("it was not injected: %+v", e)
		}
		if status, _ := r.get("https://other.example.com/", "Authorization", "Bearer "+testPlaceholder); status != 403 {
			t.Errorf("%d where no route allows it", status)
		}
		if status, body := r.get("https://example.com/?q=" + testPlaceholder); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if e := r.lastEnd(); len(e.Inert) != 1 {
			t.Errorf("it is not told of: %+v", e)
		}
	}
}

// TestAFindingThatComesAgainIsToldAgain, though it stops nothing.
func TestAFindingThatComesAgainIsToldAgain(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{DLP: dlp.Policy{Action: dlp.Warn}})
	for range 3 {
		if status, body := r.get("https://example.com/?q="+githubToken, "X-Agent", githubToken); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if e := r.lastEnd(); len(e.Findings) != 2 {
			t.Errorf("findings: %+v", e.Findings)
		}
	}
}

func TestCleanPartsAreBounded(t *testing.T) {
	var c cleanParts
	place := func(name string) cleanPlace { return cleanPlace{"s", "header", name} }
	for i := range 2 * maxCleanParts {
		c.add(place(fmt.Sprint("x-", i)), "v", nil)
	}
	c.add(place("x-0"), strings.Repeat("v", maxCleanPartSize+1), nil)
	if _, ok := c.has(place("x-0"), "", "v"); len(c.last) != maxCleanParts || !ok {
		t.Errorf("%d values", len(c.last))
	}
}
