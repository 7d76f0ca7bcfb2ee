package metrics_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/metrics"
	"github.com/bot-bottle/bottle/proxy"
)

func TestNumbers(t *testing.T) {
	m := metrics.New("b-1", "v1", func() int { return 2 })
	if err := m.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	found := []proxy.EventFinding{{Rule: "jwt", Action: "warn"}}
	for _, e := range []proxy.Event{
		{Type: proxy.EventNote, Reason: "starts"},
		{Type: proxy.EventDecision, Host: "a.example", Verdict: proxy.Allow, Findings: found},
		{Type: proxy.EventEnd, Host: "a.example", BytesOut: 10, BytesIn: 20, Duration: 20 * time.Millisecond, Findings: found},
		{Type: proxy.EventDecision, Host: "b.example", Verdict: proxy.Deny, Findings: []proxy.EventFinding{{Rule: "aws", Action: "block"}}},
		{Type: proxy.EventEnd, Host: "a.example", Verdict: proxy.Deny, BytesOut: -1},
	} {
		m.Record(&e)
	}
	get := func(host string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.Addr()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	_, text := get("")
	for _, want := range []string{
		`bottle_requests_total{bottle="b-1",verdict="allow"} 1`, `bottle_requests_total{bottle="b-1",verdict="deny"} 2`,
		`bottle_body_bytes_total{bottle="b-1",direction="out"} 10`, `bottle_body_bytes_total{bottle="b-1",direction="in"} 20`,
		`bottle_findings_total{action="warn",bottle="b-1",rule="jwt"} 1`, `bottle_findings_total{action="block",bottle="b-1",rule="aws"} 1`,
		`bottle_request_duration_seconds_bucket{bottle="b-1",le="0.025"} 1`, `bottle_request_duration_seconds_count{bottle="b-1"} 1`,
		`bottle_questions_waiting{bottle="b-1"} 2`, `bottle_info{bottle="b-1",version="v1"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "example") {
		t.Error("a host is among the labels")
	}
	for host, want := range map[string]int{"localhost:1": 200, "[::1]": 200, "evil.example": 403, "evil.example:9": 403} {
		if status, _ := get(host); status != want {
			t.Errorf("as %s: %d, want %d", host, status, want)
		}
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	a, b := metrics.New("a", "", func() int { return 0 }), metrics.New("b", "", func() int { return 0 })
	if err := a.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := b.Listen(t.Context(), a.Addr()); err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
