package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// setIDMode is what an attacker wants a file to have.
const setIDMode = 0o6755

// setIDWays are the ways to a file or folder of that mode. archSetIDWays are
// those that only this architecture has.
var setIDWays = map[string]func(name string) error{
	"fchmodat": ordinary(func(name string, _ int) error { return unix.Fchmodat(unix.AT_FDCWD, name, setIDMode, 0) }),
	"fchmod":   ordinary(func(_ string, fd int) error { return unix.Fchmod(fd, setIDMode) }),
	"fchmodat2": ordinary(func(_ string, fd int) error {
		err := unix.Fchmodat(fd, "", setIDMode, unix.AT_EMPTY_PATH)
		if errors.Is(err, unix.EOPNOTSUPP) {
			err = errNoCall
		}
		return err
	}),
	"openat": func(name string) error {
		fd, err := unix.Openat(unix.AT_FDCWD, name, unix.O_CREAT|unix.O_WRONLY, setIDMode)
		return errors.Join(err, closeFD(fd))
	},
	"tmpfile": func(name string) error {
		fd, err := unix.Open(filepath.Dir(name), unix.O_TMPFILE|unix.O_WRONLY, setIDMode)
		if err == nil {
			err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
		}
		return errors.Join(err, closeFD(fd))
	},
	"openat2": func(name string) error {
		fd, err := unix.Openat2(unix.AT_FDCWD, name, &unix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: setIDMode})
		return errors.Join(err, closeFD(fd))
	},
	"mknodat": func(name string) error { return unix.Mknodat(unix.AT_FDCWD, name, unix.S_IFREG|setIDMode, 0) },
	"folder": func(name string) error {
		err := unix.Mkdir(name, 0o755)
		if err == nil {
			err = unix.Fchmodat(unix.AT_FDCWD, name, setIDMode, 0)
		}
		return err
	},
}

// errNoCall is that of a kernel without the call.
var errNoCall = errors.New("this kernel has no such call")

// codeNoCall is what an attacker exits with then.
const codeNoCall = 44

// ordinary makes a file to change.
func ordinary(change func(name string, fd int) error) func(string) error {
	return func(name string) error {
		fd, err := unix.Open(name, unix.O_CREAT|unix.O_WRONLY, 0o755)
		if err == nil {
			err = change(name, fd)
		}
		return errors.Join(err, closeFD(fd))
	}
}

func closeFD(fd int) error {
	if fd < 0 {
		return nil
	}
	return unix.Close(fd)
}

// setIDs goes one way, to one file.
func setIDs(args []string) error {
	unix.Umask(0)
	do, ok := setIDWays[args[0]]
	if !ok {
		do = archSetIDWays[args[0]]
	}
	err := do(args[1])
	if errors.Is(err, errNoCall) {
		os.Exit(codeNoCall)
	}
	return err
}

// What lies in a mount lies on the host, where nothing holds whoever runs it: a
// program that runs as its owner would give away root, or the person.
func TestNoSetIDProgramsOnTheHost(t *testing.T) {
	ways := slices.Sorted(maps.Keys(setIDWays))
	ways = append(ways, slices.Sorted(maps.Keys(archSetIDWays))...)
	for _, breach := range []Breach{0, BreachSeccomp} {
		shared, home := t.TempDir(), ownedDir(t)
		m := newMachine(t, Options{Breach: breach}, vm.Spec{Mounts: []vm.Mount{
			{Source: shared, Target: "/shared", Shared: true}, {Source: home, Target: vm.DefaultHome}}})
		for _, way := range ways {
			for host, inside := range map[string]string{shared: "/shared", home: vm.DefaultHome} {
				code, out := run(t, m, insideHelper("set-id", way, filepath.Join(inside, way))...)
				switch {
				case code == codeNoCall:
					t.Logf("%s: not tried: %s", way, errNoCall)
				case breach == 0 && code != codeContained:
					t.Errorf("%s in %s: code %d: %s", way, inside, code, out)
				case breach != 0 && (code != codeSuccess || !hasSetID(t, filepath.Join(host, way))):
					t.Errorf("%s in %s is contained without the filter too, the test shows nothing: code %d: %s", way, inside, code, out)
				}
			}
		}
		if breach != 0 {
			fi, err := os.Stat(filepath.Join(shared, "fchmod"))
			if err != nil {
				t.Fatal(err)
			}
			if uid := fi.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
				t.Errorf("the owner is %d: the attack is not the one that matters", uid)
			}
			continue
		}
		for _, dir := range []string{shared, home} {
			err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
				if err == nil && hasSetID(t, name) {
					t.Errorf("%s is on the host", name)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func hasSetID(t *testing.T, name string) bool {
	t.Helper()
	fi, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0
}

// mkdir(2) is not filtered: the kernel takes neither bit from it.
func TestMkdirTakesNoSetID(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, Options{Breach: BreachSeccomp}, vm.Spec{Mounts: []vm.Mount{{Source: dir, Target: "/shared", Shared: true}}})
	if code, out := run(t, m, insideHelper("mkdir-set-id", "/shared/x")...); code != codeSuccess {
		t.Fatalf("code %d: %s", code, out)
	}
	if hasSetID(t, filepath.Join(dir, "x")) {
		t.Error("the kernel took the mode as it was: mkdir needs a row")
	}
}

// Teams give their folders the set-group-ID bit, and new folders get it from
// the kernel.
func TestWorkInSetGroupIDFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if !hasSetID(t, dir) {
		t.Fatal("the folder did not take the bit")
	}
	m := newMachine(t, Options{}, vm.Spec{Mounts: []vm.Mount{{Source: dir, Target: "/shared", Shared: true}}})
	shell(t, m, `cd /shared && mkdir made && git init -q x && cd x && git config user.name a && git config user.email a@example.com &&
		echo x > f && chmod 755 f && git add f && git commit -q -m x && git clone -q . ../y`)
	if !hasSetID(t, filepath.Join(dir, "made")) {
		t.Error("the bit is not passed on")
	}
}
