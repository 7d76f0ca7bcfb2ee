package proxy

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
)

// These are ways by which a hostile agent, with an upstream that helps it, was
// once able to learn a value or to send one out unseen.

func TestErrorsOfTheUpstreamDoNotRepeatTheCredential(t *testing.T) {
	for _, head := range []string{"%s\r\n\r\n", "HTTP/1.1 200 OK\r\n%s\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n"} {
		r := secretRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			fmt.Fprintf(c, head, q.Header.Get("X-Api-Key"))
		}), Inject{})
		status, body := r.get("https://example.com/", "X-Api-Key", testPlaceholder)
		if status != http.StatusBadGateway || strings.Contains(body, testValue) {
			t.Errorf("%q: %d %q", head, status, body)
		}
		for _, e := range r.journal.all() {
			if strings.Contains(fmt.Sprintf("%+v", e), testValue) {
				t.Errorf("%q: the journal has the value: %+v", head, e)
			}
		}
	}
}

func TestWhatOneRouteStoresNoOtherGivesBack(t *testing.T) {
	stored := ""
	r := secretRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if v := q.Header.Get("X-Api-Key"); v != "" {
			stored = v
		}
		w.Header().Set("X-"+stored, "a name can hold it too")
		for _, name := range []string{"Request-Range", "X-Ms-Range"} { // as some servers do
			if v := q.Header.Get(name); v != "" {
				q.Header.Set("Range", v)
			}
		}
		http.ServeContent(w, q, "text.txt", time.Time{}, strings.NewReader(stored))
	}), Inject{})
	r.reroute(Route{Host: "example.com", Paths: []string{"/key"}, Secrets: []string{"acme"}}, Route{Host: "example.com"})
	r.get("https://example.com/key", "X-Api-Key", testPlaceholder)
	if stored != testValue {
		t.Fatalf("the upstream got %q", stored)
	}
	for _, header := range [][]string{nil, {"Range", "bytes=4-15"}, {"Request-Range", "bytes=4-15"}, {"X-Ms-Range", "bytes=4-15"}} {
		req, _ := http.NewRequest(http.MethodGet, "https://example.com/other", nil)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := r.client(false).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || body.String() != testPlaceholder || strings.Contains(strings.ToLower(fmt.Sprint(resp.Header)), "h7jq2mxz") {
			t.Errorf("%v: %d %q %v", header, resp.StatusCode, body.String(), resp.Header)
		}
	}
}

func TestCompressedMessagesAreNotPassedOnUnsearched(t *testing.T) {
	var asked string
	r := secretRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked = q.Header.Get("Grpc-Accept-Encoding")
		w.Header().Set("Grpc-Encoding", "gzip")
	}), Inject{})
	if status, body := r.get("https://example.com/", "Grpc-Accept-Encoding", "gzip"); status != http.StatusBadGateway || asked != "identity" {
		t.Errorf("asked for %q: %d %q", asked, status, body)
	}
}

func TestSpellingsThatAServerReadsAreScanned(t *testing.T) {
	escaped := func(s string) string { return fmt.Sprintf("%%%02x", s[0]) + s[1:] }
	unicode := func(s string) string { return fmt.Sprintf(`\u%04x`, s[0]) + s[1:] }
	const digits = "f3f9a1c7e5b2d8046af13c9e7b5d2084" // has two spellings as the name of a field
	tests := []struct {
		name               string
		path, typ, body    string
		header, headerText string
	}{
		{name: "an escaped letter in the path", path: "/" + escaped(githubToken)},
		{name: "an escaped letter in the query", path: "/?k=" + escaped(testValue)},
		{name: "an escaped letter in a form", typ: "application/x-www-form-urlencoded", body: "k=" + escaped(githubToken)},
		{name: "an escaped letter in JSON", typ: "application/json", body: `{"k":"` + unicode(githubToken) + `"}`},
		{name: "the name of a header", header: digits, headerText: "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{}), fixedSecret("digits", strings.Repeat("0", len(digits)), digits, Inject{})}})
			header := []string{"X-Plain", "y"}
			if tt.header != "" {
				header = []string{tt.header, tt.headerText}
			}
			status, body := r.post("https://example.com"+tt.path, tt.typ, tt.body, header...)
			if status != http.StatusBadRequest || !strings.HasPrefix(denialIn(t, body).Rule, "dlp:") {
				t.Errorf("%d %q", status, body)
			}
			if got := up.take(); len(got) > 0 {
				t.Errorf("the upstream got %+v", got)
			}
			for _, e := range r.journal.all() {
				if strings.Contains(strings.ToLower(fmt.Sprintf("%+v", e)), digits) {
					t.Errorf("the journal has the value: %+v", e)
				}
			}
		})
	}
}

func TestEveryMemberOfAGzipBodyIsScanned(t *testing.T) {
	var b bytes.Buffer
	for _, text := range []string{"harmless ", githubToken} {
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
	}
	r := newRig(t, http.HandlerFunc(echo), Config{})
	if status, body := r.post("https://example.com/", "text/plain", b.String(), "Content-Encoding", "gzip"); status != http.StatusBadRequest {
		t.Errorf("%d %q", status, body)
	}
}

func TestHostInTheAgentsOwnSpellingIsScanned(t *testing.T) {
	key := "AKIA" + "2E7XQYLPMN5HHHFP"
	r := newRig(t, http.HandlerFunc(echo), Config{})
	r.reroute(Route{Host: "*.example.com"})
	c := r.rawTunnel(strings.ToLower(key) + ".example.com:443")
	resp, body := exchangeRaw(t, c, "GET / HTTP/1.1\r\nHost: "+key+".example.com\r\n\r\n", http.MethodGet)
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

func TestDenyOfAMethodHoldsInSmallLetters(t *testing.T) {
	p := mustPolicy(t, Deny, Route{Host: "example.com"}, Route{Host: "example.com", Methods: []string{"DELETE"}, Action: Deny})
	if d := p.Decide(Target{Scheme: "https", Host: "example.com", Port: 443, Method: "delete", Path: "/"}); d.Action != Deny {
		t.Errorf("%+v", d)
	}
}

func TestFindingsAndReasonsAreBounded(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	line := "SK" + strings.Repeat("0a1b2c3d", 4) + "\n" // a format that only warns
	if status, _ := r.post("https://example.com/", "text/plain", strings.Repeat(line, 1000)); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if e := r.lastEnd(); len(e.Findings) != maxFindings || e.MoreFindings != 1000-maxFindings {
		t.Errorf("%d findings and %d more", len(e.Findings), e.MoreFindings)
	}
	r.reroute(Route{Host: "example.com", Methods: []string{"GET"}})
	r.post("https://example.com/"+url.PathEscape(strings.Repeat("x", 100<<10)), "text/plain", "")
	if e := r.journal.wait(t, isDenial("default")); len(e.Reason) > 4*maxShownPath {
		t.Errorf("a reason of %d bytes", len(e.Reason))
	}
}

// TestMessagesInAnUnknownCodingAreRefused: the scanner tells compressed messages by what
// they begin with, which not all of them have.
func TestMessagesInAnUnknownCodingAreRefused(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	for _, tt := range []struct {
		header, coding string
		status         int
	}{
		{"Grpc-Encoding", "br", 400}, {"Grpc-Encoding", "snappy", 400}, {"Connect-Content-Encoding", "br", 400},
		{"Grpc-Encoding", "gzip", 200}, {"Grpc-Encoding", "identity", 200}, {"Connect-Content-Encoding", "zstd", 200},
	} {
		for _, size := range []int{10, 2 * decideBytes} {
			status, body := r.post("https://example.com/", "application/grpc", strings.Repeat("x", size), tt.header, tt.coding)
			if status != tt.status || status == 400 && denialIn(t, body).Rule != "content-encoding" {
				t.Errorf("%+v: %d %s", tt, status, body)
			}
			if got := up.take(); (len(got) == 0) != (status == 400) {
				t.Errorf("%+v: the upstream got %d requests", tt, len(got))
			}
		}
	}
	cfg := r.cfg
	cfg.DLP = dlp.Policy{Action: dlp.Off}
	if err := r.server.Reload(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if status, body := r.post("https://example.com/", "application/grpc", "x", "Grpc-Encoding", "br"); status != 200 {
		t.Errorf("with nobody who looks: %d %s", status, body)
	}
}

// TestAHeaderMakesNoOtherRequest: many servers let one say that a POST is a DELETE, or for
// another path.
func TestAHeaderMakesNoOtherRequest(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	r.reroute(Route{Host: "example.com", Methods: []string{"GET", "POST"}, Paths: []string{"/v1/**"}},
		Route{Host: "example.com", Methods: []string{"POST"}, Paths: []string{"/v1/admin"}, Action: Deny},
		Route{Host: "other.example.com"}, Route{Host: "other.example.com", Methods: []string{"DELETE"}, Action: Deny})
	for _, tt := range []struct{ url, header, value, rule string }{
		{"https://example.com/v1/x", "X-HTTP-Method-Override", "DELETE", "ambiguous-method"},
		{"https://example.com/v1/x", "X-HTTP-Method", " patch", "ambiguous-method"},
		{"https://example.com/v1/x", "X-Method-Override", "PUT", "ambiguous-method"},
		{"https://example.com/v1/x", "X-HTTP-Method-Override", "GET", ""},
		{"https://example.com/v1/x", "X-HTTP-Method-Override", "post", ""},
		{"https://example.com/v1/x", "X-HTTP-Method-Override", "", ""},
		{"https://example.com/v1/x", "X-Original-URL", "/v2/x", "ambiguous-path"},
		{"https://example.com/v1/x", "X-Rewrite-URL", "/v1/admin?y", "ambiguous-path"},
		{"https://example.com/v1/x", "X-Original-URL", "/v1/a/../../v2", "ambiguous-path"},
		{"https://example.com/v1/x", "X-Original-URL", "/v1/y", ""},
		{"https://other.example.com/", "X-HTTP-Method-Override", "DELETE", "ambiguous-method"},
		{"https://other.example.com/", "X-HTTP-Method-Override", "PUT", ""},
		{"https://other.example.com/", "X-Original-URL", "anything", ""},
	} {
		status, body := r.post(tt.url, "text/plain", "x", tt.header, tt.value)
		if tt.rule == "" && status != 200 || tt.rule != "" && (status != 403 || denialIn(t, body).Rule != tt.rule) {
			t.Errorf("%+v: %d %s", tt, status, body)
		}
		if got := up.take(); (len(got) == 0) != (tt.rule != "") {
			t.Errorf("%+v: the upstream got %d requests", tt, len(got))
		}
	}
}
