package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

// No route lets a push pass, so none is proposed for one.
func TestWhyProposesNoRouteForGit(t *testing.T) {
	for _, c := range []struct{ verdict, rule, want, not string }{
		{"deny", "git:ref", "under git in bottle.yaml", "routes:"},
		{"deny", "dlp:aws", "allow: [{rule: aws, host: forge.test}]", "routes:"},
		{"deny", "budget:bytes_out", "budgets.bytes_out in bottle.yaml", "routes:"},
		{"allow", "git:forge.test/org/x", "PUSH", "would allow"},
	} {
		w := &why{Bottle: "b-1", Event: &proxy.Event{Type: proxy.EventDecision, Proto: "git", Method: "PUSH", Host: "forge.test", Verdict: proxy.Action(c.verdict), Rule: c.rule}}
		if w.Event.Verdict == proxy.Deny && !w.adviseEvent() {
			w.adviseGit()
		}
		var out bytes.Buffer
		if err := printWhy(&out, w); err != nil {
			t.Fatal(err)
		}
		if s := out.String(); !strings.Contains(s, c.want) || strings.Contains(s, c.not) || strings.Contains(s, "as it is now") {
			t.Errorf("%s %s: it says\n%s", c.verdict, c.rule, s)
		}
	}
}
