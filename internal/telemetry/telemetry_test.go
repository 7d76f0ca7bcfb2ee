package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bot-bottle/bottle/internal/telemetry/collector"
	"github.com/bot-bottle/bottle/proxy"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// exported runs events through an exporter to a collector, and returns what came there.
func exported(t *testing.T, events ...proxy.Event) []collector.Item {
	t.Helper()
	c := collector.New(nil)
	srv := httptest.NewServer(c)
	defer srv.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=k%2D1")
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	var said bytes.Buffer
	x := New(t.Context(), Options{Bottle: "b-1", Version: "v1", Getenv: os.Getenv, Log: slog.New(slog.NewTextHandler(&said, nil))})
	for i := range events {
		x.Record(&events[i])
	}
	if err := x.Close(); err != nil || said.Len() > 0 || x.Trouble() != "" {
		t.Fatalf("%v, %s%s", err, &said, x.Trouble())
	}
	return c.Items()
}

func pick(items []collector.Item, signal string) (list []collector.Item) {
	for _, i := range items {
		if i.Signal == signal {
			list = append(list, i)
		}
	}
	return list
}

func TestAnExchangeIsASpanAndItsEventsAreLogs(t *testing.T) {
	items := exported(t,
		proxy.Event{Time: noon, Type: proxy.EventDecision, ID: "abc-1", Session: "b-1", Proto: "h2", Method: "POST", Scheme: "https", Host: "api.example.com", Port: 8443,
			Path: "/v1?x=1", Verdict: proxy.Allow, Rule: "route bottle.yaml:4", Secrets: []string{"key"}},
		proxy.Event{Time: noon.Add(2 * time.Second), Type: proxy.EventEnd, ID: "abc-1", Host: "api.example.com", Port: 8443, Status: 502, BytesOut: 10, BytesIn: 20, Duration: 3 * time.Second,
			Findings: []proxy.EventFinding{{Rule: "jwt", Where: "body", Hash: "0123456789abcdef", Action: "warn"}, {Rule: "jwt", Where: "body", Action: "warn"}},
			Usage:    &proxy.EventUsage{Model: "m-1", Tokens: proxy.Tokens{Input: 1, CacheRead: 2, Output: 4}, Cost: .5}},
		proxy.Event{Time: noon, Type: proxy.EventDecision, ID: "abc-2", Method: "BREW", Host: "evil.example", Port: 443, Scheme: "https", Verdict: proxy.Deny, Rule: "default", Reason: "no route \x1b[2J", Path: "/\xff", Status: 403},
		proxy.Event{Time: noon, Type: proxy.EventNote, ID: "q-1", Reason: "the operator said yes (once)"},
	)
	spans, logs := pick(items, "span"), pick(items, "log")
	if len(spans) != 2 || len(logs) != 4 {
		t.Fatalf("%d spans, %d logs", len(spans), len(logs))
	}
	s := spans[0]
	want := map[string]any{"bottle.exchange.id": "abc-1", "bottle.session": "b-1", "bottle.protocol": "h2", "http.request.method": "POST", "server.address": "api.example.com", "server.port": int64(8443),
		"url.scheme": "https", "url.path": "/v1", "url.query": "x=1", "url.full": "https://api.example.com:8443/v1?x=1", "network.protocol.name": "http", "network.protocol.version": "2",
		"bottle.verdict": "allow", "bottle.rule": "route bottle.yaml:4", "bottle.secrets": []any{"key"}, "bottle.findings": []any{"jwt"},
		"http.response.status_code": int64(502), "http.request.body.size": int64(10), "http.response.body.size": int64(20), "error.type": "502",
		"gen_ai.response.model": "m-1", "gen_ai.usage.input_tokens": int64(3), "gen_ai.usage.output_tokens": int64(4), "gen_ai.usage.cache_read.input_tokens": int64(2), "bottle.cost": .5}
	if !reflect.DeepEqual(s.Attributes, want) {
		t.Errorf("got  %v\nwant %v", s.Attributes, want)
	}
	if s.Name != "POST" || s.Kind != "SPAN_KIND_CLIENT" || s.Status != "STATUS_CODE_ERROR" || s.End-s.Start != 3e9 || s.End != uint64(noon.Add(2*time.Second).UnixNano()) || len(s.Events) != 2 {
		t.Errorf("%+v", s)
	}
	if s.Header != "k-1" || s.Resource["service.name"] != "bottle" || s.Resource["bottle.id"] != "b-1" || s.Resource["deployment.environment.name"] != "test" {
		t.Errorf("header %q, %v", s.Header, s.Resource)
	}
	if text := fmt.Sprint(items); strings.Contains(text, "0123456789abcdef") {
		t.Errorf("it holds %s", text)
	}
	d := spans[1]
	if d.Name != "HTTP" || d.Kind != "SPAN_KIND_SERVER" || d.Status != "STATUS_CODE_UNSET" || d.Attributes["http.request.method_original"] != "BREW" || d.Attributes["bottle.reason"] != "no route \x1b[2J" || d.Attributes["url.path"] != "/\ufffd" {
		t.Errorf("%+v", d)
	}
	if logs[0].Trace != s.Trace || logs[1].Span != s.Span || logs[2].Trace != d.Trace || logs[2].Trace == s.Trace {
		t.Error("records are not of the traces of their exchanges")
	}
	for i, want := range []string{"bottle.decision INFO", "bottle.end WARN", "bottle.decision WARN", "bottle.note INFO"} {
		if got := logs[i].Name + " " + logs[i].Kind; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if body := logs[2].Body; !strings.HasPrefix(body, `deny  BREW    evil.example /\xff `) || strings.Contains(body, "\x1b") {
		t.Errorf("body %q", body)
	}
}

func TestAPushHasSpansOfItsRefs(t *testing.T) {
	push := proxy.Event{Time: noon, Type: proxy.EventDecision, ID: "abc-9", Proto: "git", Method: "PUSH", Host: "forge.example", Scheme: "https", Path: "/o/r.git/git-receive-pack"}
	ok, refused, end := push, push, push
	ok.Ref, ok.Old, ok.New, ok.Verdict, ok.Rule = "refs/heads/agent/x", "aa", "bb", proxy.Allow, "git:forge.example/o/r"
	refused.Ref, refused.Verdict, refused.Rule, refused.Status = "refs/heads/main", proxy.Deny, "git:ref", 200
	end.Type, end.Method, end.Status, end.Duration = proxy.EventEnd, "POST", 200, time.Second
	spans := pick(exported(t, ok, refused, end), "span")
	if len(spans) != 3 {
		t.Fatalf("%+v", spans)
	}
	of := spans[2]
	if of.Name != "POST" || of.Parent != "" {
		t.Errorf("%+v", of)
	}
	for i, want := range []string{"refs/heads/agent/x", "refs/heads/main"} {
		if s := spans[i]; s.Name != "git push" || s.Parent != of.Span || s.Trace != of.Trace || s.Attributes["vcs.ref.head.name"] != want {
			t.Errorf("%+v", s)
		}
	}
	if a := spans[0].Attributes; a["vcs.ref.head.revision"] != "bb" || a["bottle.git.old"] != "aa" || a["bottle.verdict"] != "allow" {
		t.Errorf("%v", a)
	}
}

// TestWhatHasNoEndIsExportedAtTheEnd, within a bound of what waits for one.
func TestWhatHasNoEndIsExportedAtTheEnd(t *testing.T) {
	var events []proxy.Event
	for i := range 3 {
		events = append(events, proxy.Event{Time: noon, Type: proxy.EventDecision, ID: fmt.Sprintf("abc-%d", i), Method: "GET", Verdict: proxy.Allow})
	}
	if spans := pick(exported(t, events...), "span"); len(spans) != 3 || spans[0].End < spans[0].Start {
		t.Errorf("%+v", spans)
	}
	s := newSpans("b", nil, nil)
	for i := range 3 * maxOpen {
		s.add(&proxy.Event{Time: noon, Type: proxy.EventDecision, ID: fmt.Sprint(i), Verdict: proxy.Allow})
		if i%2 == 0 {
			s.add(&proxy.Event{Time: noon, Type: proxy.EventEnd, ID: fmt.Sprint(i)})
		}
	}
	if len(s.open) > maxOpen || len(s.order) > 2*maxOpen {
		t.Errorf("%d open, %d in order", len(s.open), len(s.order))
	}
}

// stuck is a sink whose collector takes nothing until it is given up.
type stuck struct{ n int }

func (s *stuck) add(*proxy.Event)               { s.n++ }
func (s *stuck) rest()                          {}
func (s *stuck) shutdown(context.Context) error { return nil }
func (s *stuck) export(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	<-ctx.Done()
	return fmt.Errorf("failed to send to http://user:hunter2@c.example: %w", ctx.Err())
}

func TestACollectorThatHangsStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		x := &Exporter{pipes: []*pipe{newPipe("spans", &stuck{}, slog.New(slog.NewTextHandler(&said, nil)))}}
		start := time.Now()
		const n = 10_000
		for range n {
			x.Record(&proxy.Event{})
			synctest.Wait()
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("recording took %v", took)
		}
		p := x.pipes[0]
		if kept := n - p.dropped.Load(); kept != maxQueue+maxBatch {
			t.Errorf("%d events wait", kept)
		}
		time.Sleep(2 * exportTime)
		synctest.Wait()
		if text := x.Trouble(); !strings.Contains(text, "does not answer in time") || !strings.Contains(text, "spans") {
			t.Errorf("the trouble is %q", text)
		}
		start = time.Now()
		if err := x.Close(); err != nil || time.Since(start) > closeTime {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if p.dropped.Load() != n {
			t.Errorf("%d of %d dropped", p.dropped.Load(), n)
		}
		if s := said.String(); strings.Count(s, "level=WARN") != 2 || !strings.Contains(s, "spans of 10000 events") || strings.Contains(s, "hunter2") {
			t.Errorf("it said %s", s)
		}
	})
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name    string
		env     string
		want    string
		problem string
	}{
		{"nothing", "", " ", ""},
		{"a name of the service alone", "OTEL_SERVICE_NAME=x", " ", ""},
		{"an endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example:4318/base/", "http://c.example:4318/base/v1/traces http://c.example:4318/base/v1/logs", ""},
		{"of one signal", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=https://c.example/mine", " https://c.example/mine", ""},
		{"all but one", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example OTEL_LOGS_EXPORTER=none", "http://c.example/v1/traces ", ""},
		{"the default endpoint", "OTEL_TRACES_EXPORTER=otlp", "http://localhost:4318/v1/traces ", ""},
		{"switched off", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example OTEL_SDK_DISABLED=TRUE", " ", ""},
		{"another exporter", "OTEL_TRACES_EXPORTER=zipkin", " ", "only otlp and none"},
		{"grpc", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc", " ", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"},
		{"grpc for one", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", " http://c.example/v1/logs", "no grpc"},
		{"JSON", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/json", "http://c.example/v1/traces ", "must be http/protobuf"},
		{"no URL", "OTEL_EXPORTER_OTLP_ENDPOINT=user:hunter2@c.example", " ", "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		{"a time limit that is none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example OTEL_EXPORTER_OTLP_LOGS_TIMEOUT=1s", "http://c.example/v1/traces ", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT is a number of milliseconds"},
		{"no certificate", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE=/nowhere.pem", " http://c.example/v1/logs", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: open /nowhere.pem"},
		{"another compression", "OTEL_LOGS_EXPORTER=otlp OTEL_EXPORTER_OTLP_COMPRESSION=zstd", " ", "must be gzip or none"},
		{"no header", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c.example OTEL_EXPORTER_OTLP_HEADERS=hunter2", " ", "not NAME=VALUE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{}
			for pair := range strings.FieldsSeq(tt.env) {
				name, value, _ := strings.Cut(pair, "=")
				env[name] = value
			}
			got, problems := settingsOf(func(name string) string { return env[name] })
			text := strings.Join(problems, "; ")
			urls := []string{"", ""}
			for i, c := range []*client{got.traces, got.logs} {
				if c != nil {
					urls[i] = c.url
				}
			}
			if strings.Join(urls, " ") != tt.want || (tt.problem == "") != (text == "") || !strings.Contains(text, tt.problem) || strings.Contains(text, "hunter2") {
				t.Errorf("%q, %s", urls, text)
			}
		})
	}
}

// TestTheReasonTellsNoCredential: the URL of a collector may hold one, and its answer.
func TestTheReasonTellsNoCredential(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("http://c.example?key=hunter2: %w", statusError(401)), "the collector answers 401 Unauthorized"},
		{&url.Error{Op: "Post", URL: "http://u:hunter2@c.example", Err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}}, "dial tcp: connection refused"},
		{&url.Error{Op: "Post", URL: "http://hunter2", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "hunter2"}}}, "its name cannot be resolved"},
		{fmt.Errorf("hunter2: %w", context.DeadlineExceeded), "does not answer in time"},
		{errors.New("hunter2"), "cannot be reached"},
	} {
		if got := reason(tt.err); !strings.Contains(got, tt.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%v: %s", tt.err, got)
		}
	}
}

// TestWhatMayHelpIsSentAgain: an overloaded collector says so, by OTLP/HTTP, with 429 and
// the like; what it does not take at all is not sent again.
func TestWhatMayHelpIsSentAgain(t *testing.T) {
	answers := []int{503, 429, 200, 401}
	var got []int
	c := &client{url: "http://c.example", header: http.Header{"X-Key": {"k"}}, limit: time.Minute, gzip: true, http: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("X-Key") != "k" || r.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%v", r.Header)
		}
		code := answers[len(got)]
		got = append(got, code)
		return &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {"7"}}, Body: http.NoBody}, nil
	})}}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := c.UploadTraces(t.Context(), nil); err != nil || len(got) != 3 || time.Since(start) != 14*time.Second {
			t.Errorf("%v, %v after %v", err, got, time.Since(start))
		}
		if err := c.UploadTraces(t.Context(), nil); !errors.Is(err, statusError(401)) || len(got) != 4 {
			t.Errorf("%v, %v", err, got)
		}
		answers, c.limit = append(answers, 503, 503, 503, 503, 503), 10*time.Second
		if err := c.UploadTraces(t.Context(), nil); !errors.Is(err, statusError(503)) || len(got) != 6 {
			t.Errorf("%v, %v", err, got)
		}
	})
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// partial is the answer of a collector that refused so many (ExportTraceServiceResponse,
// and that of logs).
func partial(refused uint64) []byte {
	var inner []byte
	inner = protowire.AppendTag(inner, 2, protowire.BytesType)
	inner = protowire.AppendString(inner, "sesame is no span")
	inner = protowire.AppendTag(inner, 1, protowire.VarintType)
	inner = protowire.AppendVarint(inner, refused)
	all := protowire.AppendTag(nil, 9, protowire.VarintType) // of a later version
	all = protowire.AppendVarint(all, 1)
	all = protowire.AppendTag(all, 1, protowire.BytesType)
	return protowire.AppendBytes(all, inner)
}

func TestRefusalsAreRead(t *testing.T) {
	for _, tt := range []struct {
		answer []byte
		want   int64
	}{
		{nil, 0}, {partial(0), 0}, {partial(3), 3}, {partial(1 << 63), math.MaxInt32}, {[]byte("<html>"), 0}, {[]byte(`{"partialSuccess":{}}`), 0}, {[]byte{0x0a, 0xff, 0x01}, 0}, {[]byte{0x0a}, 0},
	} {
		if got := refusedIn(tt.answer); got != tt.want {
			t.Errorf("%q: %d, want %d", tt.answer, got, tt.want)
		}
	}
}

// TestWhatACollectorRefusesIsSaidOnceAndNotSentAgain has one that takes a part.
func TestWhatACollectorRefusesIsSaidOnceAndNotSentAgain(t *testing.T) {
	var posts atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		posts.Add(1)
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(partial(2))
	}))
	defer srv.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", srv.URL)
	var said bytes.Buffer
	x := New(t.Context(), Options{Bottle: "b-1", Getenv: os.Getenv, Log: slog.New(slog.NewTextHandler(&said, nil))})
	for i := range 5 {
		x.Record(&proxy.Event{Time: noon, Type: proxy.EventDecision, ID: fmt.Sprint("abc-", i), Host: "a.example", Verdict: proxy.Deny})
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if n := posts.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "spans of 2 events so far were not exported: the collector took the others and refused these") || strings.Contains(text, "sesame") {
		t.Errorf("it says %s", text)
	}
	if text := x.Trouble(); !strings.Contains(text, "2 events were dropped so far") {
		t.Errorf("the views say %q", text)
	}
}
