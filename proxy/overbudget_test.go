package proxy

import (
	"strings"
	"testing"
)

// What is asked at a limit says which one it is, and no URL that there is none of.
func TestAQuestionAtALimitNamesIt(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		want  string
	}{
		{Limit{Name: budgetRequests, Allowed: 60_000}, "60,000 requests a minute"},
		{Limit{Name: budgetRequests, Allowed: 999}, "999 requests a minute"},
		{Limit{Name: budgetTokens, Allowed: 1_234_567}, "1,234,567 tokens of models"},
		{Limit{Name: budgetBytesOut, Allowed: 2 << 30}, "2 GiB sent"},
		{Limit{Name: budgetCost, Allowed: 20}, "20.00 for models"},
	} {
		if got := c.limit.words(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	s := &Server{}
	d := s.ask(t.Context(), Question{Rule: "budget:requests_per_minute", Budget: budgetRequests, Over: "60,000 requests a minute"})
	if !strings.HasPrefix(d.message, "over budget: 60,000 requests a minute; more needs the operator's approval (budget:requests_per_minute), and ") {
		t.Errorf("at a limit: %q", d.message)
	}
	d = s.ask(t.Context(), Question{Rule: "budget:new_hosts", Budget: budgetNewHosts, Target: Target{Scheme: "https", Host: "a.example", Port: 443}})
	if !strings.HasPrefix(d.message, "https://a.example") {
		t.Errorf("about a new host: %q", d.message)
	}
}
