package verify

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page says for each threat which attack shows that it is held: each attack stands
// for one, and none is named that there is not.
func TestEachAttackStandsForAThreatOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## Threats\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var named []string
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) == 6 {
			for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[3], -1) {
				named = append(named, m[1])
			}
		}
	}
	var want []string
	for _, a := range attacks {
		want = append(want, a.name)
	}
	slices.Sort(named)
	if slices.Sort(want); !slices.Equal(named, want) {
		t.Errorf("docs/security.md names %q, and there are %q", named, want)
	}
}
