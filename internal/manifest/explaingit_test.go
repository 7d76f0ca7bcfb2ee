package manifest

import (
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

// What is offered for a tag is enough to make it, and says nothing of moving it, which
// no pattern under update allows.
func TestTheOfferForATagIsEnough(t *testing.T) {
	const ref = "refs/tags/v1"
	about := func(push string) GitExplanation {
		t.Helper()
		m := loadText(t, "version: 1\ngit:\n  forge.example:\n    repos:\n      - path: o/r\n        access: write\n"+push)
		list, err := m.ExplainGit("forge.example/o/r", ref)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0]
	}
	for _, push := range []string{"", "        push: {update: [refs/heads/x]}\n"} {
		before := about(push)
		_, offered, _ := strings.Cut(before.Allow, "access: write\n")
		if before.Verdict != proxy.Deny || offered == "" {
			t.Fatalf("%q: %+v", push, before)
		}
		if after := about(offered); after.Verdict != proxy.Allow || after.Allow != "" || strings.Contains(push, "refs/heads/x") != strings.Contains(offered, "refs/heads/x") {
			t.Errorf("with %q: %+v", offered, after)
		}
	}
}

func TestABranchNeedsNoRefs(t *testing.T) {
	m := loadText(t, "version: 1\negress: {routes: [{host: db}]}\ngit:\n  forge: {repos: [{path: o/r, access: write}]}\n")
	for text, ref := range map[string]string{
		"agent/x": "refs/heads/agent/x", "Feature_1/a/b": "refs/heads/Feature_1/a/b", "refs/tags/v1": "refs/tags/v1",
		"forge/o/r": "", "db/x": "-", "api.example/x": "-", "agent": "-", "http://agent/x": "-", "agent:8080/x": "-",
	} {
		list, err := m.ExplainGit(text, "")
		switch {
		case err != nil:
			t.Errorf("%s: %v", text, err)
		case ref == "-" && len(list) > 0, ref != "-" && (len(list) != 1 || list[0].Ref != ref):
			t.Errorf("%s: %+v, want %q", text, list, ref)
		}
	}
	m = loadText(t, "version: 1\n")
	if list, err := m.ExplainGit("agent/x", ""); err != nil || len(list) > 0 {
		t.Errorf("without git: %+v, %v", list, err)
	}
}

// A repository that is not under git is fetched by no route, so its entry is offered.
func TestAnUnnamedRepositoryIsOfferedItsEntry(t *testing.T) {
	m := loadText(t, "version: 1\ngit:\n  forge.example: {repos: [{path: o/r}]}\n")
	for text, want := range map[string]bool{
		"https://forge.example/o/other": true, "forge.example/o/other": true, "https://forge.example/o/r": false,
		"https://forge.example/o/other/pull/1": false, "https://forge.example/": false, "https://other.example/o/other": false, "git@forge.example:o/other": false,
	} {
		list := m.ExplainUnnamed(text)
		if len(list) > 0 != want {
			t.Errorf("%s: %+v", text, list)
		}
		if want && (len(list) != 1 || !strings.Contains(list[0].Allow, "path: 'o/other'")) {
			t.Errorf("%s: %+v", text, list)
		}
	}
}
