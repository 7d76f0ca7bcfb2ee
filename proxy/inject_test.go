package proxy

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestHeadersAreInjected(t *testing.T) {
	tests := []struct {
		name          string
		inject        Inject
		header, value string
		want          string
	}{
		{"bearer", Inject{Bearer: true}, "Authorization", "Bearer " + testPlaceholder, "Bearer " + testValue},
		{"token is a bearer too", Inject{Bearer: true}, "Authorization", "token " + testPlaceholder, "token " + testValue},
		{"a named header", Inject{Headers: []string{"x-api-key"}}, "X-Api-Key", testPlaceholder, testValue},
		{"any header", Inject{Headers: []string{"*"}}, "X-Odd", "a " + testPlaceholder + " b " + testPlaceholder, "a " + testValue + " b " + testValue},
		{"basic, as password", Inject{Basic: true}, "Authorization", basic("git", testPlaceholder), basic("git", testValue)},
		{"basic, as user name", Inject{Basic: true}, "Authorization", basic(testPlaceholder, "x"), basic(testValue, "x")},
		{"basic at another alignment", Inject{Basic: true}, "Authorization", basic("me", testPlaceholder), basic("me", testValue)},
		{"basic without padding", Inject{Basic: true}, "Authorization", strings.TrimRight(basic("gi", testPlaceholder), "="), basic("gi", testValue)},
		{"nothing named means bearer", Inject{}, "Authorization", "Bearer " + testPlaceholder, "Bearer " + testValue},
		{"nothing named means basic", Inject{}, "Authorization", basic("u", testPlaceholder), basic("u", testValue)},
		{"nothing named means any header", Inject{}, "Private-Token", testPlaceholder, testValue},
		{"a cookie is a header", Inject{}, "Cookie", "session=" + testPlaceholder, "session=" + testValue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := secretRig(t, up, tt.inject)
			if status, body := r.get("https://example.com/", tt.header, tt.value); status != 200 {
				t.Fatalf("got %d %q", status, body)
			}
			if got := up.take()[0].header.Get(tt.header); got != tt.want {
				t.Errorf("upstream got %q, want %q", got, tt.want)
			}
			for _, e := range r.journal.all() {
				if e.Type == EventDecision && strings.Join(e.Secrets, ",") != "acme" {
					t.Errorf("journal names %q", e.Secrets)
				}
			}
			if text := fmt.Sprintf("%+v", r.journal.all()); strings.Contains(text, testValue) {
				t.Errorf("the value is in the journal: %s", text)
			}
		})
	}
}

func TestPlaceholderInACredentialsPlace(t *testing.T) {
	query := Inject{Query: []string{"key"}}
	body := Inject{Body: true}
	tests := []struct {
		name   string
		inject Inject
		req    func() *http.Request
		status int
		text   string // of the denial
	}{
		{"bearer to a host that is not allowed it", Inject{}, request("GET", "https://other.example.com/", "", "Authorization", "Bearer "+testPlaceholder), 403, "no route allows this secret there"},
		{"basic to a host that is not allowed it", Inject{}, request("GET", "https://other.example.com/", "", "Authorization", basic("u", testPlaceholder)), 403, "no route allows this secret there"},
		{"any header to a host that is not allowed it", Inject{}, request("GET", "https://other.example.com/", "", "X-Y", testPlaceholder), 403, "the header X-Y of a request to other.example.com"},
		{"its query parameter to such a host", query, request("GET", "https://other.example.com/?key="+testPlaceholder, ""), 403, "the query parameter key"},
		{"the body of a secret for bodies to such a host", body, request("POST", "https://other.example.com/", "x="+testPlaceholder), 403, "the body"},
		{"a header it never goes into", Inject{Headers: []string{"x-api-key"}}, request("GET", "https://example.com/", "", "Authorization", "Bearer "+testPlaceholder), 403, "goes into header x-api-key only"},
		{"basic where only bearer is meant", Inject{Bearer: true}, request("GET", "https://example.com/", "", "Authorization", basic("u", testPlaceholder)), 403, "goes into Authorization: Bearer only"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := secretRig(t, up, tt.inject)
			status, text := r.do(tt.req())
			d := denialIn(t, text)
			if status != tt.status || d.Rule != "placeholder" || !strings.Contains(d.Message, tt.text) || !strings.Contains(d.Message, "secret acme") {
				t.Errorf("got %d %+v", status, d)
			}
			if got := up.take(); len(got) != 0 {
				t.Errorf("upstream got %+v", got)
			}
			if e := r.journal.wait(t, isDenial("placeholder")); e.Status != 403 {
				t.Errorf("journal %+v", e)
			}
		})
	}
}

// request makes a maker, so that a table can hold requests with bodies.
func request(method, url, body string, header ...string) func() *http.Request {
	return func() *http.Request {
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return req
	}
}

func TestPlaceholderElsewhereIsInertText(t *testing.T) {
	long := strings.Repeat("conversation ", decideBytes/8)
	for name, req := range map[string]func() *http.Request{
		"in a small body":                 request("POST", "https://other.example.com/", "env said ACME="+testPlaceholder),
		"in a large body":                 request("POST", "https://other.example.com/", long+testPlaceholder+long),
		"in base64 in a body":             request("POST", "https://other.example.com/", base64.StdEncoding.EncodeToString([]byte("x"+testPlaceholder))),
		"in a path":                       request("GET", "https://other.example.com/"+testPlaceholder, ""),
		"in a query that is not its own":  request("GET", "https://other.example.com/?q="+testPlaceholder, ""),
		"in a body to a host that has it": request("POST", "https://example.com/", "my key is "+testPlaceholder),
	} {
		t.Run(name, func(t *testing.T) {
			up := &upstreamLog{}
			r := secretRig(t, up, Inject{Bearer: true})
			sent, _ := io.ReadAll(req().Body)
			if status, body := r.do(req()); status != 200 {
				t.Fatalf("got %d %q", status, body)
			}
			got := up.take()[0]
			if got.body != string(sent) || got.uri != req().URL.RequestURI() {
				t.Errorf("upstream got another text: %.200q", got.uri+got.body)
			}
			if e := r.lastEnd(); strings.Join(e.Inert, ",") != "acme" || len(e.Secrets) != 0 {
				t.Errorf("end line %+v", e)
			}
		})
	}
}

func TestQueryIsInjectedWhereOptedIn(t *testing.T) {
	value := "acme+h7Jq2mXz9bLw&TnRv8cYk1Ge5sPd6uQa"
	up := &upstreamLog{}
	r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, value, Inject{Query: []string{"key"}})}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	if status, body := r.get("https://example.com/?a=%20b&key=" + testPlaceholder + "&other=" + testPlaceholder + "&a=;"); status != 200 {
		t.Fatalf("got %d %q", status, body)
	}
	want := "/?a=%20b&key=" + url.QueryEscape(value) + "&other=" + testPlaceholder + "&a=;"
	if got := up.take()[0].uri; got != want {
		t.Errorf("upstream got %q, want %q", got, want)
	}
	for _, e := range r.journal.all() {
		if strings.Contains(e.Path, "h7Jq") {
			t.Errorf("the value is in the journal: %q", e.Path)
		}
	}
}

func TestBodiesAreInjectedWhereOptedIn(t *testing.T) {
	odd := `acme"h7Jq2\mXz9 <Lw4&nRv8cYk1Ge5sPd6u`
	jsonOdd, err := json.Marshal(odd)
	if err != nil {
		t.Fatal(err)
	}
	pad := strings.Repeat("x", decideBytes)
	tests := []struct {
		name, typ, value, body, want string
	}{
		{"plain", "text/plain", testValue, "k=" + testPlaceholder + ".", "k=" + testValue + "."},
		{"JSON is escaped", "application/json", odd, `{"k":"` + testPlaceholder + `"}`, `{"k":` + string(jsonOdd) + `}`},
		{"JSON by suffix", "application/vnd.x+json; charset=utf-8", odd, `"` + testPlaceholder + `"`, string(jsonOdd)},
		{"a form is escaped", "application/x-www-form-urlencoded", odd, "k=" + testPlaceholder, "k=" + url.QueryEscape(odd)},
		{"another length", "text/plain", "short-value-1", "k=" + testPlaceholder + "!", "k=short-value-1!"},
		{"a streamed body", "text/plain", testValue, pad + testPlaceholder + pad + testPlaceholder, pad + testValue + pad + testValue},
		{"a streamed body of another length", "text/plain", "short-value-1", pad + testPlaceholder + pad, pad + "short-value-1" + pad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, tt.value, Inject{Body: true})}})
			r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
			if status, body := r.post("https://example.com/", tt.typ, tt.body); status != 200 {
				t.Fatalf("got %d %q", status, body)
			}
			got := up.take()[0]
			if got.body != tt.want || got.err != nil {
				t.Errorf("upstream got %d bytes (%v), want %d; begins %.80q", len(got.body), got.err, len(tt.want), got.body)
			}
			if got.header.Get("Content-Length") != "" && got.header.Get("Content-Length") != fmt.Sprint(len(tt.want)) {
				t.Errorf("length %s", got.header.Get("Content-Length"))
			}
			if e := r.lastEnd(); strings.Join(e.Secrets, ",") != "acme" || len(e.Inert) != 0 {
				t.Errorf("end line %+v", e)
			}
		})
	}
}

func TestAPlaceholderIsReplacedAcrossChunkBorders(t *testing.T) {
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{Body: true})
	pr, pw := io.Pipe()
	go func() {
		text := "begin " + testPlaceholder + " end"
		for i := range len(text) {
			io.WriteString(pw, text[i:i+1]) // each byte is a chunk
		}
		pw.Close()
	}()
	req, _ := http.NewRequest("POST", "https://example.com/", pr)
	if status, body := r.do(req); status != 200 {
		t.Fatalf("got %d %q", status, body)
	}
	if got := up.take()[0].body; got != "begin "+testValue+" end" {
		t.Errorf("upstream got %q", got)
	}
}

func TestSecretsOverPlainHTTP(t *testing.T) {
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{})
	plain := plainUpstream(t, up)
	// upstream: a public name would be dialled here; private: true is what lifts
	// the refusal, so without it the request ends before any dial.
	r.cfg.Policy = mustPolicy(t, Deny, Route{Host: "example.com", Secrets: []string{"acme"}},
		Route{Host: "intern.example", Upstream: plain, Private: true, Secrets: []string{"acme"}})
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	status, body := r.get("http://example.com/", "Authorization", "Bearer "+testPlaceholder)
	if d := denialIn(t, body); status != 403 || d.Rule != "placeholder" || !strings.Contains(d.Message, "plain http") {
		t.Errorf("without private: %d %q", status, body)
	}
	if status, body = r.get("http://intern.example/", "Authorization", "Bearer "+testPlaceholder); status != 200 {
		t.Fatalf("with private: %d %q", status, body)
	}
	if got := up.take(); len(got) != 1 || got[0].header.Get("Authorization") != "Bearer "+testValue {
		t.Errorf("upstream got %+v", got)
	}
}

func TestARotatingSecretIsUsedAndAllValuesAreRedacted(t *testing.T) {
	values := []string{testValue, "acme-SECONDSECONDSECONDSECONDSECOND", "acme-third0Abthird1Cdthird2Efthird3Gh"}
	var turn atomic.Int32
	secret := Secret{Name: "acme", Placeholder: testPlaceholder, Value: func(context.Context) (string, error) { return values[turn.Load()], nil }}
	up := &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, "all: "+strings.Join(values, " ")) }}
	broken := errors.New("login expired")
	var fail atomic.Bool
	other := Secret{Name: "other", Placeholder: "other-PLACEHOLDER", Value: func(context.Context) (string, error) {
		if fail.Load() {
			return "", broken
		}
		return "other-value-other", nil
	}}
	r := newRig(t, up, Config{Secrets: []Secret{secret, other}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme", "other"}})
	fail.Store(true) // another secret's trouble is not this one's
	for i := range values {
		turn.Store(int32(i))
		status, body := r.get("https://example.com/", "X-Api-Key", testPlaceholder)
		if status != 200 {
			t.Fatalf("turn %d: %d %q", i, status, body)
		}
		if got := up.take()[0].header.Get("X-Api-Key"); got != values[i] {
			t.Errorf("turn %d: upstream got %q", i, got)
		}
		for _, v := range values[:i+1] {
			if strings.Contains(body, v) {
				t.Errorf("turn %d: %q came back", i, v)
			}
		}
		// The scanner knows them too.
		for _, v := range values[:i+1] {
			if status, _ := r.post("https://example.com/", "text/plain", v); status != 400 {
				t.Errorf("turn %d: sending %q is answered %d", i, v, status)
			}
		}
	}
	if status, body := r.get("https://example.com/", "X-Api-Key", "other-PLACEHOLDER"); status != 502 || denialIn(t, body).Rule != "secret" || strings.Contains(body, broken.Error()) {
		t.Errorf("a secret that cannot be had: %d %q", status, body)
	}
}

func TestAnAnswerIsRedactedAlthoughItsSecretWasRemoved(t *testing.T) {
	arrived, reloaded := make(chan struct{}), make(chan struct{})
	up := &upstreamLog{answer: func(w http.ResponseWriter, q *http.Request) {
		close(arrived)
		<-reloaded
		io.WriteString(w, "you sent "+q.Header.Get("X-Api-Key"))
	}}
	r := secretRig(t, up, Inject{})
	go func() {
		defer close(reloaded)
		<-arrived
		cfg := r.cfg
		cfg.Secrets, cfg.Policy = nil, r.policy(Route{Host: "example.com"})
		if err := r.server.Reload(context.Background(), cfg); err != nil {
			t.Error(err)
		}
	}()
	if status, body := r.get("https://example.com/", "X-Api-Key", testPlaceholder); status != 200 || body != "you sent "+testPlaceholder {
		t.Errorf("got %d %q", status, body)
	}
}

func TestNewRefusesARouteWithAnUnknownSecret(t *testing.T) {
	r := newRig(t, http.NotFoundHandler(), Config{})
	cfg := r.cfg
	cfg.Policy = r.policy(Route{Host: "example.com", Secrets: []string{"nobody"}, Source: "bottle.yaml:7"})
	if err := r.server.Reload(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "bottle.yaml:7") || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v", err)
	}
}

// FuzzBodyInjection holds the path of a body through scan and injection to
// strings.ReplaceAll, however it is cut.
func FuzzBodyInjection(f *testing.F) {
	f.Add([]byte("a "+testPlaceholder+" b"), uint8(3), "text/plain")
	f.Add([]byte(`{"k":"`+testPlaceholder+`"}`), uint8(1), "application/json")
	f.Add([]byte(testPlaceholder[:20]+testPlaceholder+testPlaceholder[1:]), uint8(0), "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body []byte, cut uint8, typ string) {
		s := &Server{}
		snap, err := s.newSnapshot(context.Background(), Config{
			Policy:  mustPolicy(t, Deny, Route{Host: "example.com", Secrets: []string{"acme"}}),
			Secrets: []Secret{fixedSecret("acme", testPlaceholder, `v"al&<ue+1/2`, Inject{Body: true})},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.current.Store(snap)
		r, _ := http.NewRequest("POST", "https://example.com/", nil)
		r.Header.Set("Content-Type", typ)
		x := &exchange{s: s, snap: snap, lent: snap, ctx: t.Context(), r: r, target: Target{Scheme: "https", Host: "example.com", Port: 443}}
		x.route = snap.Policy.Decide(x.target).Route
		in, d := x.bodyInjection()
		if d != nil {
			t.Fatal(d.message)
		}
		sc := snap.scanner()
		fr := newFilterReader(t.Context(), &cutReader{b: body, n: int(cut) + 1}, chain{&scanFilter{x: x, sc: sc}, in.filter()})
		got, err := io.ReadAll(fr)
		var stop *blocked
		if errors.As(err, &stop) {
			if !strings.HasPrefix(stop.denial.rule, "dlp:") || !bytes.HasPrefix([]byte(strings.ReplaceAll(string(body), testPlaceholder, bodyEscape(typ)(`v"al&<ue+1/2`))), got) {
				t.Fatalf("stopped by %+v after %q", stop.denial, got)
			}
			return
		}
		if want := strings.ReplaceAll(string(body), testPlaceholder, bodyEscape(typ)(`v"al&<ue+1/2`)); err != nil || string(got) != want {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	})
}

// cutReader returns n bytes at a time.
type cutReader struct {
	b []byte
	n int
}

func (r *cutReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.n)], r.b)
	r.b = r.b[n:]
	return n, nil
}
