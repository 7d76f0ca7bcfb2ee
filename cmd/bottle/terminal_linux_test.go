package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// terminalTime bounds each step of a person at a terminal.
const terminalTime = 60 * time.Second

// cmdTerminal runs a command at a terminal of its own, as a person does:
// terminal STEPS COMMAND [ARG…]. Each line of the file STEPS is one of
//
//	expect TEXT        wait until the screen shows it, behind what was expected before
//	send TEXT          type it; \x03 is Ctrl-C
//	waitfor FILE TEXT  as the command waitfor
//	copy FROM TO       copy a file
//	exit CODE          wait for the end
//
// In the end the file screen holds what was shown. The terminal must be as it was.
func cmdTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: terminal steps command [arg…]")
	}
	t := startTerminal(ts, args[1:])
	defer func() { _ = os.WriteFile(ts.MkAbs("screen"), []byte(t.shown), 0o600) }()
	before, err := unix.IoctlGetTermios(int(t.slave.Fd()), unix.TCGETS)
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if line = strings.TrimSpace(line); line != "" {
			t.step(line)
		}
	}
	after, err := unix.IoctlGetTermios(int(t.slave.Fd()), unix.TCGETS)
	ts.Check(err)
	if !reflect.DeepEqual(before, after) {
		ts.Fatalf("the terminal was %+v and is %+v", before, after)
	}
}

// terminal is what a person sits at.
type terminal struct {
	ts            *testscript.TestScript
	master, slave *os.File
	output        chan string
	ended         chan error
	shown         string
	expected      int // how much of shown was expected already
}

func startTerminal(ts *testscript.TestScript, args []string) *terminal {
	master, slave, err := openPTY()
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	path, err := exec.LookPath(args[0]) // testscript puts its programs into the PATH of this process too
	ts.Check(err)
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), append(os.Environ(), "TERM=xterm")
	for _, name := range []string{"HOME", "PATH", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "TMPDIR", "NO_COLOR", "SMOLVM_DATA_DIR", "SMOLVM_VM_UID_DROP"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	t := &terminal{ts: ts, master: master, slave: slave, output: make(chan string), ended: make(chan error, 1)}
	gone := make(chan struct{})
	go func() { t.ended <- cmd.Wait() }()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if n > 0 {
				select {
				case t.output <- string(buf[:n]):
				case <-gone:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	ts.Defer(func() {
		cancel()
		close(gone)
		_ = slave.Close()
		_ = master.Close()
	})
	return t
}

func (t *terminal) step(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	first, second, _ := strings.Cut(rest, " ")
	switch verb {
	case "expect":
		t.expect(rest)
	case "send":
		text, err := strconv.Unquote(`"` + rest + `"`)
		t.ts.Check(err)
		_, err = t.master.WriteString(text)
		t.ts.Check(err)
	case "waitfor":
		cmdWaitFor(t.ts, false, []string{os.Expand(first, t.ts.Getenv), second})
	case "copy":
		t.ts.Check(os.WriteFile(t.ts.MkAbs(second), []byte(t.ts.ReadFile(first)), 0o600))
	case "exit":
		t.exit(rest)
	default:
		t.ts.Fatalf("no such step: %s", line)
	}
}

func (t *terminal) expect(text string) {
	late := time.After(terminalTime)
	for {
		if i := strings.Index(t.shown[t.expected:], text); i >= 0 {
			t.expected += i + len(text)
			return
		}
		select {
		case s := <-t.output:
			t.shown += s
		case <-late:
			t.ts.Fatalf("the terminal does not show %q:\n%s", text, t.shown)
		}
	}
}

func (t *terminal) exit(want string) {
	late := time.After(terminalTime)
	for {
		select {
		case s := <-t.output:
			t.shown += s
			continue
		case <-late:
			t.ts.Fatalf("the command does not end:\n%s", t.shown)
		case err := <-t.ended:
			code := 0
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				code = exit.ExitCode()
			}
			t.drain()
			if strconv.Itoa(code) != want {
				t.ts.Fatalf("exit code %d, not %s: %v\n%s", code, want, err, t.shown)
			}
		}
		return
	}
}

// drain reads what was shown up to the end: all of it stands in front of a mark
// that is written now.
func (t *terminal) drain() {
	const mark = "\x00the end\x00"
	_, err := t.slave.WriteString(mark)
	t.ts.Check(err)
	t.expect(mark)
	t.shown = strings.TrimSuffix(t.shown, mark)
}

func openPTY() (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120})
	}
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, slave, nil
}
