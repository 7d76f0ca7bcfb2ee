package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheIndexHasEveryPage(t *testing.T) {
	index, err := Pages.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		name := e.Name()
		if name == "README.md" || strings.HasSuffix(name, ".go") {
			continue
		}
		if n := strings.Count(string(index), "]("+name+")"); n != 1 {
			t.Errorf("docs/README.md names %s %d times", name, n)
		}
	}
}

// anchors returns the anchors of a page, as code hosts make them.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(m[1]), "")
		found[strings.ReplaceAll(name, " ", "-")] = true
	}
	return found
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(pages, "../README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(string(text), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			path := filepath.Join(filepath.Dir(name), file)
			if file == "" {
				path = name
			}
			target, err := os.ReadFile(path)
			if info, serr := os.Stat(path); serr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if anchor != "" && !anchors(string(target))[anchor] {
				t.Errorf("%s: %s has no #%s", name, file, anchor)
			}
		}
	}
}
