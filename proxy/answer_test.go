package proxy

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// checkAnswer holds an answer to the form that agents rely on.
func checkAnswer(t *testing.T, resp *http.Response, body, typ, rule string) {
	t.Helper()
	var got map[string]map[string]string
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	e := got["error"]
	if len(got) != 1 || len(e) != 4 || e["type"] != typ || e["rule"] != rule || e["message"] == "" || e["request_id"] == "" {
		t.Errorf("body %q, want type %s and rule %s", body, typ, rule)
	}
	if resp.Header.Get("Bottle-Rule") != rule || resp.Header.Get("Content-Type") != "application/json" || resp.ContentLength != int64(len(body)) {
		t.Errorf("header %v", resp.Header)
	}
	if typ == "bottle_denied" && (resp.StatusCode == 403) && !strings.Contains(e["message"], "operator") {
		t.Errorf("the message does not say what to do: %q", e["message"])
	}
}

func TestAnswersToTheAgent(t *testing.T) {
	closed := closedPort(t)
	r := newRig(t, http.HandlerFunc(echo), Config{})
	r.reroute(
		Route{Host: "example.com", Methods: []string{"GET"}, Source: "bottle.yaml:5"},
		Route{Host: "example.com", Paths: []string{"/never/**"}, Action: Deny, Source: "bottle.yaml:6"},
		Route{Host: "example.com", Paths: []string{"/asked/**"}, Action: Ask, Source: "bottle.yaml:7"},
		Route{Host: "down.example.com", Upstream: closed, Private: true},
		Route{Host: "wrong.example.org"},
		Route{Host: "nowhere.example.com", Upstream: "does-not-exist.invalid:443", Private: true},
	)
	tests := []struct {
		name, host, request string
		status              int
		typ, rule, text     string
	}{
		{"policy", "example.com", "DELETE /x", 403, "bottle_denied", "default", "no route allows DELETE https://example.com/x"},
		{"a deny route", "example.com", "GET /never/x", 403, "bottle_denied", "route bottle.yaml:6", "route bottle.yaml:6 denies GET"},
		{"an ambiguous path", "example.com", "GET /a/../b", 403, "bottle_denied", "ambiguous-path", "dot segments"},
		{"ask without an operator", "example.com", "GET /asked/x", 403, "bottle_denied", "route bottle.yaml:7", "needs the operator's approval (route bottle.yaml:7), and there is no one to ask in this run"},
		{"dlp", "example.com", "GET /" + githubToken, 400, "bottle_denied", "dlp:github-token", "remove it"},
		{"an upstream that is down", "down.example.com", "GET /", 502, "bottle_upstream", "upstream", "connection refused"},
		{"a certificate for another name", "wrong.example.org", "GET /", 502, "bottle_upstream", "upstream", "certificate of wrong.example.org is not valid"},
		{"a name that does not resolve", "nowhere.example.com", "GET /", 502, "bottle_upstream", "upstream", ""},
		{"an upgrade", "example.com", "GET /\r\nConnection: upgrade\r\nUpgrade: mail/1", 501, "bottle_denied", "upgrade", "passthrough"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line, more, _ := strings.Cut(tt.request, "\r\n")
			if more != "" {
				more += "\r\n"
			}
			resp, body := exchangeRaw(t, r.rawTunnel(tt.host+":443"), fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", line, tt.host, more), "GET")
			if resp.StatusCode != tt.status {
				t.Errorf("status %d", resp.StatusCode)
			}
			checkAnswer(t, resp, body, tt.typ, tt.rule)
			if !strings.Contains(denialIn(t, body).Message, tt.text) {
				t.Errorf("message %q, want %q", denialIn(t, body).Message, tt.text)
			}
			// The id is the journal's.
			id := denialIn(t, body).RequestID
			lines := 0
			r.journal.wait(t, func(e Event) bool { return e.ID == id })
			for _, e := range r.journal.all() {
				if e.ID == id && e.Type == EventDecision {
					lines++
				}
				if e.ID == id && e.Type == EventEnd && tt.typ == "bottle_denied" {
					t.Error("a denial has an end line")
				}
			}
			if lines != 1 {
				t.Errorf("%d decision lines", lines)
			}
		})
	}
	// What failed upstream says what to do next, whatever it was.
	for _, err := range []error{x509.UnknownAuthorityError{}, x509.HostnameError{Certificate: &x509.Certificate{}, Host: "example.com"}, &net.DNSError{Err: "no such host"}, context.DeadlineExceeded, io.EOF, syscall.ECONNREFUSED} {
		if d := upstreamFailure("example.com", fmt.Errorf("dial: %w", err)); !strings.Contains(d.message, "the operator") || !d.upset {
			t.Errorf("%v: no next step in %q", err, d.message)
		}
	}
	t.Run("an upstream that does not answer in time", func(t *testing.T) {
		d := upstreamFailure("example.com", fmt.Errorf("dial: %w", context.DeadlineExceeded))
		if d.status != 504 || !d.upset || !strings.Contains(d.message, "did not answer in time") {
			t.Errorf("%+v", d)
		}
		var e net.Error = timeoutError{}
		if d := upstreamFailure("example.com", fmt.Errorf("dial: %w", e)); d.status != 504 {
			t.Errorf("%+v", d)
		}
	})
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "slow" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestARefusedConnectSaysWhyInItsReasonPhrase(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	long := strings.Repeat("a-long-label.", 15) + "example.com"
	tests := []struct{ name, target, status, text string }{
		{"policy", "evil.example:443", "403", "no route allows evil.example:443. Do not retry"},
		{"a long name is cut", long + ":443", "403", "..."},
		{"another port", "example.com:22", "403", "no route allows example.com:22"},
		{"no port", "example.com", "400", "CONNECT target is not valid"},
		{"a disguised address", "0x7f.1:443", "400", "CONNECT target is not valid"},
		{"a name beyond ASCII", "b\xc3\xbccher.example:443", "403", "xn--bcher-kva.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := r.dial()
			fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", tt.target)
			br := bufio.NewReader(c)
			head, err := br.Peek(12)
			if err != nil || string(head[9:12]) != tt.status {
				t.Fatalf("%q %v", head, err)
			}
			resp, err := http.ReadResponse(br, &http.Request{Method: "GET"})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			_, phrase, _ := strings.Cut(resp.Status, " ")
			if len(phrase) > 120 || strings.IndexFunc(phrase, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 || !strings.Contains(phrase, tt.text) {
				t.Errorf("reason phrase %q (%d bytes), want %q", phrase, len(phrase), tt.text)
			}
			message := denialIn(t, string(body)).Message
			if !strings.HasPrefix(message, strings.TrimSuffix(phrase, "...")) {
				t.Errorf("phrase %q is not the message %q", phrase, message)
			}
			checkAnswer(t, resp, string(body), "bottle_denied", denialIn(t, string(body)).Rule)
		})
	}
}

func TestReasonPhrases(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                "plain",
		"tab\tline\r\nSet-Cookie: x":           "tab?line??Set-Cookie: x",
		"bücher":                               "b?cher",
		strings.Repeat("x", 120):               strings.Repeat("x", 120),
		strings.Repeat("x", 121):               strings.Repeat("x", 117) + "...",
		strings.Repeat("ü", 130):               strings.Repeat("?", 117) + "...",
		"esc \x1b[31m and nul \x00 and \u202e": "esc ?[31m and nul ? and ?",
	} {
		if got := reasonPhrase(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWhatIsSentToTheFrontInstead(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	tests := []struct {
		name, request string
		status        int
		rule, text    string
	}{
		{"an https URL in clear, with credentials", "GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\nAuthorization: Bearer x\r\n\r\n", 400, "absolute-form", "HTTPS_PROXY"},
		{"another scheme", "GET ftp://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", 400, "absolute-form", "ftp URL"},
		{"a plain web request", "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", 404, "not-a-proxy-request", "egress proxy"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n", 404, "not-a-proxy-request", "egress proxy"},
		{"a URL without a host", "GET http:///x HTTP/1.1\r\nHost: example.com\r\n\r\n", 400, "bad-target", "host"},
		{"a URL with a disguised address", "GET http://127.1/x HTTP/1.1\r\nHost: example.com\r\n\r\n", 400, "bad-target", "host"},
		{"a URL with a bad port", "GET http://example.com:99999/x HTTP/1.1\r\nHost: example.com\r\n\r\n", 400, "bad-target", "port"},
		{"the method that stands for a refused head", refusedMethod + " / HTTP/1.1\r\nHost: example.com\r\n\r\n", 404, "not-a-proxy-request", ""},
		{"a host that no route has", "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "default", "no route allows GET http://evil.example/"},
		{"another Host header than the URL's", "GET http://evil.example/ HTTP/1.1\r\nHost: example.com\r\n\r\n", 403, "default", "evil.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := exchangeRaw(t, r.dial(), tt.request, "GET")
			if d := denialIn(t, body); resp.StatusCode != tt.status || d.Rule != tt.rule || !strings.Contains(d.Message, tt.text) {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
		})
	}
	if got := up.take(); len(got) > 0 {
		t.Errorf("upstream got %+v", got)
	}
}

func TestPlainHTTP(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	plain := plainUpstream(t, up)
	r.reroute(Route{Host: "plain.example.com", Upstream: plain, Private: true, Methods: []string{"GET"}, Paths: []string{"/ok/**"}})
	if status, body := r.get("http://user:pw@plain.example.com/ok/x?y=1"); status != 200 || body != "ok" {
		t.Errorf("got %d %q", status, body)
	}
	got := up.take()
	if len(got) != 1 || got[0].uri != "/ok/x?y=1" || got[0].host != "plain.example.com" {
		t.Errorf("upstream got %+v", got)
	}
	if status, body := r.post("http://plain.example.com/ok/x", "text/plain", "x"); status != 403 || denialIn(t, body).Rule != "default" {
		t.Errorf("another method: %d %q", status, body)
	}
	if status, _ := r.get("http://plain.example.com/no"); status != 403 {
		t.Errorf("another path: %d", status)
	}
	if status, _ := r.get("http://plain.example.com:8080/ok/x"); status != 403 {
		t.Errorf("another port: %d", status)
	}
	// The same in a tunnel: what is spoken inside is found out.
	c := r.dial()
	if l := r.connect(c, "plain.example.com:80"); !strings.Contains(l, " 200 ") {
		t.Fatal(l)
	}
	if resp, body := exchangeRaw(t, c, "GET /ok/z HTTP/1.1\r\nHost: plain.example.com\r\n\r\n", "GET"); resp.StatusCode != 200 {
		t.Errorf("in a tunnel: %d %q", resp.StatusCode, body)
	}
	if resp, body := exchangeRaw(t, c, "GET /ok/z HTTP/1.1\r\nHost: plain.example.com\r\nX: a\r\n b\r\n\r\n", "GET"); resp.StatusCode != 400 || denialIn(t, body).Rule != "ambiguous-head" {
		t.Errorf("a folded header in a tunnel: %d %q", resp.StatusCode, body)
	}
}

func TestNothingIsGuardedBehindARefusedConnectSoItCloses(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for name, c := range map[string]io.ReadWriter{"inside a tunnel": r.rawTunnel("example.com:443")} {
		io.WriteString(c, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: example.com\r\nX: a\r\n b\r\n\r\n")
		all, err := io.ReadAll(c)
		if err != nil || strings.Count(string(all), "HTTP/1.1 ") != 1 {
			t.Errorf("%s: %q %v", name, all, err)
		}
	}
}

func TestAsk(t *testing.T) {
	answers := make(chan func() (Answer, error), 1)
	asked := make(chan Question, 1)
	up := &upstreamLog{}
	r := newRig(t, up, Config{AskTimeout: time.Hour}, func(_ *rig, o *Options, _ *ListenOptions) {
		o.Ask = func(_ context.Context, q Question) (Answer, error) {
			asked <- q
			return (<-answers)()
		}
	})
	r.reroute(Route{Host: "example.com", Action: Ask, Source: "f:3"})
	tests := []struct {
		name   string
		answer func() (Answer, error)
		status int
		text   string
	}{
		{"yes", func() (Answer, error) { return Answer{Allow: true}, nil }, 200, ""},
		{"no", func() (Answer, error) { return Answer{}, nil }, 403, "the answer was no. "},
		{"no, with a reason", func() (Answer, error) { return Answer{Reason: "use the mirror"}, nil }, 403, "the answer was no: use the mirror"},
		{"nobody", func() (Answer, error) { return Answer{}, context.DeadlineExceeded }, 403, "nobody answered in time"},
		{"trouble", func() (Answer, error) { return Answer{Allow: true}, errors.New("socket gone") }, 403, "the question could not be put"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answers <- tt.answer
			status, body := r.post("https://example.com/x", "text/plain", "hello")
			q := <-asked
			if q.Rule != "route f:3" || q.Target.Method != "POST" || q.Target.Host != "example.com" || q.ID == "" || q.Session != "test" {
				t.Errorf("question %+v", q)
			}
			if status != tt.status || !strings.Contains(body, tt.text) {
				t.Errorf("got %d %q", status, body)
			}
			if got := up.take(); (len(got) == 1) != (status == 200) {
				t.Errorf("upstream got %+v", got)
			}
		})
	}
}
