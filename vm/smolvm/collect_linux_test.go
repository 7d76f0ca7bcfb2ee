package smolvm

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// TestCollectLooksForANetwork: a machine that is started only to bring its work out is
// looked at like any other.
func TestCollectLooksForANetwork(t *testing.T) {
	h := newHost(t, double.Settings{})
	work := filepath.Join(h.dir, "work")
	h.must(os.Mkdir(work, 0o755))
	spec := h.spec("c-1")
	spec.Mounts = []vm.Mount{{Source: work, Target: "/home/agent/work"}}
	spec.Resources.Disk = 2 << 30
	b := h.backend()
	h.must(h.create(b, spec).Close())
	h.must(b.Collect(t.Context(), "c-1", spec.Mounts))
	h.must(double.Set(h.data, double.Settings{Interfaces: map[string]string{"eth0": "+0x1002"}}))
	err := b.Collect(t.Context(), "c-1", spec.Mounts)
	if e := (*NetworkError)(nil); !errors.As(err, &e) {
		t.Errorf("error %v, want one about its network", err)
	}
	if n := double.Running(h.data); n != 0 {
		t.Errorf("%d machines still run", n)
	}
	h.nothingLeft(b, "c-1")
}

// TestWorkIsBounded: no more is brought out than a machine's disk holds.
func TestWorkIsBounded(t *testing.T) {
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	for _, name := range []string{"work/a", "work/b"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 600, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for limit, text := range map[int64]string{1200: "", 1199: "resources.disk"} {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		r := &readTrees{mounts: []vm.Mount{{Target: "/work"}}, roots: []*os.Root{root}, limit: limit, progress: func(int) {}}
		err = r.read(t.Context(), bytes.NewReader(stream.Bytes()))
		if (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("limit %d: %v", limit, err)
		}
		_ = root.Close()
	}
	for disk, want := range map[int64]int64{0: 20 << 30, 1 << 30: 1 << 30, 1<<30 + 1: 2 << 30} {
		if got := (&plan{spec: vm.Spec{Resources: vm.Resources{Disk: disk}}}).disk(); got != want {
			t.Errorf("a disk of %d is %d", disk, got)
		}
	}
}
