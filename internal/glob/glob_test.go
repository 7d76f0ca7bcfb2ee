package glob

import (
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		match, below  bool
	}{
		{"a/b", "a/b", true, false},
		{"a/b", "a", false, true},
		{"a/b", "b", false, false},
		{"a/b/c", "a/x", false, false},
		{"a/*", "a/b", true, false},
		{"a/*", "a/b/c", false, false},
		{"a/*c", "a/abc", true, false},
		{"a/**", "a", true, true},
		{"a/**", "a/b/c", true, true},
		{"**/x", "a/b/x", true, true},
		{"**/x", "x", true, true},
		{"a/**/x", "a/b/c", false, true},
		{"a/**/x/**/y", "a/x/b/x/y", true, true},
		{"*", "a", true, false},
	} {
		pattern, path := strings.Split(c.pattern, "/"), strings.Split(c.path, "/")
		if got := Match(pattern, path); got != c.match {
			t.Errorf("%s matches %s: %v", c.pattern, c.path, got)
		}
		if got := Below(pattern, path); got != c.below {
			t.Errorf("%s may match below %s: %v", c.pattern, c.path, got)
		}
	}
}

// A match below a path is never ruled out.
func FuzzBelow(f *testing.F) {
	f.Add("a/**/b", "a/c/b")
	f.Add("*x/**", "yx/z")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, s := strings.Split(pattern, "/"), strings.Split(path, "/")
		if len(p) > 8 || len(s) > 8 || !Match(p, s) {
			return
		}
		for i := range len(s) {
			if !Below(p, s[:i]) {
				t.Errorf("%s matches %s, but not below %v", pattern, path, s[:i])
			}
		}
	})
}
