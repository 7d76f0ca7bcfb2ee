package sandbox

import (
	"errors"
	"os"
	"path/filepath"
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
func startCommand(req *request, fds []int) (pid, master int, err error) {
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
	if pid, err = syscall.ForkExec(program, args, attr); err != nil {
		if master >= 0 {
			_ = unix.Close(master)
		}
		return fail(startProgram, err)
	}
	return pid, master, nil
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
