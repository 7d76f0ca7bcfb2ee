package dlp_test

import (
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

func TestDecide(t *testing.T) {
	github := dlp.Finding{Rule: "github-token"}
	jwt := dlp.Finding{Rule: "jwt"}
	known := dlp.Finding{Rule: dlp.RuleKnown, Kind: dlp.KindKnown, Name: "db"}
	placeholder := dlp.Finding{Rule: dlp.RulePlaceholder, Kind: dlp.KindPlaceholder}
	allow := func(rule, host string) dlp.Policy {
		return dlp.Policy{Allow: []dlp.Exemption{{Rule: rule, Host: host}}}
	}
	tests := []struct {
		name   string
		policy dlp.Policy
		f      dlp.Finding
		host   string
		want   dlp.Action
	}{
		{"nothing said blocks a token", dlp.Policy{}, github, "a.example", dlp.Block},
		{"nothing said blocks a known value", dlp.Policy{}, known, "a.example", dlp.Block},
		{"nothing said warns of a JWT", dlp.Policy{}, jwt, "a.example", dlp.Warn},
		{"block does not block a JWT for its shape", dlp.Policy{Action: dlp.Block}, jwt, "a.example", dlp.Warn},
		{"its own entry does", dlp.Policy{Rules: map[string]dlp.Action{"jwt": dlp.Block}}, jwt, "a.example", dlp.Block},
		{"warn is for all", dlp.Policy{Action: dlp.Warn}, github, "a.example", dlp.Warn},
		{"redact is for tokens", dlp.Policy{Action: dlp.Redact}, github, "a.example", dlp.Redact},
		{"off is for all", dlp.Policy{Action: dlp.Off}, jwt, "a.example", dlp.Off},
		{"an entry is stronger than the action", dlp.Policy{Action: dlp.Off, Rules: map[string]dlp.Action{"github-token": dlp.Block}}, github, "a.example", dlp.Block},
		{"an action that does not exist blocks", dlp.Policy{Action: "blok"}, github, "a.example", dlp.Block},
		{"in an entry too", dlp.Policy{Rules: map[string]dlp.Action{"jwt": "wran"}}, jwt, "a.example", dlp.Block},
		{"a rule that does not exist blocks", dlp.Policy{}, dlp.Finding{Rule: "none"}, "a.example", dlp.Block},
		{"a placeholder is no leak", dlp.Policy{Rules: map[string]dlp.Action{dlp.RulePlaceholder: dlp.Block}}, placeholder, "a.example", dlp.Off},
		{"an exemption lets it pass", allow("github-token", "a.example"), github, "a.example", dlp.Off},
		{"in any case and with a dot", allow("github-token", "A.example"), github, "a.EXAMPLE.", dlp.Off},
		{"not to another host", allow("github-token", "a.example"), github, "b.example", dlp.Block},
		{"not for another rule", allow("github-token", "a.example"), known, "a.example", dlp.Block},
		{"a wildcard is for what is below", allow("github-token", "*.a.example"), github, "x.y.a.example", dlp.Off},
		{"not for the name itself", allow("github-token", "*.a.example"), github, "a.example", dlp.Block},
		{"not for a longer name", allow("github-token", "*.a.example"), github, "xa.example", dlp.Block},
		{"a wildcard of nothing is for nothing", allow("github-token", "*."), github, "a.", dlp.Block},
		{"no host is for nothing", allow("github-token", ""), github, "", dlp.Block},
		{"an exemption is stronger than an entry", dlp.Policy{Rules: map[string]dlp.Action{"jwt": dlp.Block}, Allow: []dlp.Exemption{{Rule: "jwt", Host: "idp.example"}}}, jwt, "idp.example", dlp.Off},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.policy.Decide(tt.f, tt.host); got != tt.want {
				t.Errorf("Decide = %s, want %s", got, tt.want)
			}
		})
	}
}
