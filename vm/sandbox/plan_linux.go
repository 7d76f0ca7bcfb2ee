package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/vm"
)

// stepKind is what a step of the plan makes.
type stepKind string

const (
	stepBind  stepKind = "bind"  // show Source, a path of the host
	stepFS    stepKind = "fs"    // mount a new file system
	stepSeal  stepKind = "seal"  // make a path in the machine a mount of its own with Attr
	stepMask  stepKind = "mask"  // cover a path in the machine with nothing
	stepFile  stepKind = "file"  // write Data
	stepDir   stepKind = "dir"   // make a folder
	stepLink  stepKind = "link"  // make a symbolic link to Source
	stepWrite stepKind = "write" // write Data into a file that is there
)

// step is one thing to do in the new root. Steps are made by the parent, as
// data, and done in order by setup.
type step struct {
	Kind    stepKind
	Target  []byte
	Source  []byte   `json:",omitempty"`
	Data    []byte   `json:",omitempty"`
	Options []string `json:",omitempty"` // of a new file system
	Attr    uint64   `json:",omitempty"` // MOUNT_ATTR_*
	Mode    uint32   `json:",omitempty"`
	// Optional steps are left out when their path is not there.
	Optional bool `json:",omitempty"`
	// Write lets the second fence (Landlock) allow writing below Target.
	Write bool `json:",omitempty"`
	// Tree is the index of the mount that the parent opened, counted from 1.
	Tree int `json:",omitempty"`
	// Shared is the mount's field of that name.
	Shared bool `json:",omitempty"`
	// Dir says that the target is a folder.
	Dir bool `json:",omitempty"`
}

const (
	roAttr   = unix.MOUNT_ATTR_RDONLY | safeAttr
	safeAttr = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	dataAttr = safeAttr | unix.MOUNT_ATTR_NOEXEC
	// devAttr is for device nodes: nodev would make them useless.
	devAttr = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
)

// Sizes of the file systems in memory, in bytes unless told. They fill only as
// they are used, and count as the machine's memory where that is limited.
const (
	rootSize   = "size=16m"
	tmpSize    = "size=2g"
	homeSize   = "size=2g"
	runSize    = "size=64m"
	shmSize    = "size=512m"
	fewInodes  = "nr_inodes=64k"
	manyInodes = "nr_inodes=1m"
)

// hostFolders hold the programs of the host, read-only. On a merged-usr system
// most of them are links, which are made again.
var hostFolders = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/opt",                     // third-party programs; as public as /usr
	"/nix/store", "/gnu/store", // NixOS, Guix
}

// hostEtc are the parts of /etc that programs need to start, to verify TLS, to
// show text and time. Everything else stays away: /etc is where hosts keep
// credentials (gitconfig, npmrc, profile.d, netrc, krb5, docker, ssl/private).
var hostEtc = []struct{ pattern, why string }{
	{"/etc/ld.so.cache", "the dynamic loader"},
	{"/etc/ld.so.conf", "the dynamic loader"},
	{"/etc/ld.so.conf.d", "the dynamic loader"},
	{"/etc/ld-musl-*.path", "the dynamic loader of musl"},
	{"/etc/alternatives", "what editor, awk, java and cc are on Debian"},
	{"/etc/ssl/certs", "CA certificates"},
	{"/etc/ssl/cert.pem", "CA certificates"},
	{"/etc/ssl/ca-bundle.pem", "CA certificates of openSUSE"},
	{"/etc/ssl/openssl.cnf", "settings without which openssl complains"},
	{"/etc/ca-certificates", "CA certificates of Arch"},
	{"/etc/ca-certificates.conf", "CA certificates of Debian"},
	{"/etc/pki/tls/certs", "CA certificates of Fedora"},
	{"/etc/pki/tls/cert.pem", "CA certificates of Fedora"},
	{"/etc/pki/ca-trust/extracted", "CA certificates of Fedora"},
	{"/etc/crypto-policies", "settings that Fedora's TLS libraries include"},
	{"/var/lib/ca-certificates", "CA certificates of openSUSE, linked from /etc"},
	{"/etc/static", "where NixOS's /etc links to"},
	{"/etc/localtime", "the time zone"},
	{"/etc/timezone", "the time zone"},
	{"/etc/os-release", "which distribution this is"},
	{"/etc/lsb-release", "which distribution this is"},
	{"/etc/debian_version", "which distribution this is"},
	{"/etc/terminfo", "terminals"},
	{"/etc/inputrc", "keys in a shell"},
	{"/etc/fonts", "fonts for headless browsers and documents"},
	{"/etc/mime.types", "types of files"},
	{"/etc/magic", "types of files"},
	{"/etc/protocols", "names of protocols"},
	{"/etc/services", "names of ports"},
	{"/etc/java*", "settings without which the JVM does not start"},
	{"/etc/python3*", "settings that Debian's python loads"},
	{"/etc/perl", "settings that Debian's perl loads"},
}

// devices are the nodes of /dev that every program may use.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// readOnlyProc are the parts of /proc through which a kernel is set up. As
// another user than the host's root their files cannot be written anyway; a
// file that gets its permissions wrong is caught by this.
var readOnlyProc = []string{"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger"}

// maskedProc tell about the host's memory, keys, hardware and timing.
var maskedProc = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kallsyms", "/proc/kcore", "/proc/key-users", "/proc/keys",
	"/proc/kmsg", "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags", "/proc/latency_stats", "/proc/sched_debug",
	"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/proc/vmallocinfo", "/proc/vmcore",
}

// newPlan lists the steps that make a machine's root. host is the root folder
// whose programs are shown, "/" but for tests.
func newPlan(spec *vm.Spec, breach Breach, host string) ([]step, error) {
	p := &planner{host: host}
	for _, f := range hostFolders {
		p.hostPath(f)
	}
	for _, e := range hostEtc {
		matches, err := filepath.Glob(filepath.Join(host, e.pattern))
		if err != nil { // only for a bad pattern, which the tests would see
			return nil, fmt.Errorf("list %s: %w", e.pattern, err)
		}
		for _, m := range matches {
			p.hostPath("/" + strings.TrimPrefix(strings.TrimPrefix(m, host), "/"))
		}
	}
	p.memoryFolders()
	p.proc(breach)
	p.dev()
	for _, f := range etcFiles(spec) {
		p.add(step{Kind: stepFile, Target: []byte(f.path), Data: []byte(f.text)})
	}
	if breach.has(BreachMounts) {
		if err := p.wholeHost(spec.User.Home); err != nil {
			return nil, err
		}
	}
	if err := p.userMounts(spec); err != nil {
		return nil, err
	}
	return p.steps, nil
}

type planner struct {
	host  string
	steps []step
}

func (p *planner) add(s ...step) { p.steps = append(p.steps, s...) }

func (p *planner) bind(source, target string, attr uint64, dir bool) {
	p.add(step{Kind: stepBind, Source: []byte(source), Target: []byte(target), Attr: attr, Dir: dir})
}

// hostPath shows a path of the host read-only, when it is there, and makes a
// link again as a link.
func (p *planner) hostPath(name string) {
	source := filepath.Join(p.host, name)
	fi, err := os.Lstat(source)
	if err != nil {
		return
	}
	if fi.Mode()&fs.ModeSymlink == 0 {
		p.bind(source, name, roAttr, fi.IsDir())
		p.steps[len(p.steps)-1].Optional = true
		return
	}
	if to, err := os.Readlink(source); err == nil {
		p.add(step{Kind: stepLink, Target: []byte(name), Source: []byte(to)})
	}
}

// memoryFolders are those that a program expects to write to.
func (p *planner) memoryFolders() {
	p.fs("tmpfs", "/tmp", safeAttr, "mode=1777", tmpSize, manyInodes)
	p.fs("tmpfs", "/run", dataAttr, "mode=0755", runSize, fewInodes)
	p.add(
		step{Kind: stepDir, Target: []byte("/run/lock"), Mode: 0o1777},
		step{Kind: stepLink, Target: []byte("/var/run"), Source: []byte("../run")},
		step{Kind: stepLink, Target: []byte("/var/lock"), Source: []byte("../run/lock")},
		step{Kind: stepLink, Target: []byte("/var/tmp"), Source: []byte("../tmp")},
	)
}

func (p *planner) fs(kind, target string, attr uint64, options ...string) {
	p.add(step{Kind: stepFS, Source: []byte(kind), Target: []byte(target), Options: options, Attr: attr, Dir: true, Write: kind != "proc"})
}

func (p *planner) proc(breach Breach) {
	if breach.has(BreachPID) { // a new one shows the processes of its maker's namespace, which must be its own
		p.bind(filepath.Join(p.host, "proc"), "/proc", dataAttr, true)
	} else {
		p.fs("proc", "/proc", dataAttr)
	}
	p.steps[len(p.steps)-1].Write = breach.has(BreachProc)
	if !breach.has(BreachNet) {
		// So that a listener may have any port; the network is the machine's own.
		p.add(step{Kind: stepWrite, Target: []byte("/proc/sys/net/ipv4/ip_unprivileged_port_start"), Data: []byte("0")})
	}
	if breach.has(BreachProc) {
		return
	}
	for _, f := range readOnlyProc {
		p.add(step{Kind: stepSeal, Target: []byte(f), Attr: unix.MOUNT_ATTR_RDONLY | dataAttr, Optional: true})
	}
	for _, f := range maskedProc {
		p.add(step{Kind: stepMask, Target: []byte(f), Optional: true})
	}
}

func (p *planner) dev() {
	for _, d := range devices {
		p.bind("/dev/"+d, "/dev/"+d, devAttr, false)
		p.steps[len(p.steps)-1].Write = true
	}
	p.fs("devpts", "/dev/pts", devAttr, "newinstance", "mode=0600", "ptmxmode=0666")
	p.fs("tmpfs", "/dev/shm", dataAttr, "mode=1777", shmSize, fewInodes)
	for _, l := range [][2]string{
		{"ptmx", "pts/ptmx"}, {"fd", "/proc/self/fd"},
		{"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
	} {
		p.add(step{Kind: stepLink, Target: []byte("/dev/" + l[0]), Source: []byte(l[1])})
	}
}

// wholeHost shows every folder of the host where it is, but for what must be
// there anew: the kernel's, and the folder of the agent's home.
func (p *planner) wholeHost(home string) error {
	entries, err := os.ReadDir(p.host)
	if err != nil {
		return fmt.Errorf("list the host's folders: %w", err)
	}
	for _, e := range entries {
		if name := "/" + e.Name(); e.IsDir() && name != "/proc" && name != "/dev" && name != "/sys" && !paths.Below(home, name) {
			p.bind(filepath.Join(p.host, name), name, safeAttr, true)
			p.steps[len(p.steps)-1].Write = true
		}
	}
	return nil
}

// userMounts are the Spec's. A home that none of them covers is in memory.
func (p *planner) userMounts(spec *vm.Spec) error {
	covered := false
	for _, m := range spec.Mounts {
		covered = covered || m.Target == spec.User.Home || paths.Below(spec.User.Home, m.Target)
	}
	if !covered {
		p.fs("tmpfs", spec.User.Home, safeAttr, "mode=0700", homeSize, manyInodes)
	}
	var errs []error
	for _, m := range spec.Mounts {
		for _, fence := range []string{"/proc", "/dev", "/sys"} {
			if m.Target == fence || paths.Below(m.Target, fence) {
				errs = append(errs, fmt.Errorf("mount %q: nothing can be mounted in %s, which the sandbox guards", m.Source, fence))
			}
		}
		fi, err := os.Lstat(m.Source)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("mount %q: it does not exist (any more): make it, or take the mount out: %w", m.Source, err))
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("mount %q: %w", m.Source, err))
			continue
		}
		attr := uint64(safeAttr)
		if m.ReadOnly {
			attr = roAttr
		}
		p.bind(m.Source, m.Target, attr, fi.IsDir())
		p.steps[len(p.steps)-1].Write = !m.ReadOnly
		p.steps[len(p.steps)-1].Shared = m.Shared
	}
	for _, l := range spec.Links {
		p.add(step{Kind: stepLink, Target: []byte(l.Path), Source: []byte(l.Target)})
	}
	return errors.Join(errs...)
}
