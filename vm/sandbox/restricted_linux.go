package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// restrictions are the settings by which hosts forbid user namespaces.
var restrictions = []struct {
	file, forbids string
	name          string // of the setting
	forRoot       bool
	fix           string
}{
	{
		file: "/proc/sys/user/max_user_namespaces", forbids: "0", name: "user.max_user_namespaces=0", forRoot: true,
		fix: "sudo sysctl user.max_user_namespaces=15000",
	}, {
		file: "/proc/sys/kernel/unprivileged_userns_clone", forbids: "0", name: "kernel.unprivileged_userns_clone=0",
		fix: "sudo sysctl kernel.unprivileged_userns_clone=1",
	}, {
		file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", forbids: "1",
		name: "kernel.apparmor_restrict_unprivileged_userns=1", fix: fixCommand,
	},
}

// fixCommand writes a profile for the one binary that needs one.
const fixCommand = "sudo bottle doctor --fix"

// restriction returns the setting that forbids sandboxes to the user, or nil.
// root is the folder in which to look, "/" but for tests.
func restriction(root string, uid int) *RestrictedError {
	for _, r := range restrictions {
		text, err := os.ReadFile(filepath.Join(root, r.file))
		if err == nil && strings.TrimSpace(string(text)) == r.forbids && (uid != 0 || r.forRoot) {
			return &RestrictedError{Setting: r.name, Fix: r.fix}
		}
	}
	return nil
}

// explain adds to an error of the set-up what the host forbids, when that is
// what it comes from.
func explain(err error) error {
	inside := errors.As(err, new(*setupError)) // the namespaces were made
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS),
		errors.Is(err, unix.EACCES) && !inside: // else a file of a mount is meant
		r := restriction("/", os.Geteuid())
		if r == nil && errors.Is(err, unix.EPERM) {
			r = &RestrictedError{
				Setting: "a container around this process, or a security module",
				Fix:     "run bottle outside of it, or let the container make user namespaces and mount /proc (docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)",
			}
		}
		if r != nil {
			r.Err = err
			return r
		}
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
		if v := kernelVersion(); !v.atLeast(needKernel) {
			return &RestrictedError{Setting: "Linux " + v.String(), Fix: "run Linux " + needKernel.String() + " or newer", Err: err}
		}
	}
	return err
}

// version is a kernel's.
type version struct{ major, minor int }

var needKernel = version{5, 12}
