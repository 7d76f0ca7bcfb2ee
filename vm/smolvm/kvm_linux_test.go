package smolvm

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// TestTheHypervisorIsTried: what the device does decides, and each end says what to do.
func TestTheHypervisorIsTried(t *testing.T) {
	err := tryKVM()
	t.Logf("here: %v", err)
	if c := hypervisor(); c.OK != (err == nil) || c.OK != (c.Fix == "") {
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
