package policy

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// A value with slashes, of which base64 has some too.
const slashed = "abc/def-ghi/Kq9?~x2??>>7?vB8"

func slashedWorld(t *testing.T) *world {
	w := newWorld(t)
	w.known = []dlp.Known{{Name: "path", Value: slashed}}
	return w
}

func TestAPathThatSpellsASecretIsRefused(t *testing.T) {
	encoded := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(slashed)), "=")
	if !strings.Contains(encoded, "/") {
		t.Fatal("the example has no slash in base64")
	}
	for what, c := range map[string]struct{ path, shown string }{
		"a file":                   {slashed, "[…]/[…]/[…]"},
		"a file in a folder":       {"src/" + slashed, "src/[…]/[…]/[…]"},
		"more at both ends":        {"src/x-" + slashed + ".txt", "src/[…]/[…]/[…]"},
		"folders":                  {slashed + "/a/b.txt", "[…]/[…]/[…]"},
		"base64":                   {"z/" + encoded, "z/[…]/[…]"},
		"base64 in a longer name":  {"z/" + encoded + ".txt", "z/[…]/[…]"},
		"what comes after another": {"abc/def-ghi/abc/" + slashed[4:], "abc/def-ghi/[…]/[…]/[…]"},
	} {
		t.Run(what, func(t *testing.T) {
			w := slashedWorld(t)
			w.upload(w.commit("first", "a", "1\n") + ":refs/heads/main")
			w.commit("second", c.path, "2\n")
			refused(t, what, w.decide(open, "HEAD:refs/heads/work"), RuleSecret, w.git("rev-parse", "--short=12", "HEAD")+":"+c.shown+" known-secret (path) as the path of a file")
			w.commit("taken out again", c.path, "")
			refused(t, what+" in a commit between", w.decide(open, "HEAD:refs/heads/work"), RuleSecret, c.shown)
		})
	}
}

// The server has the parts, and the push moves them under each other.
func TestAPathThatIsPutTogetherIsRefused(t *testing.T) {
	w := slashedWorld(t)
	_, below, _ := strings.Cut(slashed, "/")
	w.upload(w.commit("first", "x/"+below+"/a.txt", "1\n", "other", "1\n") + ":refs/heads/main")
	w.git("mv", "x", "abc")
	w.commit("moved")
	refused(t, "a folder that is named anew", w.decide(open, "HEAD:refs/heads/work"), RuleSecret, ":[…]/[…]/[…] known-secret (path)")
}

func TestAPathThatSpellsNoSecretPasses(t *testing.T) {
	first, below, _ := strings.Cut(slashed, "/")
	second, third, _ := strings.Cut(below, "/")
	for what, files := range map[string][]string{
		"the parts in other folders":    {"a/" + first, "1", "b/" + second, "1", "c/" + third, "1"},
		"the parts in another order":    {third + "/" + second + "/" + first, "1"},
		"the first parts":               {first + "/" + second + "/x", "1"},
		"something between":             {first + "/" + second + "/x/" + third, "1"},
		"a longer name in the middle":   {first + "/x" + second + "/" + third, "1"},
		"a longer name in the middle 2": {first + "/" + second + "x/" + third, "1"},
	} {
		t.Run(what, func(t *testing.T) {
			w := slashedWorld(t)
			w.upload(w.commit("first", "a0", "1\n") + ":refs/heads/main")
			w.commit("second", files...)
			allowed(t, what, w.decide(open, "HEAD:refs/heads/work"))
		})
	}
}

func TestAPathThatTheServerHasIsNotNew(t *testing.T) {
	w := slashedWorld(t)
	w.upload(w.commit("first", slashed+"/a.txt", "1\n") + ":refs/heads/main")
	w.commit("changed, and one beside", slashed+"/a.txt", "2\n", slashed+"/b.txt", "3\n")
	allowed(t, "a file below", w.decide(open, "HEAD:refs/heads/work"))
	w.commit("elsewhere", "x/"+slashed+"/a.txt", "2\n")
	refused(t, "at another path", w.decide(open, "HEAD:refs/heads/work"), RuleSecret, ":x/[…]/[…]/[…] known-secret (path)")
}

// Other reasons do not show it either, as the leak check of decide sees.
func TestAPathThatSpellsASecretIsShownNowhere(t *testing.T) {
	w := slashedWorld(t)
	w.upload(w.commit("first", "a", "1\n") + ":refs/heads/main")
	w.commit("second", slashed, "2\n")
	r := w.decide(Rules{Create: open.Create, Files: Files{Deny: []string{"abc/**"}}}, "HEAD:refs/heads/work")
	refused(t, "a path that may not be changed", r, RuleSecret, "[…]/[…]/[…] this path may not be changed")
}
