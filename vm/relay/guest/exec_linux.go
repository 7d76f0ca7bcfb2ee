package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/caps"
)

// target is whom and where a command runs as.
type target struct {
	uid, gid       int
	dir, state, id string
	args           []string
}

func parseTarget(args []string) (*target, error) {
	var t target
	f := flags("exec")
	f.IntVar(&t.uid, "uid", -1, "")
	f.IntVar(&t.gid, "gid", -1, "")
	f.StringVar(&t.dir, "dir", "/", "")
	f.StringVar(&t.state, "state", "", "")
	f.StringVar(&t.id, "id", "", "")
	if err := f.Parse(args); err != nil {
		return nil, &codeError{ExitUsage, err}
	}
	if t.args = f.Args(); len(t.args) == 0 || t.uid < 0 || t.gid < 0 {
		return nil, &codeError{ExitUsage, errors.New("no command, or nobody to run it as")}
	}
	return &t, nil
}

// check says by its exit code whether exec of the same arguments would start
// something. The agent may change the answer in between, which only it notices.
func check(args []string, _ io.Reader, _ io.Writer) error {
	t, err := parseTarget(args)
	if err != nil {
		return err
	}
	if err := t.drop(); err != nil {
		return err
	}
	_, err = t.find()
	return err
}

// become is exec: this process becomes the command, as the agent's user, with no
// capability and no way to gain one.
func become(args []string, _ io.Reader, _ io.Writer) error {
	t, err := parseTarget(args)
	if err != nil {
		return err
	}
	raiseFiles()
	if err := t.lead(); err != nil {
		return fmt.Errorf("make a process group of its own: %w", err)
	}
	if err := t.note(); err != nil {
		return fmt.Errorf("note the process: %w", err)
	}
	if err := t.drop(); err != nil {
		return err
	}
	program, err := t.find()
	if err != nil {
		return err
	}
	return syscall.Exec(program, t.args, os.Environ())
}

// lead makes this process the leader of its group, so that a signal reaches all of
// it: on a terminal it mostly is, as the leader of a session.
func (t *target) lead() error {
	if unix.Getpgrp() == unix.Getpid() {
		return nil
	}
	if err := unix.Setpgid(0, 0); err != nil {
		return err
	}
	// Where there is a terminal, its keys are for the new group.
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		return unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpid())
	}
	return nil
}

func (t *target) note() error {
	if t.id == "" {
		return nil
	}
	text := fmt.Sprintf("%d %s", os.Getpid(), startOf(os.Getpid()))
	return os.WriteFile(pidFile(t.state, t.id), []byte(text), 0o644)
}

// drop becomes the agent's user for good. Where this is not root already, it must
// be that user. What is given up is this thread's, which the goroutine stays on, and
// which exec takes over.
func (t *target) drop() error {
	runtime.LockOSThread()
	if os.Geteuid() != 0 {
		if os.Geteuid() != t.uid {
			return fmt.Errorf("runs as user %d, and cannot become %d", os.Geteuid(), t.uid)
		}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		return filterCalls()
	}
	if t.uid == 0 {
		return errors.New("the agent is never root")
	}
	if err := caps.EmptyBounding(); err != nil {
		return fmt.Errorf("empty the bounding set: %w", err)
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"set no_new_privs", func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }},
		{"set the groups", func() error { return syscall.Setgroups([]int{t.gid}) }},
		{"set the group", func() error { return syscall.Setresgid(t.gid, t.gid, t.gid) }},
		{"set the user", func() error { return syscall.Setresuid(t.uid, t.uid, t.uid) }},
		{"give up capabilities", caps.Drop},
		{"filter system calls", filterCalls},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// find goes to the folder and finds the program as execvp(3) does.
func (t *target) find() (string, error) {
	if err := os.Chdir(t.dir); err != nil {
		return "", &codeError{ExitNoFolder, err}
	}
	name := t.args[0]
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	var found error = &codeError{ExitNoProgram, fmt.Errorf("%s: %w in %s", name, unix.ENOENT, os.Getenv("PATH"))}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, name)
		err := executable(file)
		if err == nil {
			return file, nil
		}
		var coded *codeError
		if errors.As(err, &coded) && coded.code == ExitNotAllowed {
			found = err
		}
	}
	return "", found
}

func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, unix.EACCES):
		return &codeError{ExitNotAllowed, err}
	case err != nil:
		return &codeError{ExitNoProgram, err}
	case info.IsDir():
		return &codeError{ExitNotAllowed, fmt.Errorf("%s is a folder", file)}
	}
	if err := unix.Access(file, unix.X_OK); err != nil {
		return &codeError{ExitNotAllowed, fmt.Errorf("%s: %w", file, err)}
	}
	return nil
}
