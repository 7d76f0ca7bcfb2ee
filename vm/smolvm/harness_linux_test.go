package smolvm

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// host is a host with a smolvm that is the double, or none.
type host struct {
	t                  *testing.T
	dir, data, runtime string
	binary, image      string
	extra              []string // variables of the person's shell
	hypervisor         error    // why there is none
}

func newHost(t *testing.T, s double.Settings) *host {
	t.Helper()
	dir, err := os.MkdirTemp("", "sv") // short, for sockets
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, dir: dir, data: filepath.Join(dir, "d"), runtime: filepath.Join(dir, "r"), binary: filepath.Join(dir, "smolvm"), image: filepath.Join(dir, "image")}
	t.Cleanup(func() {
		double.EndAll(h.data)
		_ = os.RemoveAll(dir)
	})
	// Open, for the user of root's sandboxes.
	h.must(os.Chmod(dir, 0o755))
	for _, d := range []string{h.runtime, h.image, filepath.Join(h.image, "bin")} {
		h.must(os.Mkdir(d, 0o755))
	}
	self, err := os.Executable()
	h.must(err)
	h.must(os.Symlink(self, h.binary))
	h.must(double.Set(h.data, s))
	return h
}

func (h *host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) environ() []string {
	return append([]string{"HOME=" + h.dir, "PATH=/usr/bin:/bin", "TMPDIR=" + h.dir, "SMOLVM_DATA_DIR=" + h.data}, h.extra...)
}

// backend returns a driver whose pauses are short.
func (h *host) backend() *Backend {
	return New(Options{Binary: h.binary, Environ: h.environ, Hypervisor: func() error { return h.hypervisor }, Sleep: func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/100) }})
}

func (h *host) spec(id string) vm.Spec {
	return vm.Spec{ID: id, Image: h.image, Dir: h.runtime, Ports: []int{3128}}
}

// create makes a machine that is closed with the test.
func (h *host) create(b *Backend, spec vm.Spec) *machine {
	h.t.Helper()
	m, err := b.Create(h.t.Context(), spec)
	h.must(err)
	h.t.Cleanup(func() { _ = m.Close() })
	return m.(*machine)
}

// run runs a command to its end.
func run(t *testing.T, m vm.Machine, cmd vm.Command) (string, int) {
	t.Helper()
	var out bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	if cmd.Stderr == nil && cmd.TTY == nil {
		cmd.Stderr = cmd.Stdout
	}
	p, err := m.Start(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	code, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), code
}

// violations fails the test for what a driver must never do.
func (h *host) violations() {
	h.t.Helper()
	if text := double.Violations(h.data); text != "" {
		h.t.Errorf("smolvm was called as it must never be:\n%s", text)
	}
}
