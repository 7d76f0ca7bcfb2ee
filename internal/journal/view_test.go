package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 123e6, time.UTC)

func TestLine(t *testing.T) {
	tests := []struct {
		name  string
		event proxy.Event
		want  string
	}{
		{"an allowed request", proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Allow, Method: "GET", Scheme: "https", Host: "api.example.com", Port: 443, Path: "/v1/x?a=b", Rule: "bottle.yaml:12", Proto: "h2", Secrets: []string{"anthropic", "b,c"}, ID: "r-1"},
			`2026-05-04 12:00:00.123 allow GET     api.example.com /v1/x?a=b rule=bottle.yaml:12 proto=h2 secrets=anthropic,b\x2cc id=r-1`},
		{"a denial", proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Deny, Method: "POST", Scheme: "http", Host: "10.0.0.1", Port: 8080, Path: "/", Reason: `no "route"`, Status: 403},
			`2026-05-04 12:00:00.123 deny  POST    10.0.0.1 / port=8080 scheme=http status=403 reason="no \x22route\x22"`},
		{"a leak", proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Deny, Method: "POST", Host: "a.example", Port: 443, Path: "/", Rule: "dlp", Findings: []proxy.EventFinding{{Rule: "github-token", Where: "body", Offset: 12, Length: 40, Action: "block"}, {Rule: "x", Where: "url", Offset: 3}}},
			`2026-05-04 12:00:00.123 deny  POST    a.example / rule=dlp found=github-token(body@12+40:block),x(url@3)`},
		{"an end", proxy.Event{Type: proxy.EventEnd, Method: "GET", Host: "a.example", Path: "/", Status: 200, BytesOut: 12, BytesIn: 1234567, Duration: 1234567890, Redacted: 2, Inert: []string{"s"}, Error: "reset"},
			`2026-05-04 12:00:00.123 end   GET     a.example / status=200 inert=s redacted=2 out=12B in=1.23MB took=1.23s error="reset"`},
		{"the end of what was stopped after its decision", proxy.Event{Type: proxy.EventEnd, Verdict: proxy.Deny, Method: "GET", Host: "a.example", Port: 443, Path: "/", Status: 403, Rule: "address-guard", Reason: "r"},
			`2026-05-04 12:00:00.123 deny  GET     a.example / status=403 rule=address-guard reason="r"`},
		{"a rule with a space", proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Deny, Method: "GET", Host: "a.example", Path: "/", Rule: "route bottle.yaml:5"},
			`2026-05-04 12:00:00.123 deny  GET     a.example / rule="route bottle.yaml:5"`},
		{"a rule that forges fields", proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Deny, Method: "GET", Host: "a.example", Path: "/", Rule: "x\" reason=\"\x1b[2J\u202e"},
			`2026-05-04 12:00:00.123 deny  GET     a.example / rule="x\x22 reason=\x22\x1b[2J\u202e"`},
		{"a note", proxy.Event{Type: proxy.EventNote, Reason: "reloaded"},
			`2026-05-04 12:00:00.123 note  -       - - reason="reloaded"`},
		{"an empty event", proxy.Event{}, `2026-05-04 12:00:00.123 -     -       - -`},
		{"a name in another script", proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Deny, Method: "GET", Host: "xn--pple-43d.com", Path: "/"},
			`2026-05-04 12:00:00.123 deny  GET     xn--pple-43d.com (\u0430pple.com) /`},
		{"an agent that forges fields", proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Deny, Method: "GET x", Host: "a b", Path: "/ rule=ok\n2026-05-04 12:00:00.123 allow", Reason: "x\" error=\"y\x1b[2J\u202e"},
			`2026-05-04 12:00:00.123 deny  GET\x20x a\x20b /\x20rule=ok\n2026-05-04\x2012:00:00.123\x20allow reason="x\x22 error=\x22y\x1b[2J\u202e"`},
		{"many names", proxy.Event{Type: proxy.EventEnd, Inert: strings.Split("a b c d e f g h i j", " ")},
			`2026-05-04 12:00:00.123 end   -       - - inert=a,b,c,d,e,f,g,h,and-2-more`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.event.Time = noon
			if got := Line(&tt.event); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestFieldsAreEscapedAndWhole(t *testing.T) {
	path := "/" + strings.Repeat("p", 500)
	got := fmt.Sprint(Fields(&proxy.Event{Time: noon, Type: proxy.EventDecision, Verdict: proxy.Deny, Method: "GET", Host: "xn--pple-43d.com", Port: 443, Path: path,
		Rule: "a \"rule\"", Reason: "x\x1b[2J\u202e", ID: "r-1"}))
	want := fmt.Sprint([]Field{{"time", "2026-05-04 12:00:00.123"}, {"event", "deny"}, {"method", "GET"}, {"host", `xn--pple-43d.com (\u0430pple.com)`}, {"path", path},
		{"rule", `a "rule"`}, {"id", "r-1"}, {"reason", `x\x1b[2J\u202e`}})
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnits(t *testing.T) {
	for n, want := range map[int64]string{0: "", 1: "1B", 999: "999B", 1000: "1kB", 999499: "999kB", 999999: "1MB", 12345678: "12.3MB", 5e15: "5000TB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "", 1234: "1µs", 1234567: "1.2ms", 90 * time.Second: "1m30s"} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestLogs(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	for _, e := range []*proxy.Event{allowed(1), denied(2), ended(1)} {
		e.Time = noon
		e.Path = "/\u202e\u0085"
		record(t, w, e)
	}
	closeOK(t, w)
	tests := []struct {
		name    string
		options LogsOptions
		want    string
	}{
		{"all", LogsOptions{Location: time.FixedZone("", 3600)}, "" +
			"2026-05-04 13:00:00.123 allow GET     api.example.com /\\u202e\\u0085 rule=bottle.yaml:12 proto=http/1.1 id=x-1\n" +
			"2026-05-04 13:00:00.123 deny  GET     api.example.com /\\u202e\\u0085 rule=default proto=http/1.1 id=x-2 reason=\"no route allows it\"\n" +
			"2026-05-04 13:00:00.123 end   -       api.example.com /\\u202e\\u0085 status=200 in=1.23kB id=x-1\n"},
		{"denials", LogsOptions{Filter: Filter{Denied: true}, Location: time.UTC},
			"2026-05-04 12:00:00.123 deny  GET     api.example.com /\\u202e\\u0085 rule=default proto=http/1.1 id=x-2 reason=\"no route allows it\"\n"},
		{"JSON is what is in the file", LogsOptions{JSON: true}, strings.Join(lines(t, dir, 1), "\n") + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Logs(context.Background(), &out, dir, tt.options); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), tt.want)
			}
		})
	}
}

func TestLogsNamesWhatItCannotRead(t *testing.T) {
	dir := write(t, 3, Options{})
	list := lines(t, dir, 1)
	list[1] = "\x1b[2J"
	setLines(t, dir, 1, list)
	var out bytes.Buffer
	err := Logs(context.Background(), &out, dir, LogsOptions{})
	if err == nil || !strings.Contains(err.Error(), "1 lines") {
		t.Errorf("Logs: %v", err)
	}
	if got := strings.Split(out.String(), "\n"); len(got) != 4 || !strings.HasPrefix(got[1], "?? 0000000000000001.jsonl, line 2: ") {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	if err := Logs(context.Background(), &out, dir, LogsOptions{JSON: true}); err == nil {
		t.Error("no error")
	}
	var bad struct {
		Type, Segment string
		Line          int
	}
	if err := json.Unmarshal([]byte(strings.Split(out.String(), "\n")[1]), &bad); err != nil || bad.Type != "unreadable" || bad.Line != 2 {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := Logs(context.Background(), &out, filepath.Join(dir, "none"), LogsOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no journal: %v", err)
	}
}

// chanWriter sends what is written.
type chanWriter chan string

func (c chanWriter) Write(p []byte) (int, error) {
	c <- string(p)
	return len(p), nil
}

func TestLogsFollows(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	out, done := make(chanWriter), make(chan error, 1)
	go func() { done <- Logs(ctx, out, dir, LogsOptions{Follow: true}) }()
	for i := range 3 {
		record(t, w, allowed(i))
		if s := <-out; strings.Count(s, "\n") != 1 || !strings.Contains(s, "id=x-"+string(rune('0'+i))) {
			t.Errorf("got %q", s)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Logs: %v", err)
	}
}

// Who follows ends it by a signal, at whatever moment.
func TestFollowingEndsWithItsContext(t *testing.T) {
	dir := write(t, 3, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := Logs(ctx, &out, dir, LogsOptions{Follow: true}); err != nil {
		t.Error(err)
	}
	if err := Logs(ctx, &out, dir, LogsOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("reading on: %v", err)
	}
}
