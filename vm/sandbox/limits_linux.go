package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// cpuPeriod is the time in microseconds over which cpu.max counts.
const cpuPeriod = 100_000

// limit decides how the Spec's Resources are enforced, and makes the control
// group that does it, if this process may. The caller closes the returned
// folder and removes the group.
func (m *machine) limit(cfg *config) (*os.File, error) {
	r := m.spec.Resources
	if r == (vm.Resources{}) {
		return nil, nil
	}
	dir, why := delegated("/", groupSettings(r))
	if dir == "" {
		m.limits = append(m.limits, fallbackLimits(cfg, r, why)...)
		return nil, nil
	}
	group, err := makeGroup(dir, m.spec.ID, groupSettings(r))
	if err != nil {
		return nil, err
	}
	m.group = group
	for _, s := range groupSettings(r) {
		m.limits = append(m.limits, vm.Limit{
			Resource: s.resource, Wanted: s.wanted, Scope: vm.ScopeMachine, Detail: "control group: " + s.file + " = " + s.value,
		})
	}
	f, err := os.Open(group)
	if err != nil {
		m.removeGroup()
		return nil, fmt.Errorf("open control group: %w", err)
	}
	return f, nil
}

// removeGroup removes the control group, when nothing is in it any more.
func (m *machine) removeGroup() {
	if m.group != "" {
		_ = os.Remove(m.group)
	}
}

// setting is a file of a control group.
type setting struct{ resource, wanted, controller, file, value string }

func groupSettings(r vm.Resources) []setting {
	var list []setting
	if r.Memory > 0 {
		v := strconv.FormatInt(r.Memory, 10)
		list = append(list, setting{"memory", v, "memory", "memory.max", v})
	}
	if r.CPUs > 0 {
		list = append(list, setting{"cpus", strconv.FormatFloat(r.CPUs, 'g', -1, 64), "cpu", "cpu.max",
			fmt.Sprintf("%d %d", max(1000, int64(r.CPUs*cpuPeriod)), cpuPeriod)})
	}
	if r.PIDs > 0 {
		v := strconv.Itoa(r.PIDs)
		list = append(list, setting{"pids", v, "pids", "pids.max", v})
	}
	return list
}

// fallbackLimits are those without a control group. An address space limit is
// not among them: runtimes reserve far more than they use.
func fallbackLimits(cfg *config, r vm.Resources, why string) []vm.Limit {
	var list []vm.Limit
	for _, s := range groupSettings(r) {
		l := vm.Limit{Resource: s.resource, Wanted: s.wanted, Scope: vm.ScopeNone}
		switch s.resource {
		case "memory":
			cfg.Limits = append(cfg.Limits, rlimit{unix.RLIMIT_DATA, uint64(r.Memory)})
			l.Scope, l.Detail = vm.ScopeProcess, "RLIMIT_DATA: private memory of each process, without files in memory; "+why
		case "pids":
			// Counted per user and user namespace since Linux 5.14, and so for
			// this machine alone; before, for all processes of the user.
			cfg.Limits = append(cfg.Limits, rlimit{unix.RLIMIT_NPROC, uint64(r.PIDs)})
			l.Scope, l.Detail = vm.ScopeMachine, "RLIMIT_NPROC of the machine's user namespace; "+why
			if !kernelVersion().atLeast(version{5, 14}) {
				l.Detail = "RLIMIT_NPROC, which counts the user's other processes too; " + why
			}
		default:
			l.Detail = "a share of CPU time can only be kept by a control group; " + why
		}
		list = append(list, l)
	}
	return list
}

// delegated finds the nearest control group (v2) around this process in which
// it may make others with the controllers that the settings need. If there is
// none it says why.
func delegated(root string, settings []setting) (dir, why string) {
	mount, err := groupMount(root)
	if err != nil {
		return "", err.Error()
	}
	text, err := os.ReadFile(filepath.Join(root, "/proc/self/cgroup"))
	if err != nil {
		return "", err.Error()
	}
	own := "/"
	for line := range strings.Lines(string(text)) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			own = filepath.Clean("/" + p)
		}
	}
	for p := own; ; p = filepath.Dir(p) {
		dir := filepath.Join(mount, p)
		if usable(dir, settings) {
			return dir, ""
		}
		if p == "/" {
			return "", "no control group with the controllers is delegated to this user (systemd-run --user --scope -p Delegate=yes gives one)"
		}
	}
}

// usable says whether groups with the settings can be made in dir, and this
// process's children put there.
func usable(dir string, settings []setting) bool {
	on, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return false
	}
	have := strings.Fields(string(on))
	for _, s := range settings {
		if !slices.Contains(have, s.controller) {
			return false
		}
	}
	return unix.Access(dir, unix.W_OK) == nil && unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) == nil
}

// groupMount finds where the control groups of version 2 are.
func groupMount(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "/proc/self/mounts"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return filepath.Join(root, f[1]), nil
		}
	}
	return "", errors.New("this host has no control groups of version 2")
}

// makeGroup makes a group of a name that is nobody else's.
func makeGroup(dir, id string, settings []setting) (string, error) {
	group := filepath.Join(dir, "bottle-"+id+"-"+rand.Text())
	if err := os.Mkdir(group, 0o755); err != nil {
		return "", fmt.Errorf("make control group: %w", err)
	}
	for _, s := range settings {
		// Without O_TRUNC and O_CREATE: the files are the kernel's.
		f, err := os.OpenFile(filepath.Join(group, s.file), os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(s.value)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			_ = os.Remove(group)
			return "", fmt.Errorf("set control group's %s to %s: %w", s.file, s.value, err)
		}
	}
	return group, nil
}
