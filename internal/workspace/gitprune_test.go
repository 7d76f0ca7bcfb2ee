package workspace

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const amended = "token_0123456789abcdef"

// secretFinder is a scanner that knows one value.
type secretFinder struct{ buf bytes.Buffer }

func (f *secretFinder) Reset() { f.buf.Reset() }
func (f *secretFinder) Write(p []byte) []Match {
	f.buf.Write(p)
	return nil
}
func (f *secretFinder) Close() []Match {
	if i := bytes.Index(f.buf.Bytes(), []byte(amended)); i >= 0 {
		return []Match{{Rule: "known", Name: "token", Offset: int64(i)}}
	}
	return nil
}

// holds reports whether git finds a text in any object of a repository, one
// that nothing leads to as well.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	return strings.Contains(git(t, dir, "cat-file", "--batch-all-objects", "--batch"), text)
}

// TestUnreachableObjectsStayBehind has what was taken back before anybody saw it.
func TestUnreachableObjectsStayBehind(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, dir string)
	}{
		{"loose objects", func(*testing.T, string) {}},
		{"all in one pack, as deltas of each other", func(t *testing.T, dir string) { git(t, dir, "repack", "-q", "-a", "-d", "-k", "-f") }},
		{"with all that speeds git up", func(t *testing.T, dir string) {
			git(t, dir, "repack", "-q", "-a", "-d", "-k", "-f", "--write-bitmap-index")
			git(t, dir, "multi-pack-index", "write")
			git(t, dir, "commit-graph", "write", "--reachable")
		}},
		{"packs of the unreachable alone", func(t *testing.T, dir string) { git(t, dir, "gc", "-q", "--cruft", "--prune=never") }},
		{"a commit that was reset away", func(t *testing.T, dir string) {
			write(t, dir, map[string]string{"other.env": amended})
			git(t, dir, "add", "-A")
			git(t, dir, "commit", "-q", "-m", "oops")
			git(t, dir, "reset", "-q", "--hard", "HEAD~1")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Repeat("a line of the file that all versions share\n", 200)
			dir := newRepo(t, map[string]string{"a": text, "b/c": "1"})
			write(t, dir, map[string]string{".env": "TOKEN=" + amended, "a2": text + amended})
			git(t, dir, "add", "-A")
			git(t, dir, "commit", "-q", "-m", "oops")
			must(t, os.Remove(filepath.Join(dir, ".env")))
			must(t, os.WriteFile(filepath.Join(dir, "a2"), []byte(text+"more\n"), 0o600))
			git(t, dir, "add", "-A")
			git(t, dir, "commit", "-q", "--amend", "-m", "second")
			write(t, dir, map[string]string{"stashed": "work in progress", "b/staged": "staged"})
			git(t, dir, "add", "b/staged")
			git(t, dir, "stash", "-q", "-u")
			git(t, dir, "stash", "apply", "-q", "--index")
			git(t, dir, "tag", "-a", "v1", "-m", "a tag")
			git(t, dir, "branch", "other", "HEAD~1")
			tt.do(t, dir)
			if !holds(t, dir, amended) {
				t.Fatal("the source has lost what was amended")
			}
			c := copyOf(t, dir)
			if holds(t, c.target, amended) {
				t.Error("the copy holds what was amended away")
			}
			if c.Dropped == 0 || c.Kept.Total > 0 {
				t.Errorf("dropped %d, kept %v", c.Dropped, c.Kept.Items)
			}
			git(t, c.target, "fsck", "--full", "--strict")
			for _, args := range [][]string{{"log", "--all", "--stat", "--format=%H"}, {"status", "--porcelain"}, {"stash", "list", "--format=%H"}, {"diff", "--cached"}, {"show-ref"}} {
				if got, want := git(t, c.target, args...), git(t, dir, args...); got != want {
					t.Errorf("git %s:\n got %s\nwant %s", strings.Join(args, " "), got, want)
				}
			}
			if w := changed(t, c); !w.None() {
				t.Errorf("changed before anything was done: %+v", w.Changes.Items)
			}
		})
	}
}

func TestHistoryIsSearched(t *testing.T) {
	dir := newRepo(t, map[string]string{"a": "1", "deep/.env": "x\nTOKEN=" + amended})
	commit := strings.TrimSpace(git(t, dir, "rev-parse", "HEAD"))
	git(t, dir, "rm", "-q", "-r", "deep")
	git(t, dir, "commit", "-q", "-m", "take it out")
	git(t, dir, "gc", "-q")
	write(t, dir, map[string]string{"staged": amended})
	git(t, dir, "add", "-A")
	must(t, os.WriteFile(filepath.Join(dir, "staged"), nil, 0o600))
	scan := func(o *Options) { o.Scan = func() FileScanner { return &secretFinder{} } }
	c := copyOf(t, dir, scan)
	want := []Secret{
		{Path: "deep/.env", Commit: commit, Line: 2, Rule: "known", Name: "token"},
		{Path: "staged", Commit: "index", Line: 1, Rule: "known", Name: "token"},
	}
	if !slices.Equal(c.Secrets.Items, want) {
		t.Errorf("got %+v, want %+v", c.Secrets.Items, want)
	}
	if c.Unsearched != 0 || c.Dropped != 0 {
		t.Errorf("unsearched %d, dropped %d", c.Unsearched, c.Dropped)
	}
}

func TestHistoryThatIsTooLarge(t *testing.T) {
	repo := newRepo(t, map[string]string{"a": "1", "b": strings.Repeat("x", 1000)})
	write(t, repo, map[string]string{".env": amended})
	git(t, repo, "add", "-A")
	git(t, repo, "commit", "-q", "-m", "oops")
	git(t, repo, "reset", "-q", "--hard", "HEAD~1")
	for _, tt := range []struct {
		name             string
		limits           historyLimits
		kept, unsearched int
	}{
		{"no limit is met", historyLimits{objects: 1000, time: time.Minute, scanned: 1 << 20, blob: 1 << 20}, 0, 0},
		{"too many objects", historyLimits{objects: 3, time: time.Minute, scanned: 1 << 20, blob: 1 << 20}, 1, 0},
		{"no time", historyLimits{objects: 1000, scanned: 1 << 20, blob: 1 << 20}, 1, 0},
		{"a file that is too large", historyLimits{objects: 1000, time: time.Minute, scanned: 1 << 20, blob: 100}, 0, 1},
		{"more than is scanned in all", historyLimits{objects: 1000, time: time.Minute, scanned: 1, blob: 1 << 20}, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := options(t, repo)
			opts.Scan = func() FileScanner { return &secretFinder{} }
			r, err := start(context.Background(), opts, func(c *copier, src, dst *dir) error {
				c.history = tt.limits
				w := walk{ctx: c.ctx, v: c}
				return w.tree(src, ".", 0, scope{})
			})
			must(t, err)
			if r.Kept.Total != tt.kept || r.Unsearched != int64(tt.unsearched) {
				t.Errorf("kept %+v, unsearched %d", r.Kept.Items, r.Unsearched)
			}
			if got := holds(t, opts.Target, amended); got != (tt.kept > 0) {
				t.Errorf("the copy holds what was reset: %v", got)
			}
			git(t, opts.Target, "fsck")
		})
	}
}
