package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCopyOfAPlainFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "content", "sub/run": "#!/bin/sh", "sub/empty": "", "sub/to-a": "@../a", "abs": "@/etc/passwd",
		"out": "@../../x", "sub/out": "@../../x", "loop": "@loop", "up": "@.", "dangling": "@no/where", ".gitignore": "*"})
	must(t, os.Mkdir(filepath.Join(dir, "nothing"), 0o750))
	must(t, os.Chmod(filepath.Join(dir, "sub/run"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "sub"), 0o500))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "sub"), 0o700) })
	old := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	for _, name := range []string{"a", "sub", "nothing"} {
		must(t, os.Chtimes(filepath.Join(dir, name), old, old))
	}
	c := copyOf(t, dir)
	t.Cleanup(func() { must(t, Remove(context.Background(), c.target)) })
	wantList(t, "files", tree(t, c.target), tree(t, dir)...)
	for name, mode := range map[string]fs.FileMode{"a": 0o644, "sub/run": 0o755, "sub": fs.ModeDir | 0o500, "nothing": fs.ModeDir | 0o750} {
		st, err := os.Stat(filepath.Join(c.target, name))
		must(t, err)
		if st.Mode() != mode {
			t.Errorf("mode of %s is %v, want %v", name, st.Mode(), mode)
		}
		if name != "sub/run" && !st.ModTime().Equal(old) {
			t.Errorf("time of %s is %v, want %v", name, st.ModTime(), old)
		}
	}
	if got := read(t, c.target, "a"); got != "content" {
		t.Errorf("a is %q", got)
	}
	if got, err := os.Readlink(filepath.Join(c.target, "sub/to-a")); err != nil || got != "../a" {
		t.Errorf("the link is %q, %v", got, err)
	}
	var outside []string
	for _, l := range c.Outside.Items {
		outside = append(outside, l.Path)
	}
	wantList(t, "outside", outside, "abs", "out", "sub/out")
	if c.Files != 4 || c.Links != 7 || c.Bytes != int64(len("content#!/bin/sh*")) {
		t.Errorf("report: %d files, %d links, %d bytes", c.Files, c.Links, c.Bytes)
	}
}

func TestWhatIsNotCopied(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "a", "sub/.GIT": "", "secret": "x", "locked/x": "x", "state/bottle": "x", "state.txt": "x"})
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	t.Chdir(dir) // a socket's path is short
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: "socket"}))
	want := []string{"fifo", "socket", "state", "state.txt", "sub/.GIT"}
	files := []string{"a"}
	must(t, os.Chmod("secret", 0))
	must(t, os.Chmod("locked", 0))
	t.Cleanup(func() { _ = os.Chmod("locked", 0o700) })
	if os.Geteuid() != 0 {
		want = append(want, "secret", "locked")
	} else {
		files = append(files, "secret", "locked/x")
	}
	c := copyOf(t, dir, func(o *Options) {
		o.Exclude = []string{filepath.Join(dir, "state"), filepath.Join(dir, "state.txt"), filepath.Join(dir, "none")}
	})
	wantList(t, "skipped", skippedPaths(c.Report), want...)
	wantList(t, "files", tree(t, c.target), files...)
	for _, s := range c.Skipped.Items {
		if s.Reason == "" {
			t.Errorf("%s has no reason", s.Path)
		}
	}
}

// The state folder may be in the workspace, if that is somebody's HOME.
func TestTargetInTheSourceIsNotCopied(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "a"})
	c := copyOf(t, dir, func(o *Options) { o.Target = filepath.Join(dir, "copy") })
	wantList(t, "files", tree(t, c.target), "a")
	wantList(t, "skipped", skippedPaths(c.Report), "copy")
}

func TestNothingIsSharedAndNoBitsAreKept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "a"})
	must(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	write(t, dir, map[string]string{"suid": "x", "bits/x": ""})
	must(t, unix.Chmod(filepath.Join(dir, "suid"), 0o6755))
	must(t, unix.Chmod(filepath.Join(dir, "bits"), 0o3777))
	c := copyOf(t, dir)
	for _, name := range []string{"a", "b", "suid"} {
		st, err := os.Stat(filepath.Join(c.target, name))
		must(t, err)
		if n := st.Sys().(*syscall.Stat_t).Nlink; n != 1 {
			t.Errorf("%s has %d names", name, n)
		}
	}
	for name, want := range map[string]fs.FileMode{"suid": 0o755, "bits": fs.ModeDir | 0o777} {
		if st, err := os.Stat(filepath.Join(c.target, name)); err != nil || st.Mode() != want {
			t.Errorf("mode of %s is %v, want %v (%v)", name, st.Mode(), want, err)
		}
	}
}

// Root gives the copy to another; a user can only name itself.
func TestOwner(t *testing.T) {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 65534, 65534
	}
	dir := newRepo(t, map[string]string{"a": "a", "sub/l": "@a"})
	c := copyOf(t, dir, func(o *Options) { o.UID, o.GID = uid, gid })
	must(t, filepath.WalkDir(c.target, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := os.Lstat(path)
		if sys := st.Sys().(*syscall.Stat_t); err == nil && (int(sys.Uid) != uid || int(sys.Gid) != gid) {
			t.Errorf("%s belongs to %d:%d", path, sys.Uid, sys.Gid)
		}
		return err
	}))
	if w := changed(t, c); !w.None() {
		t.Errorf("changes: %+v", w.Changes.Items)
	}
}

func TestTargetMustBeEmpty(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"src/a": "a", "full/mine": "x", "file": "x"})
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	for _, test := range []struct {
		target string
		want   error
	}{
		{"full", ErrNotEmpty}, {"file", syscall.ENOTDIR}, {"no/parent", fs.ErrNotExist}, {"empty", nil}, {"empty", ErrNotEmpty}, {"new", nil},
	} {
		opts := Options{Source: filepath.Join(dir, "src"), Target: filepath.Join(dir, test.target), UID: -1, GID: -1}
		if _, err := Copy(context.Background(), opts); !errors.Is(err, test.want) {
			t.Errorf("%s: err = %v, want %v", test.target, err, test.want)
		}
	}
	if read(t, dir, "full/mine") != "x" || read(t, dir, "empty/a") != "a" {
		t.Error("a target that was refused lost what was in it")
	}
	opts := options(t, filepath.Join(dir, "src"))
	opts.Base = filepath.Join(opts.Target, "base")
	if _, err := Copy(context.Background(), opts); err == nil {
		t.Error("a base in the target is accepted")
	}
}

func TestErrorLeavesNothing(t *testing.T) {
	source := t.TempDir()
	for i := range 50 {
		write(t, source, map[string]string{fmt.Sprintf("d%d/f", i): strings.Repeat("x", 100)})
	}
	must(t, os.Chmod(filepath.Join(source, "d1"), 0o500))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(source, "d1"), 0o700) })
	cancelled := func(after int) (context.Context, func(*Options)) {
		ctx, cancel := context.WithCancel(context.Background())
		return ctx, func(o *Options) { o.Scan = func() FileScanner { return &countdown{after, cancel} } }
	}
	for name, test := range map[string]struct {
		make func() (context.Context, func(*Options))
		want error
	}{
		"cancelled at once":    {func() (context.Context, func(*Options)) { return cancelled(0) }, context.Canceled},
		"cancelled on its way": {func() (context.Context, func(*Options)) { return cancelled(20) }, context.Canceled},
		"too many files": {func() (context.Context, func(*Options)) {
			return context.Background(), func(o *Options) { o.Limits.Files = 20 }
		}, ErrTooLarge},
		"too many bytes": {func() (context.Context, func(*Options)) {
			return context.Background(), func(o *Options) { o.Limits.Bytes = 2000 }
		}, ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			opts := options(t, source)
			ctx, set := test.make()
			set(&opts)
			if _, err := Copy(ctx, opts); !errors.Is(err, test.want) {
				t.Fatalf("err = %v, want %v", err, test.want)
			}
			wantList(t, "left", tree(t, filepath.Dir(opts.Target)))
			if _, err := Changed(context.Background(), opts.Base, opts.Target); !errors.Is(err, ErrNoBase) {
				t.Errorf("Changed: %v, want ErrNoBase", err)
			}
		})
	}
}

// countdown is a scanner that cancels after some files.
type countdown struct {
	left   int
	cancel func()
}

func (c *countdown) Reset() {
	if c.left--; c.left <= 0 {
		c.cancel()
	}
}
func (c *countdown) Write([]byte) []Match { return nil }
func (c *countdown) Close() []Match       { return nil }

// finder reports a word, at the end of the file only: later than where it is.
type finder struct {
	word string
	data []byte
}

func (f *finder) Reset()                 { f.data = nil }
func (f *finder) Write(p []byte) []Match { f.data = append(f.data, p...); return nil }
func (f *finder) Close() []Match {
	var list []Match
	for at := 0; ; {
		i := bytes.Index(f.data[at:], []byte(f.word))
		if i < 0 {
			return list
		}
		list = append(list, Match{"known-secret", "TOKEN", int64(at + i)})
		at += i + len(f.word)
	}
}

func TestSecretsAreReportedByLine(t *testing.T) {
	const secret = "hunter2-hunter2"
	lines := strings.Repeat("a line of text\n", 20000)
	dir := newRepo(t, map[string]string{
		"clean": "x\n", "one.env": "A=1\nB=2\nTOKEN=" + secret + "\n", "first": secret,
		"big": lines + secret + "\n" + lines + "x" + secret, "many": strings.Repeat(secret+"\n", 2*maxMatches),
	})
	write(t, dir, map[string]string{".git/info/exclude": "# " + secret + "\n"})
	c := copyOf(t, dir, func(o *Options) { o.Scan = func() FileScanner { return &finder{word: secret} } })
	var got []string
	many := 0
	for _, s := range c.Secrets.Items {
		if s.Commit != "" { // TestHistoryIsSearched
			continue
		}
		if s.Path == "many" {
			many++
			continue
		}
		got = append(got, fmt.Sprintf("%s:%d %s %s", s.Path, s.Line, s.Rule, s.Name))
	}
	wantList(t, "secrets", got, ".git/info/exclude:1 known-secret TOKEN", "big:20001 known-secret TOKEN", "big:40002 known-secret TOKEN",
		"first:1 known-secret TOKEN", "one.env:3 known-secret TOKEN")
	if many != maxMatches {
		t.Errorf("%d of one file, want %d", many, maxMatches)
	}
	if text := fmt.Sprintf("%+v", c.Report); strings.Contains(text, secret) {
		t.Errorf("the report holds the value: %s", text)
	}
}

// writer appends to the file that is being copied, a number of times.
type writer struct {
	path string
	left int
	busy bool
}

func (w *writer) Reset()         { w.busy = true }
func (w *writer) Close() []Match { return nil }
func (w *writer) Write(p []byte) []Match {
	if w.busy && bytes.HasPrefix(p, []byte("log")) && w.left > 0 {
		w.left--
		f, err := os.OpenFile(w.path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, _ = f.WriteString("more\n")
			f.Close()
		}
	}
	w.busy = false
	return nil
}

func TestFileThatChangesMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		times   int
		skipped []string
		log     string
	}{
		"once":   {1, nil, "log\nmore\n"},
		"always": {1000, []string{"log"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"log": "log\n", "other": "x"})
			c := copyOf(t, dir, func(o *Options) {
				o.Scan = func() FileScanner { return &writer{path: filepath.Join(dir, "log"), left: test.times} }
			})
			wantList(t, "skipped", skippedPaths(c.Report), test.skipped...)
			if test.log == "" {
				wantList(t, "files", tree(t, c.target), "other")
			} else if got := read(t, c.target, "log"); got != test.log {
				t.Errorf("log is %q, want %q", got, test.log)
			}
			if want := int64(2 - len(test.skipped)); c.Files != want {
				t.Errorf("%d files, want %d", c.Files, want)
			}
		})
	}
}

func TestSparseFileIsTheSame(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"tail": "", "mid": "start", "end": ""})
	must(t, os.Truncate(filepath.Join(dir, "tail"), 4*copyBuffer))
	f, err := os.OpenFile(filepath.Join(dir, "mid"), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("end"), 5*copyBuffer+17)
	must(t, errors.Join(err, f.Close()))
	c := copyOf(t, dir)
	for _, name := range []string{"tail", "mid"} {
		if read(t, dir, name) != read(t, c.target, name) {
			t.Errorf("%s is not the same", name)
		}
	}
}

// Counts only: how long it takes is the machine's.
func TestManyFiles(t *testing.T) {
	dir := newRepo(t, map[string]string{".gitignore": "*.o\n/skip/\n"})
	const folders, files = 200, 100
	for i := range folders {
		sub := filepath.Join(dir, fmt.Sprintf("d%d/e", i))
		must(t, os.MkdirAll(sub, 0o755))
		for j := range files {
			must(t, os.WriteFile(filepath.Join(sub, fmt.Sprint(j)), []byte("x"), 0o644))
		}
	}
	calls, last := 0, int64(0)
	c := copyOf(t, dir, func(o *Options) {
		o.Progress = func(files, _ int64) {
			calls++
			if files < last {
				t.Errorf("progress went back from %d to %d", last, files)
			}
			last = files
		}
	})
	if n := len(tree(t, c.target)); n != folders*files+1 {
		t.Errorf("%d files", n)
	}
	if calls < 1 || last != c.Files {
		t.Errorf("progress was called %d times, last with %d of %d", calls, last, c.Files)
	}
	if w := changed(t, c); !w.None() {
		t.Errorf("changes: %d", w.Changes.Total)
	}
}

func TestEnclosingRepositoryIsNamed(t *testing.T) {
	dir := newRepo(t, map[string]string{"sub/a": "a", "b": "b"})
	c := copyOf(t, filepath.Join(dir, "sub"))
	want, err := filepath.EvalSymlinks(dir)
	must(t, err)
	if c.Enclosing != want {
		t.Errorf("enclosing is %q, want %q", c.Enclosing, want)
	}
	wantList(t, "files", tree(t, c.target), "a")
}
