package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// startError says which of the things that a start needs failed.
type startError struct {
	step string
	err  error
}

func (e *startError) Error() string { return e.step + ": " + e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// The steps of a start, as the parent knows them.
const (
	startDir     = "dir"
	startProgram = "program"
	startTTY     = "tty"
)

// startCommand starts a command in a session of its own, and returns the
// master of its terminal, or -1.
func startCommand(req *request, fds []int, limits []rlimit) (pid, master int, err error) {
	fail := func(step string, err error) (int, int, error) { return -1, -1, &startError{step, err} }
	dir := string(req.Dir)
	if fi, err := os.Stat(dir); err != nil {
		return fail(startDir, err)
	} else if !fi.IsDir() {
		return fail(startDir, unix.ENOTDIR)
	}
	args, env := texts(req.Args), texts(req.Env)
	if len(args) == 0 {
		return fail(startProgram, unix.EINVAL)
	}
	program, err := lookProgram(args[0], dir, env)
	if err != nil {
		return fail(startProgram, err)
	}
	attr := &syscall.ProcAttr{Dir: dir, Env: env, Sys: &syscall.SysProcAttr{Setsid: true}}
	master = -1
	var stdio []int
	if req.TTY != nil {
		var slave int
		if master, slave, err = openTTY(*req.TTY); err != nil {
			return fail(startTTY, err)
		}
		defer func() { _ = unix.Close(slave) }()
		stdio = []int{slave, slave, slave}
		attr.Sys.Setctty = true // Ctty 0 is standard input
	} else {
		null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return fail(startTTY, err)
		}
		defer func() { _ = unix.Close(null) }()
		stdio = []int{null, null, null}
		for n := range stdio {
			if req.Stdio&(1<<n) != 0 && len(fds) > 0 {
				stdio[n], fds = fds[0], fds[1:]
			}
		}
	}
	for _, fd := range stdio {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	if pid, err = forkLimited(program, args, attr, limits); err != nil {
		if master >= 0 {
			_ = unix.Close(master)
		}
		return fail(startProgram, err)
	}
	return pid, master, nil
}

// forkLimited starts a program with limits that its parent has not. Between
// fork and exec there is no place for that, so the program is traced until it
// has been limited, before its first instruction.
func forkLimited(program string, args []string, attr *syscall.ProcAttr, limits []rlimit) (int, error) {
	if len(limits) == 0 {
		return syscall.ForkExec(program, args, attr)
	}
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	attr.Sys.Ptrace = true
	pid, err := syscall.ForkExec(program, args, attr)
	if err != nil {
		return 0, err
	}
	var status unix.WaitStatus
	_, err = unix.Wait4(pid, &status, 0, nil)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Wait4(pid, &status, 0, nil)
	}
	if err == nil && !status.Stopped() {
		err = unix.ESRCH // it was killed meanwhile
	}
	for _, l := range limits {
		if err == nil {
			err = unix.Prlimit(pid, l.Resource, &unix.Rlimit{Cur: l.Value, Max: l.Value}, nil)
		}
	}
	if err == nil {
		err = unix.PtraceDetach(pid)
	}
	if err != nil {
		_ = unix.Kill(pid, unix.SIGKILL) // and be reaped
		return 0, err
	}
	return pid, nil
}

// lookProgram finds a program as execvp(3) does, in the command's own PATH.
func lookProgram(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	search := vm.DefaultPath
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			search = v
		}
	}
	var found error = unix.ENOENT
	for _, folder := range filepath.SplitList(search) {
		file := filepath.Join(folder, name)
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		fi, err := os.Stat(file)
		if err == nil && fi.IsDir() {
			err = unix.EACCES
		}
		if err == nil {
			err = unix.Access(file, unix.X_OK)
		}
		if err == nil {
			return file, nil
		}
		if errors.Is(err, unix.EACCES) {
			found = unix.EACCES
		}
	}
	return "", found
}

func texts(list [][]byte) []string {
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}
