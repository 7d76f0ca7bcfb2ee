package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
	"github.com/bot-bottle/bottle/vm/smolvm"
)

func (a *app) doctorCmd() *cobra.Command {
	var fix bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what bottle needs on this host, and say how to get it",
		Long: `Check what bottle needs on this host. The exit code is 1 when something is
missing. With --json it is a list of objects: name (what was looked at), ok,
detail (what was found) and fix (what to do; empty when ok).

With --fix, run as root, write an AppArmor profile that lets this program, and no
other, make sandboxes. No setting of the system is changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if fix {
				return a.fix(cmd.Context())
			}
			return a.doctor(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "write an AppArmor profile for this program (as root)")
	return cmd
}

func (a *app) doctor(ctx context.Context) error {
	checks := append(a.backendChecks(ctx), checkFolders()...)
	checks = append(checks, a.checkAgent(ctx)...)
	checks = append(checks, checkLogins()...)
	checks = append(checks, a.manifestSecrets()...)
	healthy := true
	for i := range checks {
		if checks[i].OK {
			checks[i].Fix = "" // nothing is to be done
		}
		healthy = healthy && checks[i].OK
	}
	var err error
	if a.json {
		err = a.printJSON(checks)
	} else {
		err = a.printChecks(checks)
	}
	if err == nil && !healthy {
		err = &exitError{code: exitFound}
	}
	return err
}

// backendChecks are those of the sandbox, and of smolvm where it is: nobody needs
// both. Where the manifest here wants smolvm, they are those of smolvm alone.
func (a *app) backendChecks(ctx context.Context) []vm.Check {
	micro := microVMs()
	if m, err := a.load(""); err == nil && m.Backend == micro.Name() {
		return micro.Doctor(ctx)
	}
	if errors.Is(micro.Usable(ctx), smolvm.ErrNotInstalled) && runtime.GOOS == "linux" {
		return a.backend().Doctor(ctx)
	}
	checks := micro.Doctor(ctx)
	if runtime.GOOS != "linux" {
		return checks
	}
	for i := range checks { // the sandbox does without
		checks[i].Detail += map[bool]string{false: "; the sandbox needs none of this"}[checks[i].OK]
		checks[i].OK = true
	}
	return append(a.backend().Doctor(ctx), checks...)
}

// checkAgent looks for the client of the agent that the manifest here runs, as up does.
func (a *app) checkAgent(ctx context.Context) []vm.Check {
	m, err := a.load("")
	if err != nil {
		return nil
	}
	backend, _, err := a.backendOf(ctx, m)
	if _, own := backend.(vm.Keeper); own || err != nil { // its machines have programs of their own
		return nil
	}
	plan, err := agent.New(m.Agent, agent.Options{})
	if err != nil || plan.Program == "" {
		return nil
	}
	c := vm.Check{Name: "agent " + m.Agent, OK: true, Detail: "its client is installed"}
	if _, err := vm.FindInstall(plan.Program, os.Getenv("PATH"), os.Getenv("HOME")); err != nil {
		c.OK, c.Detail, c.Fix = false, escape.Text(err.Error()), plan.Install
	}
	return []vm.Check{c}
}

// manifestSecrets looks at the secrets of the manifest here and names its known values
// that are short or plain, if there is one and it is trusted: nothing of another is
// read.
func (a *app) manifestSecrets() (checks []vm.Check) {
	m, err := a.load("")
	if err != nil {
		return nil // other commands say what is wrong with it
	}
	dir, err := env.StateDir() // which is not made
	if err != nil || manifest.OpenTrust(dir).IsTrusted(m) != nil {
		return nil
	}
	checks = checkGrants(m)
	for _, w := range m.WeakValues(secret.Options{}) {
		checks = append(checks, vm.Check{Name: "known values", OK: true, Detail: escape.Text(w)})
	}
	return checks
}

// checkLogins says which logins of agents' clients forward_host_credentials can use.
// Nobody needs one: that nobody is logged in is no fault.
func checkLogins() (checks []vm.Check) {
	for _, name := range secret.Logins() {
		c := vm.Check{Name: "login of " + name, OK: true}
		var recovered []string
		s, err := secret.New(name, secret.Source{Login: name}, secret.Options{
			LockDir: lockDir(),
			Warn:    func(text string) { recovered = append(recovered, text) },
		})
		if err != nil {
			continue
		}
		recoverErr := s.Recover()
		warnings, err := s.Check()
		if err == nil {
			err = recoverErr
		}
		warnings = append(recovered, warnings...)
		info, _, _ := s.Login() // the error is that of Check
		switch {
		case errors.Is(err, secret.ErrLoggedOut):
			c.Detail = "nobody is logged in, so there is none to use"
		case errors.Is(err, secret.ErrNotKept):
			c.OK, c.Detail = false, escape.Text(err.Error())
			c.Fix = "make the file of the login writable, with room beside it, or do without forward_host_credentials"
		case err != nil:
			c.OK, c.Detail = false, escape.Text(err.Error())
			c.Fix = "log in again with the client of " + name + ", or do without forward_host_credentials"
		case len(warnings) > 0:
			c.Detail = escape.Text(strings.Join(warnings, "; "))
		default:
			c.Detail = "can be used (" + map[secret.LoginMode]string{secret.LoginOAuth: "a subscription", secret.LoginAPIKey: "an API key"}[info.Mode] + ")"
		}
		checks = append(checks, c)
	}
	return checks
}

// lockDir is where bottles lock a login: nothing is made for a look at it.
func lockDir() string {
	dir, err := env.StateDir()
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		return "" // no bottle of this state folder ever ran
	}
	return dir
}

// checkFolders tries what a bottle does first: to make a folder of its own.
func checkFolders() []vm.Check {
	var checks []vm.Check
	for _, f := range []struct {
		name, variable string
		path           func() (string, error)
	}{
		{"state folder", "XDG_STATE_HOME", env.StateDir},
		{"runtime folder", "XDG_RUNTIME_DIR", env.RuntimeRoot},
	} {
		c := vm.Check{Name: f.name}
		dir, err := f.path()
		if err == nil {
			err = tryFolder(dir)
		}
		if c.OK = err == nil; c.OK {
			c.Detail = dir + ": private, and can be written"
		} else {
			c.Detail = err.Error()
			c.Fix = "make it writable for you alone, or set " + f.variable + " to a folder that is"
			if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
				c.Fix = "make room on its disk, or set " + f.variable + " to a folder on another; " + keptHint
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// roomTried is what doctor writes into a folder, in bytes: less than a bottle needs.
const roomTried = 512 << 10

// tryFolder makes a folder with a file in dir, or in what is there above it, and takes
// both away again.
func tryFolder(dir string) error {
	for dir != filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			break // MkdirTemp says what is wrong with it
		}
		dir = filepath.Dir(dir)
	}
	temp, err := os.MkdirTemp(dir, ".bottle-doctor-")
	if err != nil {
		return fmt.Errorf("no folder can be made in %s: %w", dir, errors.Unwrap(err))
	}
	defer os.RemoveAll(temp)
	if err := os.WriteFile(filepath.Join(temp, "room"), make([]byte, roomTried), 0o600); err != nil {
		return fmt.Errorf("%d bytes cannot be written in %s: %w", roomTried, dir, errors.Unwrap(err))
	}
	return nil
}

func (a *app) printChecks(checks []vm.Check) error {
	for _, c := range checks {
		mark := "ok     "
		if !c.OK {
			mark = "missing"
		}
		if _, err := fmt.Fprintf(a.std.out, "%s  %s: %s\n", mark, c.Name, c.Detail); err != nil {
			return err
		}
		if c.Fix == "" {
			continue
		}
		for line := range strings.SplitSeq(c.Fix, "\n") {
			if _, err := fmt.Fprintf(a.std.out, "         %s\n", line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) fix(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("--fix writes below /etc/apparmor.d: run \"sudo bottle doctor --fix\"")
	}
	self, err := program()
	if err != nil {
		return err
	}
	profile, err := sandbox.FixAppArmor(ctx, self)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.std.err, "%s was written and loaded: %s, and no other program, may make sandboxes now\n", profile, self)
	return err
}
