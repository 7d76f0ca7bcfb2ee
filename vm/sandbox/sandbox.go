// Package sandbox is the vm.Backend that every Linux has: namespaces, set up
// by one re-exec of the running program, with nothing to install and no
// privilege to ask for.
//
// # Use
//
// The machine's first process is the calling program itself. So main, and
// TestMain of a test that makes machines, calls [Init] before anything else:
//
//	func main() {
//		sandbox.Init()
//		…
//	}
//
// In the caller's process Init returns at once; in a machine it never does.
//
// # What holds the agent
//
// No fence stands alone. User, network, mount, PID, IPC, UTS and cgroup
// namespaces; a network with nothing but its own loopback; a root file system
// put together from an allow list (plan_linux.go) of the host's programs,
// read-only, and the mounts that were asked for; /proc with its switches
// read-only and its secrets covered; no capability, in any set, and
// no_new_privs; a table of denied system calls (seccomp_linux.go) for both the
// native and the foreign calling conventions; Landlock over the same view
// where the kernel has it; a session keyring of its own; a terminal of its
// own; no descriptor but the three streams; an environment from nothing.
//
// Run by an ordinary user, the machine acts as that user, with the user's
// groups (which an unprivileged process cannot give up). Run by root, it acts
// as a host user that exists for nothing else, see [Options].UIDBase: never as
// root, to whom /proc/sys/kernel/core_pattern alone is enough to own the host.
//
// # The init
//
// PID 1 of a machine reaps, starts commands, opens listeners, and passes
// terminals and listeners up to the parent over a socket. It has no more
// rights than the agent beside it, and the parent believes nothing that it
// says: messages are bounded, descriptors are checked for being what was asked
// for, and anything else ends the machine. The socket is also the lifeline:
// when the parent dies, init ends, and the kernel ends the rest.
//
// Linux 5.12 or newer is needed, for mount_setattr(2).
package sandbox

import (
	"strings"
)

// Options of a Backend. The zero value is right outside of tests.
type Options struct {
	// UIDBase is the first of the 2^24 host user and group numbers that
	// machines of root act as; 0 means DefaultUIDBase. Machines of an ordinary
	// user ignore it.
	UIDBase uint32

	// Breach takes fences away, so that a test can show what each is good
	// for. Outside of a test binary Create refuses anything but 0.
	Breach Breach
}

// DefaultUIDBase starts a range that systemd's overview of user numbers
// (UIDS-GIDS.md) lists as unused, above its container users.
const DefaultUIDBase = 0x70000000

// uidSpan is how many numbers from UIDBase on machines share. A machine's
// number comes from a hash of its ID: that two at once have the same one is
// improbable, and would only cost the fence between these two.
const uidSpan = 1 << 24

// Breach is a set of fences that are left out. It exists for tests only.
type Breach uint32

// The fences. Each takes away the one thing it names: where two fences hold
// the same attack, a test takes away both.
const (
	BreachUser        Breach = 1 << iota // root's machines act as root
	BreachNet                            // the host's network
	BreachMounts                         // all folders of the host
	BreachPID                            // the host's processes
	BreachIPC                            // the host's System V IPC
	BreachProc                           // /proc neither read-only nor covered
	BreachCaps                           // set-up's capabilities are kept
	BreachNoNewPrivs                     // programs may gain privileges (needs BreachCaps)
	BreachSeccomp                        // no system call is denied
	BreachLandlock                       // no Landlock
	BreachKeyring                        // the caller's session keyring
	BreachFDs                            // descriptors leak in
	BreachDump                           // init can be inspected
	BreachLifeline                       // init stays when the socket closes
	BreachDeathSignal                    // init is not killed with its parent

	breachEnd
)

var breachNames = []string{
	"user", "net", "mounts", "pid", "ipc", "proc", "caps", "no-new-privs", "seccomp", "landlock", "keyring",
	"fds", "dump", "lifeline", "death-signal",
}

func (b Breach) has(f Breach) bool { return b&f != 0 }

// String lists the fences that are left out.
func (b Breach) String() string {
	var list []string
	for i, n := range breachNames {
		if b.has(1 << i) {
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ",")
}

// Backend makes sandboxes. Create one with New.
type Backend struct{ opt Options }

// New returns a Backend. It does nothing yet.
func New(opt Options) *Backend { return &Backend{opt: opt} }

// Name returns "sandbox".
func (b *Backend) Name() string { return "sandbox" }

// RestrictedError says that the host forbids sandboxes.
type RestrictedError struct {
	Setting string // what forbids them
	Fix     string // what to do, usually a command
	Err     error  // what failed because of it
}

func (e *RestrictedError) Error() string {
	return e.Err.Error() + "; the host forbids sandboxes by " + e.Setting + ": " + e.Fix
}

func (e *RestrictedError) Unwrap() error { return e.Err }
