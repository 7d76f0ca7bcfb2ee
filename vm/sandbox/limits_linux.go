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

// cpuPeriod is the time in microseconds over which cpu.max counts, minQuota the
// least of it that the kernel takes.
const (
	cpuPeriod = 100_000
	minQuota  = 1000
)

// limit decides how the Spec's Resources are enforced, and makes the control
// group that does it, if this process may. The caller closes the returned
// folder and removes the group.
func (m *machine) limit(cfg *config) (*os.File, error) {
	r := m.spec.Resources
	if r.Disk > 0 {
		defer func() {
			m.limits = append(m.limits, vm.Limit{Resource: "disk", Wanted: strconv.FormatInt(r.Disk, 10), Scope: vm.ScopeNone, Detail: "a sandbox has no disk of its own: its files are this host's"})
		}()
	}
	if r == (vm.Resources{Disk: r.Disk}) {
		return nil, nil
	}
	dir, kept, rest, why := chooseGroup("/", groupSettings(r))
	m.limits = fallbackLimits(cfg, rest, why)
	if dir == "" {
		return nil, nil
	}
	group, err := makeGroup(dir, m.spec.ID, kept)
	if err != nil {
		return nil, err
	}
	m.group = group
	for _, s := range kept {
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
type setting struct {
	resource, wanted, controller, file, value string
	rlimit                                    rlimit // what is left without a control group; zero for nothing
}

func groupSettings(r vm.Resources) []setting {
	var list []setting
	if r.Memory > 0 {
		v := strconv.FormatInt(r.Memory, 10)
		list = append(list, setting{"memory", v, "memory", "memory.max", v, rlimit{unix.RLIMIT_DATA, uint64(r.Memory)}})
	}
	if r.CPUs > 0 {
		list = append(list, setting{
			resource: "cpus", wanted: strconv.FormatFloat(r.CPUs, 'g', -1, 64), controller: "cpu", file: "cpu.max",
			value: fmt.Sprintf("%d %d", max(minQuota, int64(r.CPUs*cpuPeriod)), cpuPeriod),
		})
	}
	if r.PIDs > 0 {
		v := strconv.Itoa(r.PIDs)
		list = append(list, setting{"pids", v, "pids", "pids.max", v, rlimit{unix.RLIMIT_NPROC, uint64(r.PIDs)}})
	}
	return list
}

// fallbackLimits are those without a control group. An address space limit is
// not among them: runtimes reserve far more than they use.
func fallbackLimits(cfg *config, settings []setting, why string) []vm.Limit {
	var list []vm.Limit
	for _, s := range settings {
		l := vm.Limit{Resource: s.resource, Wanted: s.wanted, Scope: vm.ScopeNone}
		switch {
		case s.rlimit.Value == 0:
			l.Detail = "only a control group could keep it"
		case s.rlimit.Resource == unix.RLIMIT_DATA:
			l.Scope, l.Detail = vm.ScopeProcess, "RLIMIT_DATA: private memory of each process, without files in memory"
		case kernelVersion().atLeast(version{5, 14}):
			l.Scope, l.Detail = vm.ScopeMachine, "RLIMIT_NPROC of the machine's user namespace"
		default:
			l.Scope, l.Detail = vm.ScopeMachine, "RLIMIT_NPROC, which before Linux 5.14 counts the user's other processes too"
		}
		if s.rlimit.Value != 0 {
			cfg.Limits = append(cfg.Limits, s.rlimit)
		}
		l.Detail += "; " + why
		list = append(list, l)
	}
	return list
}

// chooseGroup finds where to make a control group, for all settings or else
// for those but CPU time: systemd before 252 keeps that to itself.
func chooseGroup(root string, all []setting) (dir string, kept, rest []setting, why string) {
	if dir, why = delegated(root, all); dir != "" {
		return dir, all, nil, ""
	}
	for _, s := range all {
		if s.controller == "cpu" {
			rest = append(rest, s)
		} else {
			kept = append(kept, s)
		}
	}
	if len(kept) > 0 {
		if dir, _ = delegated(root, kept); dir != "" {
			return dir, kept, rest, why
		}
	}
	return "", nil, all, why
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
			return "", "no control group with the controllers is delegated to this process: start it with \"" + delegating(os.Geteuid()) + " …\" to have one"
		}
	}
}

// delegating is the command of systemd that starts a program in a group where it
// may make others.
func delegating(uid int) string {
	if uid == 0 {
		return "systemd-run --scope -p Delegate=yes"
	}
	return "systemd-run --user --scope -p Delegate=yes"
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
