package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// fakeHost makes files below a folder that stands for the host's root.
func fakeHost(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			err = os.WriteFile(name, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestDelegated(t *testing.T) {
	const mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
	const app = "/sys/fs/cgroup/user.slice/app.slice/"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // "" for none
		kept  int
	}{
		{"the slice around its scope", map[string]string{
			"/proc/self/mounts": mounts, "/proc/self/cgroup": "0::/user.slice/app.slice/term.scope\n",
			app + "cgroup.subtree_control": "cpu memory pids", app + "cgroup.procs": "",
			app + "term.scope/cgroup.subtree_control": "", app + "term.scope/cgroup.procs": "",
		}, "/sys/fs/cgroup/user.slice/app.slice", 3},
		{"all but CPU time", map[string]string{
			"/proc/self/mounts": mounts, "/proc/self/cgroup": "0::/user.slice/app.slice/term.scope\n",
			app + "cgroup.subtree_control": "memory pids", app + "cgroup.procs": "",
		}, "/sys/fs/cgroup/user.slice/app.slice", 2},
		{"a controller is missing", map[string]string{
			"/proc/self/mounts": mounts, "/proc/self/cgroup": "0::/user.slice/app.slice/term.scope\n",
			app + "cgroup.subtree_control": "cpu pids", app + "cgroup.procs": "",
		}, "", 0},
		{"no control groups of version 2", map[string]string{
			"/proc/self/mounts": "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n", "/proc/self/cgroup": "4:memory:/\n",
		}, "", 0},
		{"a path that leads out", map[string]string{
			"/proc/self/mounts": mounts, "/proc/self/cgroup": "0::/../../x\n",
		}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fakeHost(t, c.files)
			dir, kept, rest, why := chooseGroup(root, groupSettings(vm.Resources{Memory: 1 << 30, CPUs: 2, PIDs: 100}))
			if got := strings.TrimPrefix(dir, root); got != c.want || len(kept) != c.kept || len(rest) != 3-c.kept || (len(rest) > 0) != (why != "") {
				t.Errorf("%q for %d settings, not for %d (%s); want %q for %d", got, len(kept), len(rest), why, c.want, c.kept)
			}
		})
	}
}

func TestMakeGroup(t *testing.T) {
	settings := groupSettings(vm.Resources{Memory: 1 << 30, CPUs: 1.5, PIDs: 100})
	want := map[string]string{"memory.max": "1073741824", "cpu.max": "150000 100000", "pids.max": "100"}
	for _, s := range settings {
		if want[s.file] != s.value {
			t.Errorf("%s: %q, want %q", s.file, s.value, want[s.file])
		}
	}
	if len(settings) != len(want) {
		t.Errorf("%d settings, want %d", len(settings), len(want))
	}
	// In a folder that is no control group the kernel makes no files: the group
	// is an error, and is taken away again.
	dir := t.TempDir()
	if _, err := makeGroup(dir, "test", settings); err == nil {
		t.Error("it was made")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Whatever enforces them, limits hold, or are said not to.
func TestLimits(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{Resources: vm.Resources{Memory: 256 << 20, CPUs: 1, PIDs: 64}})
	scopes := map[string]vm.Scope{}
	for _, l := range m.Limits() {
		t.Logf("%+v", l)
		if l.Wanted == "" || l.Detail == "" {
			t.Errorf("%+v does not say what it is", l)
		}
		scopes[l.Resource] = l.Scope
	}
	if len(scopes) != 3 || scopes["memory"] == vm.ScopeNone || scopes["pids"] == vm.ScopeNone {
		t.Errorf("scopes are %v", scopes)
	}
	code, out := run(t, m, insideHelper("eat-memory")...)
	if code == codeSuccess {
		t.Errorf("512 MiB could be had: %s", out)
	}
	bomb, said := start(t, m, vm.Command{Args: []string{"/bin/sh", "-c", "for i in $(seq 100); do sleep 1000 & done; echo all"}})
	if code := wait(t, bomb); strings.Contains(said.String(), "all") {
		t.Errorf("100 processes could be had: code %d: %s", code, said)
	}
	for range 20 { // init goes on; what it starts may be more than the limit allows
		p, _ := start(t, m, vm.Command{Args: []string{"true"}})
		wait(t, p)
	}
	if free := newMachine(t, Options{}, vm.Spec{}); len(free.Limits()) != 0 {
		t.Errorf("limits that nobody wanted: %v", free.Limits())
	}
}

func TestSmallestLimits(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{Resources: vm.Resources{Memory: vm.MinMemory, CPUs: vm.MinCPUs, PIDs: vm.MinPIDs}})
	if got := shell(t, m, "(echo works)"); got != "works" {
		t.Error(got)
	}
	if _, err := m.Start(t.Context(), vm.Command{Args: []string{"no-such-program"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	p, out := start(t, m, vm.Command{Args: []string{"/bin/sh", "-c", "ulimit -d"}, TTY: &vm.WinSize{}})
	if code := wait(t, p); code != 0 {
		t.Errorf("code %d: %s", code, out)
	}
}

// eatMemory maps and writes to 512 MiB.
func eatMemory([]string) error {
	b, err := unix.Mmap(-1, 0, 512<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return nil
}

// A crash must not reach the host's core_pattern program.
func TestNoCoreDumps(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	code, out := run(t, m, insideHelper("core-limit")...)
	if code != codeSuccess {
		t.Errorf("code %d: %s", code, out)
	}
}
