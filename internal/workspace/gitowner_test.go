package workspace

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// takers are the two ways that a git folder gets into a bottle.
var takers = map[string]func(context.Context, Options) (Report, error){
	"Copy": Copy,
	"PrepareGit": func(ctx context.Context, o Options) (Report, error) {
		p, err := PrepareGit(ctx, o)
		return p.Report, err
	},
}

// Each is a workspace as somebody else's archive may unpack to; private is a
// repository that it must not fetch.
func TestWorkspaceCannotNameAnotherRepository(t *testing.T) {
	for name, attack := range map[string]struct {
		make func(t *testing.T, dir, private string)
		says string
	}{
		"a .git file that names it": {func(t *testing.T, dir, private string) {
			write(t, dir, map[string]string{".git": "gitdir: " + private + "/.git\n"})
		}, "which does not name this workspace"},
		"a .git file that names a linked worktree of it": {func(t *testing.T, dir, private string) {
			git(t, private, "worktree", "add", "-q", "-b", "side", filepath.Join(t.TempDir(), "wt"))
			write(t, dir, map[string]string{".git": "gitdir: " + private + "/.git/worktrees/wt\n"})
		}, "git worktree repair"},
		"a .git file that names a submodule of it": {func(t *testing.T, dir, private string) {
			git(t, private, "submodule", "add", "-q", newRepo(t, map[string]string{"lib": "stolen"}), "lib")
			write(t, dir, map[string]string{".git": "gitdir: " + private + "/.git/modules/lib\n"})
		}, "which does not name this workspace"},
		"a .git that is a link to it": {func(t *testing.T, dir, private string) {
			write(t, dir, map[string]string{".git": "@" + private + "/.git"})
		}, "it is a symbolic link"},
		"a .git that is a link to a folder of the workspace": {func(t *testing.T, dir, _ string) {
			git(t, dir, "init", "-q", "inner")
			write(t, dir, map[string]string{".git": "@inner/.git"})
		}, "it is a symbolic link"},
		"a .git file that leads to it by a link": {func(t *testing.T, dir, private string) {
			write(t, dir, map[string]string{".git": "gitdir: sub/.git\n", "sub": "@" + private})
		}, "which does not name this workspace"},
		"a commondir that names it": {func(t *testing.T, dir, private string) {
			write(t, dir, map[string]string{
				".git/HEAD": "ref: refs/heads/main\n", ".git/commondir": private + "/.git\n", ".git/gitdir": dir + "/.git\n",
			})
		}, "which does not name this workspace"},
		"a worktree of its own that names it back, with its commondir": {func(t *testing.T, dir, private string) {
			write(t, dir, map[string]string{
				".git": "gitdir: my/worktrees/x\n", "my/worktrees/x/HEAD": "ref: refs/heads/main\n",
				"my/worktrees/x/commondir": private + "/.git\n", "my/worktrees/x/gitdir": dir + "/.git\n",
			})
		}, "which does not name this workspace"},
		"alternates that name its objects": {func(t *testing.T, dir, private string) {
			git(t, dir, "init", "-q", "-b", "main")
			write(t, dir, map[string]string{".git/objects/info/alternates": private + "/.git/objects\n"})
		}, "git repack -a -d"},
		"alternates of alternates that name its objects": {func(t *testing.T, dir, private string) {
			git(t, dir, "init", "-q", "-b", "main")
			write(t, dir, map[string]string{
				".git/objects/info/alternates": "../../middle\n", "middle/info/alternates": rel(t, filepath.Join(dir, "middle"), private) + "/.git/objects\n",
			})
		}, "git repack -a -d"},
		"objects that are a link to its objects": {func(t *testing.T, dir, private string) {
			git(t, dir, "init", "-q", "-b", "main")
			must(t, os.RemoveAll(filepath.Join(dir, ".git/objects")))
			write(t, dir, map[string]string{".git/objects": "@" + private + "/.git/objects"})
		}, "objects leads to"},
	} {
		for taker, take := range takers {
			t.Run(name+", "+taker, func(t *testing.T) {
				private := newRepo(t, map[string]string{"secret": "stolen"})
				dir := resolved(t, t.TempDir())
				attack.make(t, dir, private)
				opts := options(t, dir)
				_, err := take(context.Background(), opts)
				if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), attack.says) {
					t.Errorf("err = %v, want ErrForeign that says %q", err, attack.says)
				}
				left, err := os.ReadDir(opts.Target)
				if err != nil && !errors.Is(err, os.ErrNotExist) || len(left) > 0 {
					t.Errorf("left in the target: %v, %v", left, err)
				}
				if _, err := os.Stat(opts.Base); err == nil {
					t.Error("there is a base")
				}
			})
		}
	}
}

// rel is the way from a folder without links to a path.
func rel(t *testing.T, from, path string) string {
	t.Helper()
	way, err := filepath.Rel(from, resolved(t, path))
	must(t, err)
	return way
}

func resolved(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	must(t, err)
	return path
}

func TestGitFolderThatNamesTheWorkspaceBackIsTaken(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T) string{
		"a linked worktree": func(t *testing.T) string {
			wt := filepath.Join(t.TempDir(), "wt")
			git(t, newRepo(t, map[string]string{"a": "1"}), "worktree", "add", "-q", "-b", "side", wt)
			return wt
		},
		"a linked worktree of a bare repository": func(t *testing.T) string {
			dir := t.TempDir()
			git(t, dir, "clone", "-q", "--bare", newRepo(t, map[string]string{"a": "1"}), "bare")
			git(t, filepath.Join(dir, "bare"), "worktree", "add", "-q", "-b", "side", "../wt")
			return filepath.Join(dir, "wt")
		},
		"a linked worktree with relative paths": func(t *testing.T) string {
			dir := newRepo(t, map[string]string{"a": "1"})
			wt := filepath.Join(filepath.Dir(dir), "wt")
			git(t, dir, "worktree", "add", "-q", "-b", "side", wt)
			write(t, wt, map[string]string{".git": "gitdir: ../src/.git/worktrees/wt\n"})
			write(t, dir, map[string]string{".git/worktrees/wt/gitdir": "../../../../wt/.git\n"})
			return wt
		},
		"a linked worktree named through a link": func(t *testing.T) string {
			dir := t.TempDir()
			wt := filepath.Join(dir, "real")
			git(t, newRepo(t, map[string]string{"a": "1"}), "worktree", "add", "-q", "-b", "side", wt)
			write(t, dir, map[string]string{"link": "@real"})
			return filepath.Join(dir, "link")
		},
		"a submodule": func(t *testing.T) string {
			dir := newRepo(t, map[string]string{"x": ""})
			git(t, dir, "submodule", "add", "-q", newRepo(t, map[string]string{"a": "1"}), "lib")
			return filepath.Join(dir, "lib")
		},
		"a submodule with a sparse checkout": func(t *testing.T) string {
			dir := newRepo(t, map[string]string{"x": ""})
			git(t, dir, "submodule", "add", "-q", newRepo(t, map[string]string{"a": "1"}), "lib")
			lib := filepath.Join(dir, "lib")
			git(t, lib, "sparse-checkout", "set", "--no-cone", "/a")
			return lib
		},
		"a linked worktree of a submodule": func(t *testing.T) string {
			dir, wt := newRepo(t, map[string]string{"x": ""}), filepath.Join(t.TempDir(), "wt")
			git(t, dir, "submodule", "add", "-q", newRepo(t, map[string]string{"a": "1"}), "lib")
			git(t, filepath.Join(dir, "lib"), "worktree", "add", "-q", "-b", "side", wt)
			return wt
		},
		"a folder of the workspace": func(t *testing.T) string {
			dir := newRepo(t, map[string]string{"a": "1"})
			must(t, os.Rename(filepath.Join(dir, ".git"), filepath.Join(dir, ".bare")))
			write(t, dir, map[string]string{".git": "gitdir: .bare\n"})
			return dir
		},
		"its own, with alternates in the workspace": func(t *testing.T) string {
			dir := newRepo(t, map[string]string{"a": "1"})
			must(t, os.Rename(filepath.Join(dir, ".git/objects"), filepath.Join(dir, "pool")))
			write(t, dir, map[string]string{".git/objects/info/alternates": "../../pool\n"})
			return dir
		},
	} {
		for taker, take := range takers {
			t.Run(name+", "+taker, func(t *testing.T) {
				dir := prepare(t)
				want := git(t, dir, "log", "--format=%H")
				opts := options(t, dir)
				report, err := take(context.Background(), opts)
				must(t, err)
				wantList(t, "repositories", report.Repositories.Items, ".")
				if got := git(t, opts.Target, "log", "--format=%H"); got != want {
					t.Errorf("log: %s, want %s", got, want)
				}
			})
		}
	}
}

// TestSeparateGitFolderHasAWayOut does what the refusal says.
func TestSeparateGitFolderHasAWayOut(t *testing.T) {
	needGit(t)
	for taker, take := range takers {
		t.Run(taker, func(t *testing.T) {
			base := resolved(t, t.TempDir())
			dir := filepath.Join(base, "it's")
			git(t, base, "init", "-q", "-b", "main", "--separate-git-dir", filepath.Join(base, "elsewhere.git"), dir)
			write(t, dir, map[string]string{"file": "x"})
			git(t, dir, "add", ".")
			git(t, dir, "commit", "-q", "-m", "first")
			_, err := take(context.Background(), options(t, dir))
			if !errors.Is(err, ErrForeign) {
				t.Fatalf("err = %v, want ErrForeign", err)
			}
			_, rest, _ := strings.Cut(err.Error(), "--separate-git-dir, run ")
			command, _, found := strings.Cut(rest, ", which")
			if !found {
				t.Fatalf("there is no command in %v", err)
			}
			if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
			git(t, dir, "status")
			if report, err := take(context.Background(), options(t, dir)); err != nil || report.Repositories.Total != 1 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}
