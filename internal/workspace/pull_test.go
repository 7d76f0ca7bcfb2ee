package workspace

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pull takes over what is in a copy.
func pull(t *testing.T, c copied, change ...func(*PullOptions)) *Pulled {
	t.Helper()
	opts := PullOptions{Base: c.base, Target: c.target, Host: c.source, ID: "b1", Hold: []string{"bottle.yaml"}}
	for _, f := range change {
		f(&opts)
	}
	out, err := Pull(context.Background(), opts)
	must(t, err)
	return out
}

func dry(o *PullOptions) { o.DryRun = true }

// said has an item a line: what it is, what became of it.
func said(p *Pulled) (lines []string) {
	for state, list := range map[string]List[PullItem]{"taken": p.Taken, "conflict": p.Conflicts, "left": p.Left} {
		for _, i := range list.Items {
			lines = append(lines, strings.TrimSpace(state+" "+string(i.Kind)+" "+i.Path+" "+i.Detail))
		}
	}
	return lines
}

// has checks files of a folder: "-" is none, "@x" a link to x.
func has(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, want := range files {
		at := filepath.Join(dir, name)
		got := "-"
		if st, err := os.Lstat(at); err == nil && st.Mode()&os.ModeSymlink != 0 {
			target, err := os.Readlink(at)
			must(t, err)
			got = "@" + target
		} else if err == nil && st.IsDir() {
			got = "a folder"
		} else if err == nil {
			got = read(t, at)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

type files = map[string]string

// replace writes files in the place of what is there.
func replace(t *testing.T, dir string, list files) {
	t.Helper()
	for name := range list {
		must(t, os.RemoveAll(filepath.Join(dir, name)))
	}
	write(t, dir, list)
}

func TestPullFiles(t *testing.T) {
	for _, test := range []struct {
		name    string
		inside  files // what the agent writes; "-" removes
		outside files // what the person does meanwhile
		want    []string
		host    files // afterwards
	}{
		{"files come, go and change",
			files{"a": "2", "dir/b": "-", "new dir/x": "x", "line\nbreak": "l", "\xff\x1b[2J": "o", "-rf": "d", "ünï/çödé": "u"}, nil,
			[]string{"taken modified a", "taken deleted dir/b", "taken added new dir/x", "taken added line\nbreak", "taken added \xff\x1b[2J", "taken added -rf", "taken added ünï/çödé"},
			files{"a": "2", "dir/b": "-", "new dir/x": "x", "line\nbreak": "l", "\xff\x1b[2J": "o", "-rf": "d", "ünï/çödé": "u"}},
		{"a file that is no text", files{"a": "\x00\xff\r\n\x1a\x00", "n": "\x7fELF\x00\n"}, nil,
			[]string{"taken added n", "taken modified a"}, files{"a": "\x00\xff\r\n\x1a\x00", "n": "\x7fELF\x00\n"}},
		{"a file was renamed", files{"a": "-", "b": "1"}, nil,
			[]string{"taken deleted a", "taken added b"}, files{"a": "-", "b": "1"}},
		{"a folder becomes a file and a file a folder", files{"dir": "f", "a": "-", "a/x": "x"}, nil,
			[]string{"taken deleted dir/b", "taken modified a", "taken added dir", "taken added a/x"}, files{"dir": "f", "a/x": "x"}},
		{"a folder with more of the person's stays", files{"dir": "f"}, files{"dir/mine": "m"},
			[]string{"taken deleted dir/b", "conflict added dir"}, files{"dir/mine": "m", "dir/b": "-", "dir.bottle-b1": "f"}},
		{"both changed a file", files{"a": "agent"}, files{"a": "mine"},
			[]string{"conflict modified a"}, files{"a": "mine", "a.bottle-b1": "agent"}},
		{"both changed it alike", files{"a": "same"}, files{"a": "same"}, nil, files{"a": "same", "a.bottle-b1": "-"}},
		{"both added a file", files{"n": "agent"}, files{"n": "mine"},
			[]string{"conflict added n"}, files{"n": "mine", "n.bottle-b1": "agent"}},
		{"a file that the person changed was deleted", files{"a": "-"}, files{"a": "mine"},
			[]string{"conflict deleted a"}, files{"a": "mine"}},
		{"a file that the person deleted was changed", files{"a": "agent"}, files{"a": "-"},
			[]string{"conflict modified a"}, files{"a": "-", "a.bottle-b1": "agent"}},
		{"both deleted a file", files{"a": "-"}, files{"a": "-"}, nil, files{"a": "-"}},
		{"a person's file that the agent did not touch", files{"b": "b"}, files{"a": "mine"},
			[]string{"taken added b"}, files{"a": "mine", "b": "b"}},
		{"the manifest, in any spelling", files{"bottle.yaml": "evil", "Bottle.yaml": "evil"}, nil,
			[]string{"left modified bottle.yaml", "left added Bottle.yaml"}, files{"bottle.yaml": "version: 1", "Bottle.yaml": "-"}},
		{"links that stay inside", files{"l": "@dir/b", "dir/up": "@../a", "dangling": "@not/there", "dir/here": "@."}, nil,
			[]string{"taken added l", "taken added dir/up", "taken added dangling", "taken added dir/here"}, files{"l": "@dir/b", "dir/up": "@../a", "dangling": "@not/there"}},
		{"links that lead out", files{"abs": "@/etc/passwd", "up": "@../x", "dir/up2": "@../../x", "via": "@mylink/x", "round": "@dir/../../x", "git": "@.git/config", "git2": "@.GIT"}, nil,
			[]string{"left added abs", "left added up", "left added dir/up2", "left added via", "left added round", "left added git", "left added git2"},
			files{"abs": "-", "up": "-", "dir/up2": "-", "via": "-", "round": "-", "git": "-", "git2": "-"}},
		{"links that lead out together", files{"p/q/x": "@y/../../z", "p/q/y": "@../../t", "t/f": "f"}, nil,
			[]string{"left added p/q/x", "taken added p/q/y", "taken added t/f"}, files{"p/q/x": "-", "p/q/y": "@../../t"}},
		{"a link that leads out in the place of a file", files{"a": "@../outside/f"}, nil,
			[]string{"left modified a"}, files{"a": "1"}},
		{"a link of the person's becomes a folder", files{"mylink": "-", "mylink/f": "evil"}, nil,
			[]string{"taken modified mylink", "taken added mylink/f"}, files{"mylink/f": "evil", "../outside/f": "theirs"}},
		{"a link of the person's becomes a file", files{"filelink": "evil"}, nil,
			[]string{"taken modified filelink"}, files{"filelink": "evil", "../outside/f": "theirs"}},
		{"a folder of the project became a link of the person's", files{"dir/new": "evil"}, files{"dir": "@../outside"},
			[]string{"left added dir/new"}, files{"../outside/new": "-", "dir": "@../outside"}},
		{"a file became a link of the person's", files{"a": "evil"}, files{"a": "@../outside/f"},
			[]string{"conflict modified a"}, files{"a": "@../outside/f", "../outside/f": "theirs", "a.bottle-b1": "evil"}},
		{"a link in the place of the version beside", files{"a": "evil"}, files{"a": "mine", "a.bottle-b1": "@../outside/f"},
			[]string{"conflict modified a"}, files{"a.bottle-b1": "@../outside/f", "a.bottle-b1.2": "evil", "../outside/f": "theirs"}},
		{"a person's file of the name of one that is being written", files{"n": "evil"}, files{".bottle-b1.part": "mine"},
			[]string{"taken added n"}, files{"n": "evil", ".bottle-b1.part": "mine"}},
		{"names that some file system takes for .git", files{"git~1/config": "evil", ".g\u200cit/config": "evil", ".git./x": "evil", "sub/.git::$DATA": "evil"}, nil,
			[]string{"left added git~1/config", "left added .g\u200cit/config", "left added .git./x", "left added sub/.git::$DATA"}, files{"git~1": "-", ".git.": "-"}},
		{"a bare repository", files{"bare/HEAD": "ref: refs/heads/main\n", "bare/config": "evil", "bare/objects/x": "", "bare/refs/x": "", "beside": "b"}, nil,
			[]string{"left added bare/HEAD", "taken added bare/config", "taken added bare/objects/x", "taken added bare/refs/x", "taken added beside"}, files{"bare/HEAD": "-"}},
		{"a bare repository in the place of the project", files{"HEAD": "ref: refs/heads/main\n", "config": "evil", "objects/x": "", "refs/x": ""}, nil,
			[]string{"left added HEAD", "taken added config", "taken added objects/x", "taken added refs/x"}, files{"HEAD": "-"}},
		{"names that some file system takes for HEAD", files{"x/head": "1", "x/HEAD.": "1", "x/HE\u200cAD": "1", "x/HEAD::$DATA": "1", "x/HEAD.md": "1"}, nil,
			[]string{"left added x/head", "left added x/HEAD.", "left added x/HE\u200cAD", "left added x/HEAD::$DATA", "taken added x/HEAD.md"}, files{"x/HEAD": "-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "project")
			write(t, top, files{"outside/f": "theirs"})
			write(t, dir, files{"a": "1", "dir/b": "b", "bottle.yaml": "version: 1", "mylink": "@../outside", "filelink": "@../outside/f"})
			c := copyOf(t, dir)
			for at, list := range map[string]files{c.target: test.inside, dir: test.outside} {
				for name, text := range list {
					if text == "-" {
						must(t, os.RemoveAll(filepath.Join(at, name)))
						delete(list, name)
					}
				}
				replace(t, at, list)
			}
			wantList(t, "a dry run", said(pull(t, c, dry)), test.want...)
			wantList(t, "the pull", said(pull(t, c)), test.want...)
			has(t, dir, test.host)
			if !strings.Contains(test.name, "being written") {
				if parts, _ := filepath.Glob(filepath.Join(dir, ".bottle-*")); len(parts) > 0 {
					t.Error("a part of a file was left")
				}
			}
			var open []string
			conflicts := 0
			for _, line := range test.want {
				switch {
				case strings.HasPrefix(line, "conflict "):
					conflicts++
					fallthrough
				case strings.HasPrefix(line, "left "):
					open = append(open, line)
				}
			}
			out := pull(t, c)
			if wantList(t, "a second pull", said(out), open...); out.Kept != conflicts {
				t.Errorf("%d of %d conflicts are kept", out.Kept, conflicts)
			}
		})
	}
}

func TestPullModes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"script": "s", "private": "p", "both": "b"})
	must(t, os.Chmod(filepath.Join(dir, "private"), 0o600))
	c := copyOf(t, dir)
	write(t, c.target, files{"private": "changed", "new": "n", "both": "changed"})
	for name, perm := range map[string]os.FileMode{"script": 0o755, "private": 0o644, "new": 0o755 | os.ModeSetuid | os.ModeSetgid, "both": 0o755} {
		must(t, os.Chmod(filepath.Join(c.target, name), perm))
	}
	must(t, os.Link(filepath.Join(c.target, "new"), filepath.Join(c.target, "hard")))
	must(t, unix.Mkfifo(filepath.Join(c.target, "fifo"), 0o600))
	pull(t, c)
	for name, want := range map[string]os.FileMode{"script": 0o755, "private": 0o600, "new": 0o755, "both": 0o755, "hard": 0o755} {
		st, err := os.Lstat(filepath.Join(dir, name))
		must(t, err)
		if st.Mode() != want {
			t.Errorf("%s has %v, want %v", name, st.Mode(), want)
		}
	}
	has(t, dir, files{"fifo": "-", "private": "changed"})
	if out := pull(t, c, dry); !out.None() {
		t.Errorf("left: %q", said(out))
	}
}

// A second session goes on where the first was pulled.
func TestPullAgain(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"a": "1", "c": "1", "d": "1"})
	c := copyOf(t, dir)
	write(t, c.target, files{"a": "2", "c": "2", "d": "2", "n": "1"})
	write(t, dir, files{"c": "mine"})
	pull(t, c)
	write(t, dir, files{"d": "later"}) // an edit of what came is no conflict by itself
	wantList(t, "nothing is new", said(pull(t, c)), "conflict modified c")
	has(t, dir, files{"d": "later"})
	write(t, c.target, files{"a": "1", "c": "3", "n": "2"}) // a is as it was at first
	wantList(t, "the next", said(pull(t, c)), "taken modified a", "taken modified n", "conflict modified c")
	has(t, dir, files{"a": "1", "n": "2", "c": "mine", "c.bottle-b1": "3"})
	// What an ended pull took before it was recorded is taken.
	base := read(t, c.base)
	write(t, c.target, files{"a": "4"})
	pull(t, c)
	must(t, os.WriteFile(c.base, []byte(base), 0o600))
	wantList(t, "it is there", said(pull(t, c)), "conflict modified c")
}

func TestPullForce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"a": "1", "b": "1", "bottle.yaml": "x"})
	c := copyOf(t, dir)
	write(t, c.target, files{"a": "agent", "bottle.yaml": "evil"})
	must(t, os.Remove(filepath.Join(c.target, "b")))
	write(t, dir, files{"a": "mine", "b": "mine"})
	out := pull(t, c, func(o *PullOptions) { o.Force = true })
	wantList(t, "forced", said(out), "taken modified a", "taken deleted b", "left modified bottle.yaml")
	has(t, dir, files{"a": "agent", "b": "-", "bottle.yaml": "x"})
}

// What a pull took counts as far as the host has it still.
func TestPullAfterLoss(t *testing.T) {
	force := func(o *PullOptions) { o.Force = true }
	for _, test := range []struct {
		name            string
		before, between files    // what the person has when it is pulled, and does then
		want            []string // of the next pull
		lost            int
		host            files // after it
		forced          files // after a forced one
	}{
		{"nothing is gone", nil, nil, nil, 0, files{"a": "2", "b": "-", "n": "n"}, files{"a": "2", "b": "-", "n": "n"}},
		{"a new file is gone", nil, files{"n": "-"}, []string{"taken added n"}, 1, files{"n": "n"}, files{"n": "n"}},
		{"a changed file is as it was", nil, files{"a": "1"}, []string{"taken modified a"}, 1, files{"a": "2"}, files{"a": "2"}},
		{"a changed file is gone", nil, files{"a": "-"}, []string{"taken modified a"}, 1, files{"a": "2"}, files{"a": "2"}},
		{"a deleted file is back", nil, files{"b": "b"}, []string{"taken deleted b"}, 1, files{"b": "-"}, files{"b": "-"}},
		{"a link is gone", nil, files{"l": "-"}, []string{"taken added l"}, 1, files{"l": "@a"}, files{"l": "@a"}},
		{"what came was edited", nil, files{"a": "3", "n": "m"}, nil, 0, files{"a": "3", "n": "m"}, files{"a": "2", "n": "n"}},
		{"a folder is in its place", nil, files{"n": "-", "n/x": "x"}, []string{"conflict added n"}, 1, files{"n/x": "x", "n.bottle-b1": "n"}, files{"n/x": "x"}},
		{"a conflict as it was", files{"a": "mine"}, nil, []string{"conflict modified a"}, 0, files{"a": "mine", "a.bottle-b1": "2"}, files{"a": "2", "a.bottle-b1": "-"}},
		{"a conflict without what was beside", files{"a": "mine"}, files{"a.bottle-b1": "-"}, []string{"conflict modified a"}, 1, files{"a": "mine", "a.bottle-b1": "2"}, files{"a": "2"}},
		{"a conflict that was edited beside", files{"a": "mine"}, files{"a.bottle-b1": "both"}, []string{"conflict modified a"}, 0, files{"a": "mine", "a.bottle-b1": "both"}, files{"a": "2", "a.bottle-b1": "both"}},
		{"a conflict that was merged", files{"a": "mine"}, files{"a": "both", "a.bottle-b1": "-"}, nil, 0, files{"a": "both", "a.bottle-b1": "-"}, files{"a": "2"}},
		{"a conflict that was merged, with what was beside", files{"a": "mine"}, files{"a": "both"}, []string{"conflict modified a"}, 0, files{"a": "both", "a.bottle-b1": "2"}, files{"a": "2"}},
		{"a conflict that was decided for the agent", files{"a": "mine"}, files{"a": "2", "a.bottle-b1": "-"}, nil, 0, files{"a": "2", "a.bottle-b1": "-"}, files{"a": "2"}},
		{"a conflict of which both are gone", files{"a": "mine"}, files{"a": "-", "a.bottle-b1": "-"}, []string{"conflict modified a"}, 1, files{"a": "-", "a.bottle-b1": "2"}, files{"a": "2"}},
		{"a conflict about a deleted file", files{"b": "mine"}, nil, []string{"conflict deleted b"}, 0, files{"b": "mine"}, files{"b": "-"}},
		{"a deleted file that went on", files{"b": "mine"}, files{"b": "more"}, nil, 0, files{"b": "more"}, files{"b": "-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, files{"a": "1", "b": "b", "untouched": "1"})
			c := copyOf(t, dir)
			write(t, c.target, files{"a": "2", "n": "n", "l": "@a"})
			must(t, os.Remove(filepath.Join(c.target, "b")))
			write(t, dir, test.before)
			pull(t, c)
			for _, name := range slices.Sorted(maps.Keys(test.between)) {
				text := test.between[name]
				must(t, os.RemoveAll(filepath.Join(dir, name)))
				if text != "-" {
					write(t, dir, files{name: text})
				}
			}
			write(t, dir, files{"untouched": "mine"})
			out := pull(t, c, dry)
			if wantList(t, "a dry run", said(out), test.want...); out.Lost() != test.lost {
				t.Errorf("%d would be lost, want %d", out.Lost(), test.lost)
			}
			wantList(t, "the pull", said(pull(t, c)), test.want...)
			has(t, dir, test.host)
			if out = pull(t, c, dry); out.Lost() != 0 {
				t.Errorf("after it would be lost: %q", said(out))
			}
			pull(t, c, force)
			has(t, dir, test.forced)
			has(t, dir, files{"untouched": "mine"})
		})
	}
}

// A mode that was taken and is as it was before is taken again, and one that the
// person gave to other content is theirs.
func TestPullModesAfterLoss(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"script": "s", "both": "b"})
	c := copyOf(t, dir)
	write(t, c.target, files{"both": "changed"})
	for _, name := range []string{"script", "both"} {
		must(t, os.Chmod(filepath.Join(c.target, name), 0o755))
	}
	pull(t, c)
	for _, name := range []string{"script", "both"} {
		must(t, os.Chmod(filepath.Join(dir, name), 0o644))
	}
	wantList(t, "after the loss", said(pull(t, c)), "taken executable script")
	wantList(t, "forced", said(pull(t, c, func(o *PullOptions) { o.Force = true })), "taken executable both")
	if out := pull(t, c); !out.None() {
		t.Errorf("left: %q", said(out))
	}
}

func TestPullDryWritesNothing(t *testing.T) {
	dir := newRepo(t, files{"a": "1", "b": "1"})
	c := copyOf(t, dir)
	write(t, c.target, files{"a": "2", "n": "n", "b": "2"})
	git(t, c.target, "commit", "-qam", "x")
	write(t, dir, files{"b": "mine"})
	before, base := tree(t, dir), read(t, c.base)
	pull(t, c, dry)
	wantList(t, "the folder", tree(t, dir), before...)
	has(t, dir, files{"a": "1", "b": "mine", ".git/refs/bottle": "-"})
	if read(t, c.base) != base {
		t.Error("the base changed")
	}
}

func TestPullSaysWhatIsIgnored(t *testing.T) {
	dir := newRepo(t, files{"a": "1", ".gitignore": "*.o\ndist/\n"})
	c := copyOf(t, dir)
	write(t, c.target, files{"dist/x": "", "dist/y/z": "", "a.o": ""})
	out := pull(t, c)
	if len(out.Ignored.Items) != 2 || out.Ignored.Items[1] != (Ignored{"dist", 2, false}) || !out.None() {
		t.Errorf("ignored: %+v, %q", out.Ignored.Items, said(out))
	}
	has(t, dir, files{"dist": "-", "a.o": "-"})
}

func TestPullStops(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"a": "1"})
	c := copyOf(t, dir)
	base := read(t, c.base)
	write(t, c.target, files{"a": "2"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Pull(ctx, PullOptions{Base: c.base, Target: c.target, Host: dir, ID: "b1"})
	if !errors.Is(err, context.Canceled) || read(t, c.base) != base {
		t.Errorf("err = %v", err)
	}
	must(t, os.Remove(c.base))
	if _, err := Pull(context.Background(), PullOptions{Base: c.base, Target: c.target, Host: dir}); !errors.Is(err, ErrNoBase) {
		t.Errorf("no base: %v", err)
	}
}

// Root takes over into somebody else's folder what that one can use.
func TestPullAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root writes files of others")
	}
	const other = 12345
	dir := newRepo(t, files{"a": "1", "d/x": "1"})
	c := copyOf(t, dir)
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, other, other)
		}
		return err
	}))
	write(t, c.target, files{"a": "2", "new/y": "1", "l": "@a"})
	agentCommits(t, c.target, "n", "1")
	pull(t, c)
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != other {
			t.Errorf("%s is root's", path)
		}
		return err
	}))
}

// What a person makes of the file beside theirs stays, whatever the agent does.
func TestPullBesideWhatThePersonMerged(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"a": "1"})
	c := copyOf(t, dir)
	write(t, dir, files{"a": "mine"})
	for _, step := range []struct {
		agent, merged string // what the person writes into the file beside before it is pulled
		as            string
		host          files
	}{
		{"agent", "", "a.bottle-b1", files{"a.bottle-b1": "agent"}},
		{"agent 2", "", "a.bottle-b1", files{"a.bottle-b1": "agent 2", "a.bottle-b1.2": "-"}},
		{"agent 3", "hours of work", "a.bottle-b1.2", files{"a.bottle-b1": "hours of work", "a.bottle-b1.2": "agent 3"}},
		{"agent 4", "", "a.bottle-b1.2", files{"a.bottle-b1": "hours of work", "a.bottle-b1.2": "agent 4", "a.bottle-b1.3": "-"}},
	} {
		write(t, c.target, files{"a": step.agent})
		if step.merged != "" {
			write(t, dir, files{"a.bottle-b1": step.merged})
		}
		for range 2 {
			out := pull(t, c)
			if len(out.Conflicts.Items) != 1 || out.Conflicts.Items[0].As != step.as {
				t.Errorf("%s: %+v", step.agent, out.Conflicts.Items)
			}
			has(t, dir, step.host)
		}
		has(t, dir, files{"a": "mine"})
	}
}
