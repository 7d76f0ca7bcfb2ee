package metrics_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/metrics"
	"github.com/bot-bottle/bottle/proxy"
)

// TestTheDashboardShowsWhatThereIs: each metric of the dashboard is served, and each
// that is served has a place in it.
func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`\bbottle_[a-z_]+`)
	shown := map[string]bool{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			found := name.FindAllString(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("%s: no metric in %q", p.Title, target.Expr)
			}
			for _, n := range found {
				shown[n] = true
			}
		}
	}
	there := served(t)
	for n := range shown {
		if !there[n] {
			t.Errorf("the dashboard shows %s, which is not served", n)
		}
		delete(there, n)
	}
	for n := range there {
		if base := strings.TrimSuffix(strings.TrimSuffix(n, "_sum"), "_count"); !shown[base+"_bucket"] {
			t.Errorf("%s is served, and the dashboard does not show it", n)
		}
	}
}

// served returns the names of all samples.
func served(t *testing.T) map[string]bool {
	t.Helper()
	m := metrics.New("b-1", "v1", func() int { return 0 })
	if err := m.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.Record(&proxy.Event{Type: proxy.EventEnd, Verdict: proxy.Deny, Duration: time.Second, BytesOut: 1, BytesIn: 1, Findings: []proxy.EventFinding{{Rule: "jwt", Action: "block"}}})
	m.Record(&proxy.Event{Type: proxy.EventEnd, Duration: time.Second})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.Addr()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for line := range strings.Lines(string(body)) {
		if !strings.HasPrefix(line, "#") {
			n, _, _ := strings.Cut(line, "{")
			names[strings.TrimSpace(n)] = true
		}
	}
	return names
}
