package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// env returns an Env with only these variables.
func env(vars map[string]string) Env {
	return Env{Lookup: func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}}
}

func as(e Env, uid int) Env {
	e.euid = func() int { return uid }
	return e
}

func mkdir(t *testing.T, dir string, mode fs.FileMode) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil { // past the umask
		t.Fatal(err)
	}
	return dir
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestFoldersFollowTheXDGVariables(t *testing.T) {
	for _, c := range []struct {
		name          string
		vars          map[string]string
		config, state string
		err           string
	}{
		{"HOME alone", map[string]string{"HOME": "/h"}, "/h/.config/bottle", "/h/.local/state/bottle", ""},
		{"both set", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c/bottle", "/s/bottle", ""},
		{"set without HOME", map[string]string{"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c/bottle", "/s/bottle", ""},
		{"an empty one counts for nothing", map[string]string{"HOME": "/h", "XDG_STATE_HOME": ""}, "/h/.config/bottle", "/h/.local/state/bottle", ""},
		{"a relative one counts for nothing", map[string]string{"HOME": "/h", "XDG_STATE_HOME": "s", "XDG_CONFIG_HOME": "./c"}, "/h/.config/bottle", "/h/.local/state/bottle", ""},
		{"nothing set", nil, "", "", "set one of them"},
		{"a relative HOME", map[string]string{"HOME": "h"}, "", "", "set one of them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for what, f := range map[string]func() (string, error){c.config: env(c.vars).ConfigDir, c.state: env(c.vars).StateDir} {
				got, err := f()
				if got != what {
					t.Errorf("got %q, want %q", got, what)
				}
				if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
			}
		})
	}
}

func TestLookingMakesNothing(t *testing.T) {
	base := t.TempDir()
	e := env(map[string]string{"HOME": base, "TMPDIR": base, "XDG_RUNTIME_DIR": base})
	for _, f := range []func() (string, error){
		e.ConfigDir, e.StateDir, e.RuntimeRoot,
		func() (string, error) { return e.BottleDir("x-1") },
		func() (string, error) { return e.RuntimeDir("x-1") },
	} {
		if _, err := f(); err != nil {
			t.Error(err)
		}
	}
	if list, err := e.List(); len(list) != 0 || err != nil {
		t.Error(list, err)
	}
	if err := e.Remove("x-1"); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(base); len(entries) != 0 {
		t.Errorf("made %v", entries)
	}
}

func TestFoldersAreMadeClosed(t *testing.T) {
	base := t.TempDir()
	e := env(map[string]string{"HOME": base})
	state, err := e.MakeStateDir()
	if err != nil {
		t.Fatal(err)
	}
	config, err := e.MakeConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{state, config, filepath.Dir(state)} {
		if m := modeOf(t, d).Perm(); m != 0o700 {
			t.Errorf("%s has mode %04o", d, m)
		}
	}
}

func TestFoldersOpenToOthersAreRefused(t *testing.T) {
	for _, c := range []struct {
		name          string
		mode          fs.FileMode
		state, config string // what the error must name; "" for none
	}{
		{"closed", 0o700, "", ""},
		{"listed by others", 0o704, "chmod 700 ", ""},
		{"entered by others", 0o711, "chmod 700 ", ""},
		{"read by the group", 0o750, "chmod 700 ", ""},
		{"written by the group", 0o770, "chmod 700 ", "chmod go-w "},
		{"written by all", 0o777, "chmod 700 ", "chmod go-w "},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := t.TempDir()
			dir := mkdir(t, filepath.Join(base, "bottle"), c.mode)
			e := env(map[string]string{"XDG_CONFIG_HOME": base, "XDG_STATE_HOME": base})
			for _, f := range []struct {
				want string
				call func() (string, error)
			}{{c.state, e.StateDir}, {c.state, e.MakeStateDir}, {c.config, e.ConfigDir}, {c.config, e.MakeConfigDir}} {
				_, err := f.call()
				switch {
				case f.want == "" && err != nil:
					t.Error(err)
				case f.want != "" && (!errors.Is(err, ErrNotPrivate) || !strings.Contains(err.Error(), f.want+dir)):
					t.Errorf("got %v, want %q", err, f.want+dir)
				}
			}
			if m := modeOf(t, dir).Perm(); m != c.mode {
				t.Errorf("mode was changed to %04o", m)
			}
		})
	}
}

func TestFoldersOfAnotherUserAreRefused(t *testing.T) {
	base := t.TempDir()
	mkdir(t, filepath.Join(base, "bottle"), 0o700)
	e := as(env(map[string]string{"XDG_CONFIG_HOME": base, "XDG_STATE_HOME": base}), 54321)
	for _, f := range []func() (string, error){e.StateDir, e.MakeStateDir, e.ConfigDir, e.MakeConfigDir} {
		if _, err := f(); !errors.Is(err, ErrNotPrivate) || !strings.Contains(err.Error(), "this is user 54321") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAFileInTheFoldersPlaceIsAnError(t *testing.T) {
	base := t.TempDir()
	if err := os.WriteFile(filepath.Join(base, "bottle"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e := env(map[string]string{"XDG_STATE_HOME": base})
	if _, err := e.StateDir(); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v", err)
	}
}
