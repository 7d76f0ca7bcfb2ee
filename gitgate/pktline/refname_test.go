package pktline

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/bot-bottle/bottle/internal/needs"
)

var (
	goodRefs = []string{"refs/heads/main", "refs/heads/agent/fix-1", "refs/tags/v1.2", "refs/notes/commits", "refs/heads/a@b", "refs/heads/ünï", "refs/for/main%topic",
		"refs/heads/" + strings.Repeat("a", MaxRefName-11)}
	badRefs = []string{"", "refs", "refs/", "refs/a", "refs/heads/", "refs/heads//a", "/refs/heads/a", "heads/main", "HEAD", "refs/heads/..", "refs/heads/a..b",
		"refs/heads/.a", "refs/heads/a/.b", "refs/heads/a.", "refs/heads/a.lock", "refs/heads/a.lock/b", "refs/heads/a b", "refs/heads/a~1", "refs/heads/a^",
		"refs/heads/a:b", "refs/heads/a?", "refs/heads/*", "refs/heads/[a", `refs/heads/a\b`, "refs/heads/@{1}", "refs/heads/a@{b", "refs/heads/@", "refs/@/a",
		"refs/heads/a\x00", "refs/heads/a\n", "refs/heads/a\x7f", "refs/heads/-a", "refs/tags/-a", "refs/heads/a\u00a0", "refs/heads/a\u200b", "refs/heads/\u202eniam", "refs/heads/a\xff",
		"refs/heads/" + strings.Repeat("a", MaxRefName)}
)

func TestTheNamesOfRefs(t *testing.T) {
	for _, name := range goodRefs {
		if err := CheckRefName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range badRefs {
		if CheckRefName(name) == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

// What is accepted here must be a name to git, too.
func TestGitAcceptsTheNamesOfRefs(t *testing.T) {
	git := needs.Program(t, "git")
	for _, name := range append(goodRefs, badRefs...) {
		if strings.Contains(name, "\x00") || CheckRefName(name) != nil {
			continue
		}
		if err := exec.Command(git, "check-ref-format", name).Run(); err != nil {
			t.Errorf("git does not take %q", name)
		}
	}
}

func FuzzRefName(f *testing.F) {
	for _, name := range append(goodRefs, badRefs...) {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckRefName(name) != nil {
			return
		}
		if err := plumbing.ReferenceName(name).Validate(); err != nil {
			t.Errorf("go-git does not take %q", name)
		}
		if _, _, err := read(packets(zero+" "+one+" "+name, "")); err != nil {
			t.Errorf("%q cannot be pushed: %v", name, err)
		}
	})
}
