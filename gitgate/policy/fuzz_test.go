package policy

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/config"
)

// Where a .gitmodules is read here, another reader finds no URL that is not seen.
func FuzzModules(f *testing.F) {
	f.Add("[submodule \"a\"]\n\tpath = a\n\turl = https://example.com/a\n\tbranch = x\n")
	f.Add("[submodule \"a\"]\nurl=../a\n; x\n[submodule \"b\"]\n  URL = b # c\n")
	f.Add("[submodule \"a\"] url = x\n")
	f.Add("[submodule \"a\"]\nurl = a\\\nb\n")
	f.Fuzz(func(t *testing.T, text string) {
		urls, err := submoduleURLs([]byte(text))
		if err != nil {
			return
		}
		modules := config.NewModules()
		if modules.Unmarshal([]byte(text)) != nil {
			return
		}
		for _, m := range modules.Submodules {
			if m.URL != "" && !slices.Contains(urls, m.URL) {
				t.Errorf("%q has the URL %q, and %q are seen", text, m.URL, urls)
			}
		}
	})
}

// A link that is allowed stays in the tree also where every name in it is a link
// to the tree's root.
func FuzzTarget(f *testing.F) {
	f.Add(2, "../../a")
	f.Add(0, "a/../b")
	f.Add(1, "./../.git")
	f.Fuzz(func(t *testing.T, depth int, target string) {
		if depth < 0 || depth > 20 || badTarget(depth, target) != "" {
			return
		}
		at := strings.Repeat("d/", depth)
		for part := range strings.SplitSeq(target, "/") {
			if at = path.Join(at, part); at == ".." || strings.HasPrefix(at, "../") {
				t.Fatalf("%d folders deep, %q leaves the tree", depth, target)
			}
			if part != "" && part != "." && part != ".." {
				at = ""
			}
		}
	})
}
