package paths_test

import (
	"testing"

	"github.com/bot-bottle/bottle/internal/paths"
)

func TestBelow(t *testing.T) {
	for _, tt := range []struct {
		name, dir string
		want      bool
	}{
		{"/a/b", "/a", true},
		{"/a/b/c", "/a/", true},
		{"/a", "/", true},
		{"/a", "/a", false},
		{"/ab", "/a", false},
		{"/", "/a", false},
	} {
		if got := paths.Below(tt.name, tt.dir); got != tt.want {
			t.Errorf("Below(%q, %q) = %v", tt.name, tt.dir, got)
		}
	}
}
