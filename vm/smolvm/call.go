package smolvm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
)

// How long the calls may take. They are generous: hosts are slow, and a call that
// hangs for good ends all the same.
const (
	lookTimeout   = 30 * time.Second
	createTimeout = 30 * time.Minute // an archive of gigabytes is hashed and copied
	startTimeout  = 10 * time.Minute // the first one unpacks it
	quickTimeout  = time.Minute
	copyTimeout   = 5 * time.Minute
	stopTimeout   = 3 * time.Minute
	treeTimeout   = 2 * time.Hour
	// killPause is how long an interrupted call has to end by itself.
	killPause = 10 * time.Second
)

// maxOutput bounds what is kept of a call's output, in bytes.
const maxOutput = 4 << 20

// kept are the variables that smolvm gets: where its files are, and the
// language. Proxy variables would be used for pulls, SMOLVM_MACHINE_NAME and others
// change what a call does, and the monitor of a machine keeps the whole
// environment of who started it.
var kept = []string{
	"HOME", "USER", "LOGNAME", "PATH", "LANG", "LC_ALL", "TMPDIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
	"SMOLVM_AGENT_ROOTFS", "SMOLVM_AGENT_ROOTFS_TAR", "SMOLVM_LIB_DIR", "SMOLVM_DATA_DIR", "SMOLVM_CONFIG", "SMOLVM_VM_UID_DROP",
}

func (b *Backend) environ() []string {
	list := []string{} // of nil, a call would have this process's
	for _, kv := range b.opt.Environ() {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(kept, name) {
			list = append(list, kv)
		}
	}
	return list
}

func lookup(environ []string, name string) string {
	for _, kv := range slices.Backward(environ) {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			return v
		}
	}
	return ""
}

// call is one run of the program.
type call struct {
	args    []string
	timeout time.Duration
	stdin   io.Reader
	stdout  io.Writer // instead of result.stdout
	// soft interrupts the call before it is killed: a start that is killed leaves
	// a machine behind that smolvm does not know of.
	soft bool
}

// result is what came of a call that was made, to whatever end.
type result struct {
	stdout, stderr string
	code           int
}

// exec runs the program to its end. An error says that it did not run, or not to
// its end.
func (b *Backend) exec(ctx context.Context, path string, c call) (result, error) {
	limit, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	cmd := exec.CommandContext(limit, path, c.args...)
	stdout, stderr := &buffer{}, &buffer{}
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stderr = b.environ(), "/", c.stdin, stderr
	if cmd.Stdout = c.stdout; c.stdout == nil {
		cmd.Stdout = stdout
	}
	last := syscall.SIGKILL
	if c.soft {
		last = syscall.SIGINT
	}
	cmd.SysProcAttr = endWithThis(syscall.SysProcAttr{Setpgid: true}, last)
	cmd.WaitDelay = killPause
	cmd.Cancel = func() error {
		return syscall.Kill(-cmd.Process.Pid, last)
	}
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: clean(stderr.String())}
	if limit.Err() != nil {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		return r, fmt.Errorf("%s: no end after %s", describe(c.args), c.timeout)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if r.code = exit.ExitCode(); r.code < 0 {
			r.code = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
		}
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", describe(c.args), err)
	}
	return r, nil
}

// run is exec of the program that was found.
func (b *Backend) run(ctx context.Context, c call) (result, error) {
	bin, err := b.find(ctx)
	if err != nil {
		return result{}, err
	}
	return b.exec(ctx, bin.path, c)
}

// must is run of a call that is to end with 0; anything else is a *CLIError.
func (b *Backend) must(ctx context.Context, c call) (result, error) {
	r, err := b.run(ctx, c)
	if err == nil && r.code != 0 {
		err = newCLIError(c.args, r)
	}
	return r, err
}

// describe names a call by its words, without what they are about.
func describe(args []string) string {
	n := 0
	for n < len(args) && n < 2 && !strings.HasPrefix(args[n], "-") {
		n++
	}
	return strings.Join(append([]string{"smolvm"}, args[:max(n, 1)]...), " ")
}

// CLIError is a call of smolvm that failed.
type CLIError struct {
	Call string // its words
	Code int
	Text string // what stood behind "Error: ", or the end of stderr
	kind *fault
}

// codeKilled is that of a program that got SIGKILL.
const codeKilled = 128 + int(syscall.SIGKILL)

func newCLIError(args []string, r result) *CLIError {
	e := &CLIError{Call: describe(args), Code: r.code, Text: errorText(r.stderr)}
	e.kind = faultOf(e.Text)
	return e
}

func (e *CLIError) Error() string {
	text := fmt.Sprintf("%s ended with code %d", e.Call, e.Code)
	if e.Code == codeKilled {
		text += " (it was killed)"
	}
	if e.Text != "" {
		text += ": " + escape.Text(e.Text)
	}
	if e.kind != nil && e.kind.advice != "" {
		text += "\n" + e.kind.say()
	}
	return text
}

// own reports whether an error is smolvm's and not of a command inside, whose
// code passes through.
func own(r result) bool {
	return r.code == 1 && slices.ContainsFunc(strings.Split(r.stderr, "\n"), func(line string) bool {
		return slices.ContainsFunc(ownErrors, func(p string) bool { return strings.HasPrefix(line, p) })
	})
}

var ownErrors = []string{
	"Error: agent operation failed: ", "Error: config operation failed: ", "Error: vm not found: ", "Error: invalid vm state: ",
	"Error: storage operation failed: ", "Error: io operation failed: ",
}

// maxErrorText bounds what an error says of a call's stderr, in bytes.
const maxErrorText = 2 << 10

// errorText takes the error out of what a call wrote: notes and warnings may
// stand before it.
func errorText(stderr string) string {
	text := stderr
	if i := strings.LastIndex("\n"+stderr, "\nError: "); i >= 0 {
		text = strings.TrimPrefix(stderr[i:], "Error: ")
	}
	if text = strings.TrimSpace(text); len(text) > maxErrorText {
		text = "…" + text[len(text)-maxErrorText:]
	}
	return text
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// clean takes away colours, and the note of a program that has another name than
// the vendor's.
func clean(text string) string {
	text = colours.ReplaceAllString(text, "")
	if rest, found := strings.CutPrefix(text, packNote); found {
		if _, after, more := strings.Cut(rest, "\n"); more {
			return after
		}
		return ""
	}
	return text
}

const packNote = "note: no packed assets found for "

// buffer keeps the beginning of what is written to it, as far as maxOutput. The
// rest is read, so that nobody waits, and dropped.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (k *buffer) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if room := maxOutput - k.buf.Len(); room > 0 {
		k.buf.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

func (k *buffer) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.buf.String()
}
