package smolvm

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// The ends that a case may have.
const (
	works = "a working machine"
	fails = "a clear error" // with the text behind it
)

// faultCases is the fault matrix: what a person gets when a step fails once, always,
// or when smolvm is killed in it.
var faultCases = []struct {
	name  string
	fault double.Fault
	end   string
	text  string
}{
	{"create fails", double.Fault{Step: "create", Kind: "error:storage operation failed: disk full"}, fails, "disk full"},
	{"create is killed", double.Fault{Step: "create", Kind: "kill"}, fails, "ended with code 137 (it was killed)"},
	{"start is too slow once", double.Fault{Step: "start", Kind: "slow", Times: 1}, works, ""},
	{"start is too slow with much memory", double.Fault{Step: "start", Kind: "slow", Times: 2}, works, ""},
	{"start is always too slow", double.Fault{Step: "start", Kind: "slow"}, fails, "less memory"},
	{"there is no KVM", double.Fault{Step: "start", Kind: "nokvm"}, fails, "modprobe kvm_intel"},
	{"KVM is forbidden", double.Fault{Step: "start", Kind: "kvmperm"}, fails, kvmForbidden.say()},
	{"the monitor dies once", double.Fault{Step: "start", Kind: "died", Times: 1}, works, ""},
	{"the monitor always dies", double.Fault{Step: "start", Kind: "died"}, fails, "Kernel panic"},
	{"the machine is locked for a while", double.Fault{Step: "start", Kind: "locked", Times: 3}, works, ""},
	{"the machine is always locked", double.Fault{Step: "start", Kind: "locked"}, fails, "Another process starts this machine"},
	{"the install is broken", double.Fault{Step: "start", Kind: "norootfs"}, fails, "install it again"},
	{"the workload does not start", double.Fault{Step: "start", Kind: "workload"}, fails, "sleep infinity"},
	{"start is killed once", double.Fault{Step: "start", Kind: "kill", Times: 1}, fails, "ended with code 137"},
	{"start is always killed", double.Fault{Step: "start", Kind: "kill"}, fails, "ended with code 137"},
	{"the sockets do not come in", double.Fault{Step: "start", Kind: "nosockets"}, fails, "did not come into the machine"},
	{"the first commands are killed", double.Fault{Step: "exec", Kind: "137", Times: 3}, works, ""},
	{"all commands are killed", double.Fault{Step: "exec", Kind: "137"}, fails, "no command runs in it"},
	{"the first commands end with 255", double.Fault{Step: "exec", Kind: "255", Times: 2}, works, ""},
	{"the container is not there yet", double.Fault{Step: "exec", Kind: "notrunning", Times: 2}, works, ""},
	{"the container never comes", double.Fault{Step: "exec", Kind: "notrunning"}, fails, "is not running"},
	{"commands run beside the container", double.Fault{Step: "exec", Kind: "bare"}, fails, "outside of its container"},
	{"the machine goes away", double.Fault{Step: "exec", Kind: "gone"}, fails, "vm not found"},
	{"the machine dies at the first command", double.Fault{Step: "exec", Kind: "dies", Times: 1}, fails, "not running"},
	{"smolvm is killed in a command", double.Fault{Step: "exec", Kind: "kill", Times: 1}, works, ""},
	{"setup is killed once", double.Fault{Step: "exec", Arg: "setup", Kind: "137", Times: 1}, works, ""},
	{"setup is always killed", double.Fault{Step: "exec", Arg: "setup", Kind: "137"}, fails, "make the agent's user"},
	{"the copy of files is cut once", double.Fault{Step: "exec", Arg: "unpack", Kind: "137", Times: 1}, works, ""},
	{"the copy of files is always cut", double.Fault{Step: "exec", Arg: "unpack", Kind: "137"}, fails, "copy files into the machine"},
	{"the network is not shaped once", double.Fault{Step: "exec", Arg: " net ", Kind: "137", Times: 1}, works, ""},
	{"the network is never shaped", double.Fault{Step: "exec", Arg: " net ", Kind: "255"}, fails, "have the machine's connections come to the relay"},
	{"smolvm is killed while the network is shaped", double.Fault{Step: "exec", Arg: " net ", Kind: "kill", Times: 1}, works, ""},
	{"smolvm is killed while files are copied", double.Fault{Step: "exec", Arg: "unpack", Kind: "kill", Times: 1}, works, ""},
	{"smolvm is killed while the relay is started", double.Fault{Step: "exec", Arg: " serve ", Kind: "kill"}, fails, "start the relay"},
	{"the relay cannot be started", double.Fault{Step: "exec", Arg: " serve ", Kind: "137"}, fails, "start the relay"},
	{"cp fails once", double.Fault{Step: "cp", Kind: "137", Times: 1}, works, ""},
	{"cp always fails", double.Fault{Step: "cp", Kind: "137"}, fails, "bring the guest program"},
	{"cp is killed once", double.Fault{Step: "cp", Kind: "kill", Times: 1}, works, ""},
	{"there is noise on stderr", double.Fault{Kind: "noise"}, works, ""},
	{"ls fails", double.Fault{Step: "ls", Kind: "error:storage operation failed: database is locked", Times: 1}, fails, "database is locked"},
	{"a delete is cancelled once", double.Fault{Step: "delete", Kind: "cancelled", Times: 1}, works, ""},
	{"a delete is killed once", double.Fault{Step: "delete", Kind: "kill", Times: 1}, works, ""},
	{"a stop is killed once", double.Fault{Step: "stop", Kind: "kill", Times: 1}, works, ""},
}

// shortFaults is how many of the cases are one in the short form.
const shortFaults = 6

// TestFaultMatrix: whatever fails, there is a machine that works or an error that
// says what to do, and in the end nothing is left. With -v it tells what came of each.
func TestFaultMatrix(t *testing.T) {
	var mu sync.Mutex
	rows := make([]string, len(faultCases))
	t.Cleanup(func() { // when all have come to their end
		for _, row := range rows {
			if row != "" {
				t.Log(row)
			}
		}
	})
	for i, c := range faultCases {
		if testing.Short() && i%shortFaults != 0 {
			continue // each starts dozens of programs
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			faults := []double.Fault{c.fault}
			if c.fault.Step == "" { // every step
				faults = nil
				for _, step := range []string{"create", "start", "exec", "cp", "stop", "delete", "ls"} {
					faults = append(faults, double.Fault{Step: step, Kind: c.fault.Kind})
				}
			}
			h := newHost(t, double.Settings{Faults: faults})
			b, id := h.backend(), fmt.Sprintf("f-%d", i)
			spec := h.spec(id)
			source := filepath.Join(h.dir, "work")
			h.must(os.Mkdir(source, 0o755))
			spec.Mounts = []vm.Mount{{Source: source, Target: "/home/agent/work"}}
			spec.Local, spec.Capture = []netip.Prefix{relay.Prefix}, &vm.Capture{Port: 3128, All: true}
			m, err := b.Create(t.Context(), spec)
			end := works
			if err != nil {
				end = strings.ReplaceAll(err.Error(), "\n", " / ")
			}
			mu.Lock()
			rows[i] = fmt.Sprintf("| %s | %s |", c.name, end)
			mu.Unlock()
			switch {
			case c.end == works && err != nil:
				t.Errorf("error %v, want %s", err, works)
			case c.end == works:
				var out bytes.Buffer // without stderr, where smolvm's own notes are
				if _, code := run(t, m, vm.Command{Args: []string{"echo", "up"}, Stdout: &out, Stderr: io.Discard}); code != 0 || out.String() != "up\n" {
					t.Errorf("code %d, %q", code, out.String())
				}
			case err == nil:
				t.Errorf("no error, want one that says %q", c.text)
			case !strings.Contains(err.Error(), c.text):
				t.Errorf("error %v, want one that says %q", err, c.text)
			}
			if m != nil {
				h.must(m.Close())
			}
			h.nothingLeft(b, id)
		})
	}
}

// nothingLeft removes a machine and looks for what stayed.
func (h *host) nothingLeft(b *Backend, id string) {
	h.t.Helper()
	h.must(b.Remove(h.t.Context(), id))
	if ids, err := b.Machines(h.t.Context()); err != nil || len(ids) != 0 {
		h.t.Errorf("machines %v are left, error %v", ids, err)
	}
	if n := double.Running(h.data); n != 0 {
		h.t.Errorf("%d monitors still run", n)
	}
	if list, err := os.ReadDir(h.runtime); err != nil || len(list) != 0 {
		h.t.Errorf("%v are left, error %v", list, err)
	}
	if _, err := os.Lstat(rootDir(id)); err == nil {
		h.t.Errorf("%s is left", rootDir(id))
	}
	h.violations()
}
