package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// hostHelpers are programs beside the test.
var hostHelpers = map[string]func(args []string){
	"parent":       parentHelper,
	"once":         onceHelper,
	"keyring":      keyringHelper,
	"keyring-exec": keyringMachine,
}

// parentHelper makes a machine with a command in it, says which process is its
// first, and stays.
func parentHelper(args []string) {
	m, err := New(Options{Breach: Breach(number(args[0]))}).Create(background(), vm.Spec{ID: "orphan"})
	if err == nil {
		_, err = m.Start(background(), vm.Command{Args: []string{"sleep", "1000"}})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(m.(*machine).init.Pid)
	select {}
}

func TestNothingRemainsOfAKilledParent(t *testing.T) {
	for _, c := range []struct {
		breach  Breach
		remains bool
	}{
		{0, false}, {BreachLifeline, false}, {BreachDeathSignal, false}, {BreachLifeline | BreachDeathSignal, true},
	} {
		t.Run("without "+c.breach.String(), func(t *testing.T) {
			parent := hostHelper(t, "parent", strconv.Itoa(int(c.breach)))
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			pid, convErr := strconv.Atoi(strings.TrimSpace(line))
			if err := errors.Join(err, convErr); err != nil {
				t.Fatalf("the parent said %q: %v", line, err)
			}
			init, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(init)
			defer func() { _ = unix.PidfdSendSignal(init, unix.SIGKILL, nil, 0) }()
			if err := parent.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = parent.Wait()
			limit := patience
			if c.remains {
				limit = 500 * time.Millisecond
			}
			// When the first process of a PID namespace has ended, all others have.
			fds := []unix.PollFd{{Fd: int32(init), Events: unix.POLLIN}}
			n, err := unix.Poll(fds, int(limit.Milliseconds()))
			for errors.Is(err, unix.EINTR) {
				n, err = unix.Poll(fds, int(limit.Milliseconds()))
			}
			if err != nil {
				t.Fatal(err)
			}
			if remains := n == 0; remains != c.remains {
				t.Errorf("remains: %v, want %v", remains, c.remains)
			}
		})
	}
}

// onceHelper makes a machine, runs a command in it and ends it.
func onceHelper([]string) {
	m, err := New(Options{}).Create(background(), vm.Spec{ID: "once"})
	var p vm.Process
	if err == nil {
		p, err = m.Start(background(), vm.Command{Args: []string{"echo", "works"}, Stdout: os.Stdout})
	}
	if err == nil {
		_, err = p.Wait()
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// Root's machines act as a user who may not execute root's files.
func TestProgramThatOnlyItsOwnerMayExecute(t *testing.T) {
	private := filepath.Join(t.TempDir(), "private")
	program, err := os.ReadFile(testBinary(t))
	if err == nil {
		err = os.WriteFile(private, program, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := hostHelper(t, "once")
	cmd.Path = private
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "works\n" {
		t.Errorf("%v: %s", err, out)
	}
}

const keyName = "bottle-test-canary"

func TestSessionKeyring(t *testing.T) {
	for _, c := range []struct {
		breach Breach
		read   bool
	}{
		{BreachKeyring | BreachSeccomp, true}, {BreachKeyring, false}, {BreachSeccomp, false}, {0, false},
	} {
		t.Run("without "+c.breach.String(), func(t *testing.T) {
			want := codeContained
			if c.read {
				want = codeSuccess
			}
			cmd := hostHelper(t, "keyring", strconv.Itoa(int(c.breach)))
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Errorf("code %d, want %d: %s", code, want, out)
			}
		})
	}
}

// keyringHelper puts a key into a session keyring of its own. A keyring belongs
// to a thread, so it execs to have it in all of them.
func keyringHelper(args []string) {
	runtime.LockOSThread()
	err := newKeyring()
	if err == nil {
		_, err = unix.AddKey("user", keyName, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
	}
	if err == nil {
		err = syscall.Exec(selfExe, []string{os.Args[0], helperArg, "keyring-exec", args[0]}, os.Environ())
	}
	fmt.Println(err)
	os.Exit(1)
}

// keyringMachine attacks the key from a machine, and exits as the attacker.
func keyringMachine(args []string) {
	self, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	m, err := New(Options{Breach: Breach(number(args[0]))}).Create(background(), vm.Spec{
		ID: "keyring", Mounts: []vm.Mount{{Source: self, Target: insideBinary, ReadOnly: true}},
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	p, err := m.Start(background(), vm.Command{Args: insideHelper("key"), Stdout: os.Stdout, Stderr: os.Stdout})
	code := 1
	if err == nil {
		code, err = p.Wait()
	}
	if err != nil {
		fmt.Println(err)
	}
	_ = m.Close()
	os.Exit(code)
}

func readKey([]string) error {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", keyName, 0)
	if err != nil {
		return err
	}
	buf := make([]byte, 100)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
	if err == nil && string(buf[:n]) != "secret" {
		err = errors.New("it is another key")
	}
	return err
}
