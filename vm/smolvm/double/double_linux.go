// Package double is a smolvm for tests: a program with the command line, the texts,
// the states and the faults of smolvm 1.9.3, strict where that is, whose machines
// are sandboxes. A test binary becomes it in its TestMain, see [Main].
//
// All that it keeps lies in the folder of SMOLVM_DATA_DIR, the variable that a
// driver passes on: [Settings] in settings.json, a line for each call in
// calls.jsonl (see [Calls]), and the machines. What a driver must never do ends the
// call with code 99 and is a line of violations.txt.
package double

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Settings are what a test wants of the double.
type Settings struct {
	Version string  `json:"version,omitempty"` // "" is 1.9.3
	Faults  []Fault `json:"faults,omitempty"`
	// Secrets are texts that may stand in no argument and no variable.
	Secrets []string `json:"secrets,omitempty"`
	// Interfaces are what a machine shows of a network besides lo: name to flags,
	// with a device behind it where they begin with a plus sign.
	Interfaces map[string]string `json:"interfaces,omitempty"`
}

// Fault makes calls fail.
type Fault struct {
	// Step is a word of the call (create, start, exec, cp, stop, delete, ls); Arg,
	// if set, one of its arguments.
	Step, Arg string
	// Kind is what happens, see faults.
	Kind string
	// Times is how often; 0 always.
	Times int
	Used  int
}

// Call is one call that was made.
type Call struct {
	Args []string `json:"args"`
	Env  []string `json:"env"`
}

// forbidden are flags that give a machine a network, or take secrets.
var forbidden = []string{
	"--net", "--net-backend", "--dns", "--network", "-p", "--port", "--allow-cidr", "--allow-host", "--outbound-localhost-only",
	"--allow-host-pattern", "--guest-subnet", "--use-host-proxy", "--credential", "--secret-env", "--secret-file", "--ssh-agent", "--docker-socket",
}

// Main is the program. It returns its exit code.
func Main(args []string) int {
	if len(args) > 2 && args[1] == bootVerb {
		return bootMain(args[2])
	}
	dir := os.Getenv("SMOLVM_DATA_DIR")
	if dir == "" {
		return usage("SMOLVM_DATA_DIR is not set: the double keeps everything there")
	}
	d := &double{dir: dir}
	if err := d.load(); err != nil {
		return fail("%v", err)
	}
	if why := d.record(args[1:]); why != "" {
		d.violate(why, args[1:])
		return codeViolation
	}
	return d.dispatch(args[1:])
}

const codeViolation = 99

// double is one call.
type double struct {
	dir string
	set Settings
}

func (d *double) path(name string) string { return filepath.Join(d.dir, name) }

func (d *double) load() error {
	data, err := os.ReadFile(d.path("settings.json"))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte("{}"), nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &d.set); err != nil {
		return err
	}
	if d.set.Version == "" {
		d.set.Version = "1.9.3"
	}
	return os.MkdirAll(d.path("machines"), 0o755)
}

// record notes the call, and returns why it must not have been made.
func (d *double) record(args []string) string {
	line, err := json.Marshal(Call{args, os.Environ()})
	if err != nil {
		return err.Error()
	}
	if err := appendTo(d.path("calls.jsonl"), string(line)+"\n"); err != nil {
		return err.Error()
	}
	for i, a := range args {
		if a == "--" {
			args = args[:i:i]
			break
		}
	}
	for _, a := range args {
		for _, f := range forbidden {
			if a == f || strings.HasPrefix(a, f+"=") {
				return "flag " + f
			}
		}
	}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		own := name == "SMOLVM_DATA_DIR" || name == "SMOLVM_VM_UID_DROP"
		if strings.HasSuffix(strings.ToUpper(name), "_PROXY") || name == "SSH_AUTH_SOCK" || name == "RUST_LOG" || strings.HasPrefix(name, "SMOLVM_") && !own {
			return "variable " + name
		}
	}
	for _, s := range d.set.Secrets {
		if strings.Contains(string(line), s) {
			return "a secret"
		}
	}
	return ""
}

func (d *double) violate(why string, args []string) {
	_ = appendTo(d.path("violations.txt"), fmt.Sprintf("%s: %q\n", why, args))
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// fault returns the kind of fault that this call has, "" for none, and counts it.
func (d *double) fault(step string, args []string) string {
	unlock := d.lock("settings")
	defer unlock()
	if d.load() != nil {
		return ""
	}
	for i := range d.set.Faults {
		f := &d.set.Faults[i]
		if f.Step != step || f.Times > 0 && f.Used >= f.Times || f.Arg != "" && !contains(args, f.Arg) {
			continue
		}
		f.Used++
		if data, err := json.Marshal(d.set); err == nil {
			_ = os.WriteFile(d.path("settings.json"), data, 0o600)
		}
		return f.Kind
	}
	return ""
}

func contains(args []string, part string) bool {
	return strings.Contains(strings.Join(args, " "), part)
}

func (d *double) lock(name string) (unlock func()) {
	f, err := os.OpenFile(d.path(name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		panic(err)
	}
	return func() { _ = f.Close() }
}

func fail(format string, a ...any) int {
	fmt.Fprintf(os.Stderr, "Error: "+format+"\n", a...)
	return 1
}

func usage(format string, a ...any) int {
	fmt.Fprintf(os.Stderr, "error: "+format+"\n\nUsage: smolvm machine [OPTIONS]\n\nFor more information, try '--help'.\n", a...)
	return 2
}

// dispatch runs a call.
func (d *double) dispatch(args []string) int {
	if len(args) == 1 && args[0] == "--version" {
		fmt.Printf("smolvm %s\n", d.set.Version)
		return 0
	}
	if len(args) < 2 || args[0] != "machine" && args[0] != "vm" {
		return usage("unrecognized subcommand")
	}
	verb := args[1]
	c := commands[verb]
	if c == nil {
		return usage("unrecognized subcommand '%s'", verb)
	}
	f, code := c.parse(args[2:])
	if f == nil {
		return code
	}
	if f.on["--help"] {
		fmt.Print(c.help(verb))
		return 0
	}
	kind := d.fault(verb, args)
	if kind == "noise" {
		fmt.Fprintf(os.Stderr, "\x1b[2m2026-01-01T00:00:00Z\x1b[0m \x1b[33m WARN\x1b[0m something is odd\n")
		kind = ""
	}
	if kind == "hang" {
		d.hang()
	}
	if strings.HasPrefix(kind, "error:") {
		return fail("%s", strings.TrimPrefix(kind, "error:"))
	}
	return c.run(d, f, kind)
}
