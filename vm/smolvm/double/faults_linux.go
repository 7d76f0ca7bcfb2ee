package double

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startFaults are the texts with which a start fails.
var startFaults = map[string]string{
	"nokvm":     agentError + "start machine: kvm not available: KVM not available. Ensure KVM kernel module is loaded.\nTry: sudo modprobe kvm && sudo modprobe kvm_intel  # (or kvm_amd)",
	"kvmperm":   agentError + "start machine: kvm permission denied: Cannot access /dev/kvm (permission denied).\nAdd your user to the 'kvm' group:\n\nsudo usermod -aG kvm $USER\n\nThen log out and log back in for the change to take effect.",
	"slow":      agentError + "start machine: agent operation failed: wait for ready: agent did not become ready within 30 seconds",
	"died":      agentError + "start machine: agent operation failed: monitor agent: Kernel panic (boot process exited (code 1) before the agent was ready)",
	"locked":    agentError + "start machine: agent operation failed: start agent: another process is already starting or running this VM",
	"norootfs":  agentError + "start machine: agent operation failed: verify rootfs: agent rootfs not found: /nowhere",
	"workload":  agentError + "start machine: agent operation failed: start background sleep: no such file",
	"nosockets": "",
}

// killed ends this process as kill -9 does, for that fault.
func killed(kind string) int {
	if kind == "kill" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return 0
}

// hang says that a call hangs, and does until it is killed. It sleeps, for the runtime
// ends a program that is left with a goroutine which waits for nothing.
func (d *double) hang() {
	_ = os.WriteFile(d.path("hangs"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	for {
		time.Sleep(time.Hour)
	}
}

// archiveFault tells why a machine of an archive does not start: one without a
// manifest.json passes create.
func archiveFault(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return agentError + "start machine: no manifest.json in the archive"
		}
		if err != nil {
			return agentError + "start machine: unpack: " + err.Error()
		}
		if h.Name == "manifest.json" {
			return ""
		}
	}
}

func alive(pid int) bool { return pid > 0 && syscall.Kill(pid, 0) == nil && !zombie(pid) }

func zombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(rest, "Z")
}

// orphan returns the monitor of a machine that is not recorded as running, or 0.
func orphan(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "boot.pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	if !alive(pid) {
		return 0
	}
	return pid
}

// endSteps and endStep bound how long a monitor may take to end.
const endSteps, endStep = 500, 10 * time.Millisecond

// end ends a monitor and waits for it.
func end(pid int) {
	_ = syscall.Kill(pid, syscall.SIGTERM)
	for n := 0; alive(pid); n++ {
		if n == endSteps {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(endStep)
	}
}

// removeAll removes a tree in which a machine may have taken rights away.
func removeAll(dir string) error {
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(name, 0o700) //nolint:gosec // G122: what it belongs to has ended
		}
		return nil
	})
	return os.RemoveAll(dir)
}
