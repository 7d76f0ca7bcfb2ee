package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm"
)

// The test binary has three lives: the tests, the setup and init of their
// machines, and the helpers below, which tests run in a machine or beside it.
func TestMain(m *testing.M) {
	Init()
	if len(os.Args) > 2 && os.Args[1] == helperArg {
		helper(os.Args[2], os.Args[3:])
	}
	os.Exit(m.Run())
}

const (
	helperArg = "helper-of-the-tests"

	// What an attack exits with. Everything else is a broken test.
	codeSuccess   = 42
	codeContained = 43
)

// helper does not return.
func helper(name string, args []string) {
	if h, ok := hostHelpers[name]; ok {
		h(args)
		os.Exit(0)
	}
	do, ok := attackers[name]
	if !ok {
		fmt.Println("no helper", name)
		os.Exit(1)
	}
	if err := do(args); err != nil {
		fmt.Println(err)
		os.Exit(codeContained)
	}
	os.Exit(codeSuccess)
}

// hostHelper is a command that runs a helper beside the test.
func hostHelper(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(testBinary(t), append([]string{helperArg, name}, args...)...)
}

func testBinary(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// insideBinary is where the test binary is in a machine.
const insideBinary = "/test/helper"

func insideHelper(name string, args ...string) []string {
	return append([]string{insideBinary, helperArg, name}, args...)
}

func isRoot() bool { return os.Geteuid() == 0 }

// forRoot is a set of fences that only matter to machines of root.
func forRoot(b Breach) Breach {
	if isRoot() {
		return b
	}
	return 0
}

// newMachine makes a machine in which helpers can run.
func newMachine(t testing.TB, opt Options, spec vm.Spec) vm.Machine {
	t.Helper()
	if spec.ID == "" {
		spec.ID = "test"
	}
	spec.Mounts = append(spec.Mounts, vm.Mount{Source: testBinary(t), Target: insideBinary, ReadOnly: true})
	m, err := New(opt).Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// ownedDir makes a folder that the agent of machine "test" may write.
func ownedDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	uid, gid, err := New(Options{}).Owner("test")
	if err == nil {
		err = os.Chown(dir, uid, gid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// patience is how long a test waits for what ought to happen at once, on a
// busy machine.
const patience = 30 * time.Second

// start starts a command and returns what it writes, to be read after Wait.
func start(t testing.TB, m vm.Machine, cmd vm.Command) (vm.Process, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
		if cmd.TTY == nil {
			cmd.Stderr = &out
		}
	}
	p, err := m.Start(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p, &out
}

func wait(t testing.TB, p vm.Process) int {
	t.Helper()
	type end struct {
		code int
		err  error
	}
	c := make(chan end, 1)
	go func() {
		code, err := p.Wait()
		c <- end{code, err}
	}()
	select {
	case e := <-c:
		if e.err != nil {
			t.Fatal(e.err)
		}
		return e.code
	case <-time.After(patience):
		t.Fatal("the command does not end")
	}
	return -1
}

// run runs a command to its end.
func run(t testing.TB, m vm.Machine, args ...string) (code int, out string) {
	t.Helper()
	p, buf := start(t, m, vm.Command{Args: args})
	return wait(t, p), buf.String()
}

// shell runs a script that must succeed, and returns what it wrote.
func shell(t testing.TB, m vm.Machine, script string) string {
	t.Helper()
	code, out := run(t, m, "/bin/sh", "-c", script)
	if code != 0 {
		t.Fatalf("%s: code %d: %s", script, code, out)
	}
	return strings.TrimSpace(out)
}

// within fails the test unless c is closed in time.
func within[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s", what)
	}
	return v
}

// background is for what must outlive a test's own context, which ends before
// its cleanups.
func background() context.Context { return context.Background() }
