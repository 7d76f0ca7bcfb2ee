package smolvm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/vm"
)

// The sizes of a machine for which nothing is said, and the least that a start
// which is too slow is tried with.
const (
	defaultMemory = 4096 // MiB
	leastMemory   = 2048
	defaultCPUs   = 4 // or all that the host has: they only get in each other's way
)

// maxVolumes is how many shared folders an x86-64 machine boots with, beside its
// image.
const maxVolumes = 3

// guestDir is where sockets are seen inside. A start makes it anew.
const guestDir = "/run/bottle"

// plan is a machine as it is to be: what the calls are made of.
type plan struct {
	spec    vm.Spec
	name    string
	dir     string // of the sockets, on the host
	volumes []vm.Mount
	copies  []vm.Mount // what is copied in, and out again where it may be written
	covers  []vm.Mount // files that are shown in a shared folder, read-only
}

// newPlan sorts the mounts into folders that are shared and files that are copied,
// and refuses what cannot be had.
func newPlan(spec vm.Spec) (*plan, error) {
	spec, err := spec.Defaults()
	if err != nil {
		return nil, err
	}
	p := &plan{spec: spec, name: nameOf(spec.ID)}
	if spec.Image == "" {
		return nil, errors.New("a machine needs an image: say which with image: in the manifest")
	}
	for _, m := range spec.Mounts {
		shared := m.Shared || p.inVolume(m.Target)
		info, err := os.Stat(m.Source)
		switch {
		case err != nil:
			return nil, fmt.Errorf("mount %s: %w", m.Source, err)
		case !shared:
			p.copies = append(p.copies, m)
			continue
		case !info.IsDir() && m.Shared && m.ReadOnly && !p.inVolume(m.Target):
			p.copies = append(p.copies, m) // as good as one that is shown
			continue
		case info.Mode().IsRegular() && m.ReadOnly && p.inVolume(m.Target):
			p.covers = append(p.covers, m)
			continue
		case !info.IsDir():
			return nil, fmt.Errorf("mount %s: a virtual machine can share folders only, not single files: mount its folder, or use workspace mode copy", m.Source)
		case strings.ContainsRune(m.Source, ':') || strings.ContainsRune(m.Target, ':'):
			return nil, fmt.Errorf("mount %s: a virtual machine cannot share a folder with a colon in its path", m.Source)
		}
		p.volumes = append(p.volumes, m)
	}
	if len(p.volumes) > maxVolumes {
		return nil, fmt.Errorf("%d shared folders: a virtual machine boots with at most %d; share a folder above several of them, or use workspace mode copy", len(p.volumes), maxVolumes)
	}
	if len(p.volumes) > 0 && asRoot() && os.Getenv("SMOLVM_VM_UID_DROP") != "off" {
		return nil, errors.New("run by root, smolvm gives each machine a user of its own, who may not use shared folders: run bottle as an ordinary user, or use workspace mode copy and no mounts")
	}
	return p, nil
}

// inVolume reports whether a path lies in a folder that is shared: to copy there
// would be to write to the host's own files.
func (p *plan) inVolume(target string) bool {
	for _, v := range p.volumes { // which come before what lies below them
		if paths.Below(target, v.Target) {
			return true
		}
	}
	return false
}

// socket is the host's side of a service.
func (p *plan) socket(name string) string { return filepath.Join(p.dir, name+".sock") }

// guestSocket is the machine's side of it.
func guestSocket(name string) string { return guestDir + "/" + name + ".sock" }

// forwardName is the service over which the host opens connections to ports of the
// machine.
const forwardName = "forward"

// services are the names of all sockets.
func (p *plan) services() []string {
	list := []string{forwardName}
	for _, port := range p.spec.Ports {
		list = append(list, "p"+strconv.Itoa(port))
	}
	return list
}

// createArgs are the arguments of machine create. There is no flag of a network
// among them, which is what keeps the machine in.
func (p *plan) createArgs(home string, memory int) []string {
	args := []string{
		"machine", "create", "--name", p.name, "--label", Label + "=" + p.spec.ID, "--label", homeLabel + "=" + hashOf(home), "--label", madeLabel + "=" + p.made(),
		"--cpus", strconv.Itoa(p.cpus()), "--mem", strconv.Itoa(memory),
	}
	return append(args, p.fixedArgs()...)
}

// fixedArgs are the arguments that a machine keeps for ever.
func (p *plan) fixedArgs() []string {
	args := []string{"--image", p.spec.Image}
	if p.spec.Resources.Disk > 0 {
		size := strconv.FormatInt(p.disk()>>30, 10)
		args = append(args, "--storage", size, "--overlay", size, "--label", diskLabel+"="+size)
	}
	for _, name := range p.services() {
		args = append(args, "--mount-socket", p.socket(name)+":"+guestSocket(name))
	}
	for _, v := range p.volumes {
		value := v.Source + ":" + v.Target
		if v.ReadOnly {
			value += ":ro"
		}
		args = append(args, "-v", value)
	}
	// A workload that stays: commands run in its container.
	return append(args, "--", "sleep", "infinity")
}

// madeLabel is the label that holds what a machine was made of: see made.
const madeLabel = "bottle-made"

// made is a hash of what a machine keeps for ever, by which one that is started again
// is known to be what is wanted: the paths of its sockets are among it.
func (p *plan) made() string {
	return hashOf(strings.Join(p.fixedArgs(), "\x00"))
}

// homeLabel is the label that holds whose a machine is: a hash of Options.Home.
const homeLabel = "bottle-home"

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func (p *plan) cpus() int {
	if n := p.spec.Resources.CPUs; n > 0 {
		return max(1, int(n+0.999)) // whole ones only
	}
	return min(defaultCPUs, runtime.NumCPU())
}

// diskLabel is the label that holds the size of a machine's disk in GiB, for who
// brings its work out without its manifest.
const diskLabel = "bottle-disk"

// disk is the size of the machine's disk in bytes, in whole GiB.
func (p *plan) disk() int64 {
	if n := p.spec.Resources.Disk; n > 0 {
		return (n + 1<<30 - 1) >> 30 << 30
	}
	return defaultBytes
}

func (p *plan) memory() int {
	if n := p.spec.Resources.Memory; n > 0 {
		return int(n >> 20)
	}
	return defaultMemory
}

func (p *plan) limits() []vm.Limit {
	list := []vm.Limit{}
	r := p.spec.Resources
	if r.Memory > 0 {
		list = append(list, vm.Limit{Resource: "memory", Wanted: fmt.Sprintf("%d MiB", p.memory()), Scope: vm.ScopeMachine, Detail: "the virtual machine's memory"})
	}
	if r.CPUs > 0 {
		list = append(list, vm.Limit{Resource: "cpus", Wanted: fmt.Sprintf("%g", r.CPUs), Scope: vm.ScopeMachine, Detail: fmt.Sprintf("%d processors of the virtual machine", p.cpus())})
	}
	if r.Disk > 0 {
		list = append(list, vm.Limit{Resource: "disk", Wanted: strconv.FormatInt(r.Disk, 10), Scope: vm.ScopeMachine, Detail: fmt.Sprintf("%d GiB of the virtual machine's disks, each", p.disk()>>30)})
	}
	if r.PIDs > 0 {
		list = append(list, vm.Limit{Resource: "pids", Wanted: strconv.Itoa(r.PIDs), Scope: vm.ScopeNone, Detail: "smolvm has no such limit; the virtual machine's kernel is the agent's own"})
	}
	return list
}

// create makes the machine in smolvm's records. Nothing runs yet.
func (b *Backend) create(ctx context.Context, p *plan, memory int) error {
	p.progress("making the virtual machine %s", p.name)
	_, err := b.must(ctx, call{args: p.createArgs(b.opt.Home, memory), timeout: createTimeout})
	if err != nil {
		return fmt.Errorf("create the machine: %w", err)
	}
	s, err := b.get(ctx, p.spec.ID)
	switch {
	case err != nil:
		return err
	case s == nil:
		return errors.New("create the machine: smolvm says that it did, and does not list it")
	case s.Network:
		return errors.New("create the machine: smolvm says that it has a network, which nobody asked for")
	}
	return nil
}

func (p *plan) progress(format string, args ...any) {
	if p.spec.Progress != nil {
		p.spec.Progress(fmt.Sprintf(format, args...))
	}
}

// maxSocketPath is the longest path of a socket that every host takes, in bytes.
const maxSocketPath = 100

// makeDir makes the folder of the sockets. Run by root, smolvm runs the machine's
// monitor as a user of its own, to whom nothing below root's folders is open: then
// it is one below /tmp that becomes that user's (openTo).
func (p *plan) makeDir() error {
	p.dir = filepath.Join(p.spec.Dir, "vm")
	if asRoot() {
		p.dir = rootDir(p.spec.ID)
	} else if p.spec.Dir == "" {
		return errors.New("a machine needs a folder for its sockets")
	}
	if n := len(p.socket(forwardName)); n > maxSocketPath {
		return fmt.Errorf("the path of its sockets in %s has %d bytes, of %d that one can have: set XDG_RUNTIME_DIR (or TMPDIR) to a shorter folder of yours", p.dir, n, maxSocketPath)
	}
	if strings.ContainsRune(p.dir, ':') {
		return fmt.Errorf("the folder of its sockets, %s, has a colon in its path: set XDG_RUNTIME_DIR to another", p.dir)
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return err
	}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of its sockets: %w", err)
	}
	return nil
}

func asRoot() bool { return os.Geteuid() == 0 }

// rootDir is the folder of the sockets of a machine of root's.
func rootDir(id string) string { return filepath.Join("/tmp", "bottle-vm-"+nameOf(id)) }

// openTo gives the sockets to the user that the machine's monitor runs as.
func (p *plan) openTo(pid int) error {
	if !asRoot() || pid <= 0 {
		return nil
	}
	uid, gid, err := userOf(pid)
	if err != nil {
		return fmt.Errorf("whom the machine's monitor runs as cannot be told: %w", err)
	}
	if uid == 0 {
		return nil
	}
	list, err := filepath.Glob(filepath.Join(p.dir, "*.sock"))
	for _, path := range append(list, p.dir) {
		err = errors.Join(err, os.Lchown(path, uid, gid))
	}
	return err
}

// userOf returns who a process runs as.
func userOf(pid int) (uid, gid int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("process %d has ended", pid)
	}
	if err != nil {
		return 0, 0, err
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		for key, id := range map[string]*int{"Uid:": &uid, "Gid:": &gid} {
			if f := strings.Fields(line); len(f) > 2 && f[0] == key {
				if *id, err = strconv.Atoi(f[2]); err != nil { // the effective one
					return 0, 0, err
				}
				found++
			}
		}
	}
	if found != 2 {
		return 0, 0, errors.New("its status has no user")
	}
	return uid, gid, nil
}
