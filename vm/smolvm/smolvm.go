// Package smolvm is the vm.Backend that runs agents in microVMs, through the
// command line of smolvm (https://smolmachines.com), version 1.9.0 or newer.
//
// # What holds the agent
//
// A machine is a virtual one, made without a network device: there is no flag for
// one in this package. What leads out of it are unix sockets of the host, one for
// each of Spec.Ports, which the guest program (vm/relay/guest) turns into ports of
// 127.0.0.1, and the streams of commands. That there is no interface but lo is
// looked at inside, each time a machine starts, and a machine that has another is
// ended.
//
// # The command line
//
// All calls go through one function (call.go): from an environment with the few
// variables that smolvm needs, and none of a proxy's, of other programs', or a
// secret; in a process group of their own, so that the keys of a person's terminal
// are the agent's; with a time limit. What a call achieved is looked at, its exit
// code alone is not believed: a guest's own code passes through it. Only steps
// that may be done twice are tried again. smolvm writes the arguments of commands
// into a log, so none may hold a secret; the agent's holds none to begin with.
//
// # State
//
// A machine bears the label [Label] with its id, and one that says whose it is
// (Options.Home), and so is found again after its maker was killed. Its root file
// system stays while it is stopped; /run and /tmp are new at each start.
package smolvm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/vm"
)

var _ vm.Keeper = (*Backend)(nil)

// Label is the label that holds a machine's id.
const Label = "bottle"

// MinVersion is the oldest version that works: the first in which files are
// copied into the running container.
const MinVersion = "1.9.0"

// Options of a Backend. The zero value is right outside of tests.
type Options struct {
	// Home is whose machines are made, and listed by Machines: the state folder of who
	// uses this, for smolvm keeps the machines of all of one user's in one list. "" is
	// nobody's in particular.
	Home string
	// Binary is the smolvm program; "" is the first one on PATH that is it:
	// smolvm, or smol-vmm, as the vendor's Python package calls it.
	Binary string
	// Environ is where the few variables come from that smolvm gets; nil is
	// os.Environ.
	Environ func() []string
	// Relay returns the path of the guest program for this host's architecture
	// and what releases it; nil is the one that this program brings along.
	Relay func() (path string, release func(), err error)
	// Hypervisor says why this host has no virtual machines; nil has one run.
	Hypervisor func() error
	// Sleep waits between two tries; nil is a timer.
	Sleep func(context.Context, time.Duration) error
}

// Backend makes microVMs. Create one with New.
type Backend struct {
	opt Options

	mu     sync.Mutex
	found  *program
	busy   map[string]*sync.Mutex // by machine, for its lifecycle calls
	checks sync.Mutex             // one binary is looked at at a time
}

// New returns a Backend. It does nothing yet.
func New(opt Options) *Backend {
	if opt.Environ == nil {
		opt.Environ = os.Environ
	}
	if opt.Relay == nil {
		opt.Relay = ownRelay
	}
	if opt.Hypervisor == nil {
		opt.Hypervisor = tryKVM
	}
	if opt.Sleep == nil {
		opt.Sleep = sleep
	}
	return &Backend{opt: opt, busy: map[string]*sync.Mutex{}}
}

// Name returns "smolvm".
func (b *Backend) Name() string { return "smolvm" }

// Owner returns this user: what is copied into a machine is the agent's there,
// and this user's here.
func (b *Backend) Owner(string) (uid, gid int, err error) { return os.Getuid(), os.Getgid(), nil }

// maxName is the longest name that is a host name as well.
const maxName = 40

// nameOf returns the name of the machine of an id: the id, where smolvm takes it
// and it is short enough to be the machine's host name too.
func nameOf(id string) string {
	if len(id) <= maxName && !strings.Contains(id, "--") {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "bottle-" + hex.EncodeToString(sum[:8])
}

// lock makes the lifecycle calls of a machine one at a time.
func (b *Backend) lock(name string) (unlock func()) {
	b.mu.Lock()
	m := b.busy[name]
	if m == nil {
		m = &sync.Mutex{}
		b.busy[name] = m
	}
	b.mu.Unlock()
	m.Lock()
	return m.Unlock
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
