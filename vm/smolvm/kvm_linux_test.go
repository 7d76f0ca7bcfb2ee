package smolvm

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// TestTheHypervisorIsTried: what the device does decides, and each end says what to do.
func TestTheHypervisorIsTried(t *testing.T) {
	err := tryKVM()
	t.Logf("here: %v", err)
	if c := New(Options{}).hypervisor(); c.OK != (err == nil) || c.OK != (c.Fix == "") {
		t.Errorf("after %v: %+v", err, c)
	}
	forbidden := &fs.PathError{Op: "open", Path: "/dev/kvm", Err: fs.ErrPermission}
	for _, c := range []struct {
		err  error
		root bool
		fix  string
	}{
		{nil, true, ""},
		{forbidden, false, "usermod -aG kvm"},
		{forbidden, true, "docker run --device /dev/kvm"},
		{ErrSlowKVM, false, "nested virtualization: switch the real one on"},
		{&fs.PathError{Op: "open", Path: "/dev/kvm", Err: fs.ErrNotExist}, false, "modprobe kvm_intel"},
		{fmt.Errorf("/dev/kvm makes no machine: %w", errors.ErrUnsupported), true, "modprobe kvm_intel"},
	} {
		got := hypervisorOf(c.err, c.root)
		if got.OK != (c.err == nil) || !strings.Contains(got.Fix, c.fix) || (c.fix == "") != (got.Fix == "") {
			t.Errorf("%v, root %v: %+v, want %q", c.err, c.root, got, c.fix)
		}
		if c.err != nil && got.Detail != c.err.Error() {
			t.Errorf("%v: detail %q", c.err, got.Detail)
		}
	}
}

// TestNoMachineIsTriedForEver: where the hypervisor is none, a start that comes to
// nothing says so, auto takes the sandbox, and doctor says why.
func TestNoMachineIsTriedForEver(t *testing.T) {
	h := newHost(t, double.Settings{Faults: []double.Fault{{Step: "start", Kind: "slow"}}})
	h.hypervisor = ErrSlowKVM
	b := h.backend()
	_, err := b.Create(t.Context(), h.spec("k-1"))
	if err == nil || !strings.Contains(err.Error(), ErrSlowKVM.Error()) || !strings.Contains(err.Error(), "nested virtualization") || strings.Contains(err.Error(), "less memory") {
		t.Errorf("error %v", err)
	}
	calls, err := double.Calls(h.data)
	h.must(err)
	if n := countCalls(calls, "start"); n != 1 {
		t.Errorf("it was started %d times", n)
	}
	h.nothingLeft(b, "k-1")
	if err := b.Usable(t.Context()); err == nil || err.Error() != ErrSlowKVM.Error() {
		t.Errorf("it can be used: %v", err)
	}
	checks := b.Doctor(t.Context())
	if i := slices.IndexFunc(checks, func(c vm.Check) bool { return c.Name == "hypervisor" }); i < 0 || checks[i].OK || checks[i].Fix == "" {
		t.Errorf("doctor says %+v", checks)
	}
}

func countCalls(calls []double.Call, verb string) (n int) {
	for _, c := range calls {
		if len(c.Args) > 1 && c.Args[1] == verb {
			n++
		}
	}
	return n
}
