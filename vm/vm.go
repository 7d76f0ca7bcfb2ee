// Package vm says what a machine for an agent is, whatever holds it: a Linux
// sandbox (vm/sandbox) or a microVM.
//
// A [Backend] makes a [Machine] from a [Spec]. A Machine has no network but
// its own loopback. What crosses its wall is what the Spec mounts, the
// listeners that [Machine.Listen] opens inside and the caller serves outside,
// and the streams of the commands that [Machine.Start] runs. Nothing else is
// taken over from the host: no environment, no descriptor, no terminal.
//
// Both interfaces are small on purpose. What a command line needs around a
// command (raw mode, window size, signals) is [Run], the same for every
// backend.
package vm

import (
	"context"
	"io"
	"net"
	"net/netip"
	"syscall"
)

// Backend makes machines. It is safe for concurrent use.
type Backend interface {
	// Name is what a manifest calls the backend.
	Name() string

	// Doctor says for each thing that the backend needs whether it is there,
	// and what to do when it is not. It leaves nothing behind.
	Doctor(ctx context.Context) []Check

	// Owner returns the host's numeric user and group that the agent of
	// machine id acts as. What the caller makes for a writable mount (HOME, a
	// copy of the workspace) must belong to them. The same id always has the
	// same owner.
	Owner(id string) (uid, gid int, err error)

	// Create makes a machine in which nothing runs yet. ctx bounds the
	// creation only. A Spec that asks for what the backend cannot do is an
	// error, except for Resources: Machine.Limits tells what came of those.
	Create(ctx context.Context, spec Spec) (Machine, error)
}

// Keeper is a Backend whose machines have a file system of their own and outlive
// their maker: a microVM. The programs in one are those of Spec.Image; what
// Spec.Mounts does not share is copied in when the machine starts and, where it
// may be written, brought back when it is closed; and what a maker left behind
// that was killed is found again by its id.
//
// Create starts the machine of that id again if it is there and stopped.
type Keeper interface {
	Backend

	// Machines returns the ids of all machines that the backend made for who uses it.
	Machines(ctx context.Context) ([]string, error)

	// Collect brings back what a machine has at the targets of mounts, as Close
	// would have done, starting the machine if need be. A machine that runs goes
	// on running. One that is not there is an error that wraps fs.ErrNotExist.
	Collect(ctx context.Context, id string, mounts []Mount) error

	// Remove ends a machine in whatever state it is and deletes it, with its
	// sockets. One that is not there is none to remove: no error.
	Remove(ctx context.Context, id string) error
}

// Machine is a running machine. Its methods may be called from any goroutine.
type Machine interface {
	// ID is the Spec's.
	ID() string

	// Start starts a command. ctx bounds the start only: a started command
	// ends by itself, by Process.Signal or with the machine. A program that is
	// not there is an error that wraps fs.ErrNotExist, one that may not be
	// executed wraps fs.ErrPermission.
	Start(ctx context.Context, cmd Command) (Process, error)

	// Listen opens a TCP listener at 127.0.0.1:port inside the machine, for
	// the caller to serve; with port 0 the machine picks one. A backend that
	// can only listen on ports which it was told before wraps
	// errors.ErrUnsupported. A listener outlives nothing: when the machine
	// ends, it accepts no more, but the caller still closes it.
	Listen(ctx context.Context, port int) (net.Listener, error)

	// Dial connects to the program that listens at a TCP port of the machine's own
	// loopback, 127.0.0.1 or ::1; when there is none, the error wraps
	// syscall.ECONNREFUSED. The connection has a CloseWrite.
	Dial(ctx context.Context, port int) (net.Conn, error)

	// Limits says how each of the Spec's Resources is enforced.
	Limits() []Limit

	// Wait returns when nothing of the machine runs any more: nil after
	// Close, else why it ended. It may be called any number of times.
	Wait() error

	// Close ends everything in the machine at once and waits for it. To end
	// softly, signal the processes first. Closing twice is fine.
	Close() error
}

// Network is what a Machine can have besides: sockets at further addresses, for
// the caller to serve (package relay). They outlive nothing either.
type Network interface {
	// ListenAt opens a TCP listener at an address inside. One at [::] takes IPv4
	// as well.
	ListenAt(ctx context.Context, addr netip.AddrPort) (net.Listener, error)
	// ListenPacket opens a UDP socket at an address inside.
	ListenPacket(ctx context.Context, addr netip.AddrPort) (net.PacketConn, error)
}

// Trusting is a Machine that was given the Spec's CA in stores of its own.
type Trusting interface {
	// Stores are the files inside, with roots in PEM, that have the CA.
	Stores() []string
}

// Starter is what commands can be started in: a Machine, or something that
// stands for one.
type Starter interface {
	Start(ctx context.Context, cmd Command) (Process, error)
}

// Process is a command in a machine. Its methods may be called from any
// goroutine.
type Process interface {
	// Wait returns the exit code, 128+n after a signal n, once the command has
	// ended and what it wrote has been copied. It does not wait for Stdin,
	// whose reader may stay in one more Read, nor for what processes left in
	// the background go on to write. It may be called any number of times. An
	// error means that the machine ended first or that output could not be
	// written.
	Wait() (code int, err error)

	// Signal sends a signal, by the host's number, to the command and the
	// processes in its group. After its end it returns os.ErrProcessDone.
	Signal(sig syscall.Signal) error

	// Resize tells a command with a terminal that its window has changed.
	Resize(size WinSize) error
}

// Command is what to run in a machine.
type Command struct {
	// Args are the program and its arguments. A program without a slash is
	// looked up in the command's PATH, inside.
	Args []string
	// Env is added to the environment of the Spec.
	Env map[string]string
	// Dir is the working directory; "" means the user's home.
	Dir string

	// The streams are copied: no descriptor of the host is handed in. A nil
	// Stdin is empty, a nil Stdout or Stderr is discarded. One writer that is
	// both is called by one goroutine at a time.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// TTY gives the command a terminal of its own of this size; all output
	// then comes on Stdout, and Stderr must be nil. The end of Stdin is not
	// seen by the command: a terminal's end of file is the byte 4.
	TTY *WinSize
}

// WinSize is the size of a terminal in characters.
type WinSize struct{ Rows, Cols uint16 }

// Check is one line of a Doctor.
type Check struct {
	Name   string `json:"name"` // what was looked at
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was found
	Fix    string `json:"fix"`    // what to do when it is not OK; may be several lines
}

// Limit says how one of the Resources is enforced.
type Limit struct {
	Resource string // memory, cpus, pids
	Wanted   string
	Scope    Scope
	Detail   string // by what; when not for the whole machine, why
}

// Scope is what a limit holds for.
type Scope string

// The scopes.
const (
	ScopeMachine Scope = "machine" // all processes together
	ScopeProcess Scope = "process" // each process on its own
	ScopeNone    Scope = "none"    // not enforced
)
