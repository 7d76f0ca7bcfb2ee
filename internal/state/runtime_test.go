package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestRuntimeRootFallsBackToTheTemporaryFolder(t *testing.T) {
	me := os.Geteuid()
	for _, c := range []struct {
		name string
		mode fs.FileMode
		uid  int
		set  string // of XDG_RUNTIME_DIR, below the test's folder
		xdg  bool   // whether it is used
	}{
		{"private and ours", 0o700, me, "run", true},
		{"read by others: ours is closed in it", 0o755, me, "run", true},
		{"written by others", 0o777, me, "run", false},
		{"of another user, as after su", 0o700, me + 1, "run", false},
		{"missing", 0o700, me, "gone", false},
		{"unset", 0o700, me, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := t.TempDir()
			run := mkdir(t, filepath.Join(base, "run"), c.mode)
			temp := mkdir(t, filepath.Join(base, "tmp"), 0o777|fs.ModeSticky)
			if c.uid != me {
				// The temporary folder is root's or ours in real life; here
				// its owner is who runs the test.
				temp = "/tmp"
			}
			vars := map[string]string{"TMPDIR": temp}
			if c.set != "" {
				vars["XDG_RUNTIME_DIR"] = filepath.Join(base, c.set)
			}
			want := filepath.Join(temp, "bottle-"+strconv.Itoa(c.uid))
			if c.xdg {
				want = filepath.Join(run, "bottle")
			}
			got, err := as(env(vars), c.uid).RuntimeRoot()
			if err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestARelativeRuntimeDirCountsForNothing(t *testing.T) {
	base := t.TempDir()
	t.Chdir(base)
	mkdir(t, "run", 0o700)
	got, err := env(map[string]string{"XDG_RUNTIME_DIR": "run", "TMPDIR": base}).RuntimeRoot()
	if want := filepath.Join(base, "bottle-"+strconv.Itoa(os.Geteuid())); err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestMakeRuntimeDirIsClosed(t *testing.T) {
	base := t.TempDir()
	e := env(map[string]string{"TMPDIR": base})
	dir, err := e.MakeRuntimeDir("x-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if m := modeOf(t, d); m.Perm() != 0o700 || !m.IsDir() {
			t.Errorf("%s has mode %v", d, m)
		}
	}
	if again, err := e.MakeRuntimeDir("x-1"); err != nil || again != dir {
		t.Errorf("the second time: %q, %v", again, err)
	}
}

func TestASquattedRuntimeFolderIsRefused(t *testing.T) {
	name := "bottle-" + strconv.Itoa(os.Geteuid())
	for _, c := range []struct {
		name string
		make func(t *testing.T, root string)
		want string
	}{
		{"a link to a folder of ours", func(t *testing.T, root string) {
			mkdir(t, root+".real", 0o700)
			if err := os.Symlink(root+".real", root); err != nil {
				t.Fatal(err)
			}
		}, "symbolic link"},
		{"a link to nowhere", func(t *testing.T, root string) {
			if err := os.Symlink(root+".real", root); err != nil {
				t.Fatal(err)
			}
		}, "symbolic link"},
		{"open to others", func(t *testing.T, root string) { mkdir(t, root, 0o777) }, "chmod 700 "},
		{"read by others", func(t *testing.T, root string) { mkdir(t, root, 0o755) }, "chmod 700 "},
		{"a file", func(t *testing.T, root string) {
			if err := os.WriteFile(root, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := t.TempDir()
			e := env(map[string]string{"TMPDIR": base})
			c.make(t, filepath.Join(base, name))
			for _, f := range []func(string) (string, error){e.RuntimeDir, e.MakeRuntimeDir} {
				if _, err := f("x-1"); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			}
		})
	}
	t.Run("of another user", func(t *testing.T) {
		base := t.TempDir()
		mkdir(t, filepath.Join(base, "bottle"), 0o700)
		e := as(env(nil), os.Geteuid()+1)
		if err := e.checkRuntime(filepath.Join(base, "bottle")); !errors.Is(err, ErrNotPrivate) {
			t.Errorf("got %v", err)
		}
	})
}

func TestATemporaryFolderThatOthersCanRearrangeIsRefused(t *testing.T) {
	base := t.TempDir()
	temp := mkdir(t, filepath.Join(base, "tmp"), 0o777)
	if _, err := env(map[string]string{"TMPDIR": temp}).RuntimeRoot(); !errors.Is(err, ErrNotPrivate) || !strings.Contains(err.Error(), "sticky") {
		t.Errorf("without the sticky bit: %v", err)
	}
	if _, err := env(map[string]string{"TMPDIR": filepath.Join(base, "gone")}).RuntimeRoot(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if os.Geteuid() != 0 { // a folder of root is fine for all
		own := mkdir(t, filepath.Join(base, "own"), 0o700)
		if _, err := as(env(map[string]string{"TMPDIR": own}), os.Geteuid()+1).RuntimeRoot(); !errors.Is(err, ErrNotPrivate) {
			t.Errorf("of another user: %v", err)
		}
	}
}

func TestSocketPathsAreAtMost100Bytes(t *testing.T) {
	for _, c := range []struct {
		length int
		ok     bool
	}{{99, true}, {100, true}, {101, false}, {300, false}} {
		err := CheckSocketPath("/" + strings.Repeat("x", c.length-1))
		if (err == nil) != c.ok {
			t.Errorf("%d bytes: %v", c.length, err)
		}
		if err != nil && !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
			t.Errorf("the error does not say what to do: %v", err)
		}
	}
	base := t.TempDir()
	long := filepath.Join(base, strings.Repeat("l", 120))
	mkdir(t, long, 0o700)
	if _, err := env(map[string]string{"XDG_RUNTIME_DIR": long}).SocketPath("x-1", "control.sock"); err == nil {
		t.Error("a long path passed")
	}
	// The longest id must fit below the temporary folder that macOS gives.
	mac := "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/bottle-501/" + NewID(strings.Repeat("n", 80)) + "/control.sock"
	if err := CheckSocketPath(mac); err != nil {
		t.Error(err)
	}
}
