package smolvm

import (
	"errors"
	"strings"
)

// fault is a failure that is told by its text.
type fault struct {
	texts  []string // any of them
	advice string   // for a person
}

// The faults that somebody does something about.
var (
	noKVM = &fault{[]string{"kvm not available", "KVM not available", "Failed to access /dev/kvm"},
		"This host has no virtual machines for smolvm to use: load the kernel's module (sudo modprobe kvm_intel, or kvm_amd), switch virtualization on in the firmware, or, inside a virtual machine, nested virtualization. Without that use --backend sandbox, which needs none."}
	kvmForbidden = &fault{[]string{"kvm permission denied", "Cannot access /dev/kvm", "KvmOpen(Error(13))", "log back in for the change to take effect"},
		"You may not use /dev/kvm: join its group (sudo usermod -aG kvm $USER), log out and in again. Until then use --backend sandbox."}
	// kvmClosed is kvmForbidden for root, who is in no group that would help.
	kvmClosed = &fault{advice: "Run by root, smolvm gives each machine a user of its own, who may use /dev/kvm by its group alone: let it have one (chgrp kvm /dev/kvm && chmod 660 /dev/kvm), run bottle as an ordinary user of that group, or use --backend sandbox."}
	slowStart = &fault{[]string{"agent did not become ready within"},
		"The machine did not start within the time that smolvm gives it: the host is slow or busy, or a mounted folder is gone. Give it less memory (resources.memory: 2GiB), or use --backend sandbox."}
	startDied = &fault{[]string{"before the agent was ready"},
		"The machine's monitor ended while it started; the end of its console is above, if there was any."}
	startLocked   = &fault{[]string{"another process is already starting or running this VM"}, "Another process starts this machine just now: wait for it, or end it."}
	brokenInstall = &fault{[]string{"agent rootfs not found"}, "smolvm is installed without the files of its guest: install it again."}
	badWorkload   = &fault{[]string{"start background "}, "The image cannot run \"sleep infinity\": it needs a shell and the basic programs."}
	goneMachine   = &fault{[]string{"vm not found: ", "' not found"}, ""}
	notRunning    = &fault{[]string{"is not running. Use 'smolvm machine start", "is not running. Start it with 'smolvm machine start", "invalid vm state: expected running"}, ""}
	nameTaken     = &fault{[]string{"already exists or is being created"}, ""}
	missingMount  = &fault{[]string{"mount source not found: "}, "A folder that was mounted is not there any more: make it again, or start with --fresh."}
	noNetPull     = &fault{[]string{"this machine has no network, so the pull can never succeed"}, ""}
	unreadyAgent  = &fault{[]string{"the container `smolvm-"}, ""}
)

var faults = []*fault{
	kvmForbidden, noKVM, slowStart, startLocked, brokenInstall, badWorkload, goneMachine, notRunning, nameTaken, missingMount, noNetPull,
	unreadyAgent, startDied,
}

// say is the advice to this user.
func (f *fault) say() string {
	if f == kvmForbidden && asRoot() {
		f = kvmClosed
	}
	return f.advice
}

func faultOf(text string) *fault {
	for _, f := range faults {
		for _, t := range f.texts {
			if strings.Contains(text, t) {
				return f
			}
		}
	}
	return nil
}

// is reports whether an error is of a call with this fault.
func is(err error, f *fault) bool {
	var e *CLIError
	return errors.As(err, &e) && e.kind == f
}

// passing reports whether a step inside may work when it is done again: right
// after a start commands are killed, or do not find their container.
func passing(r result) bool {
	return r.code == 137 || r.code == 255 || own(r) && faultOf(errorText(r.stderr)) != goneMachine
}
