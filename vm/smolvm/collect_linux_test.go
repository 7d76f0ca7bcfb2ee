package smolvm

import (
	"archive/tar"
	"bytes"
	"errors"
	"math"
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

// TestHostileStreams: a machine that makes its stream up gets neither more of the host's
// disk, nor of its memory, than a tree of files takes, and one that was cut is no tree.
func TestHostileStreams(t *testing.T) {
	file := func(name string, size int64) *tar.Header {
		return &tar.Header{Name: "work/" + name, Typeflag: tar.TypeReg, Size: size, Mode: 0o600, Format: tar.FormatPAX}
	}
	for name, c := range map[string]struct {
		entries []*tar.Header
		cut     bool
		text    string
	}{
		"a whole one":                        {[]*tar.Header{file("a", 0), file("b", 0)}, false, ""},
		"one that is cut between two files":  {[]*tar.Header{file("a", 0), file("b", 0)}, true, "did not all come"},
		"nothing":                            {nil, true, "did not all come"},
		"sizes whose sum runs over":          {[]*tar.Header{file("a", 1), file("b", math.MaxInt64)}, true, "resources.disk"},
		"a path longer than any":             {[]*tar.Header{file(strings.Repeat("d/", maxPath)+"x", 0)}, false, "more than 4096 bytes"},
		"a link that leads further than any": {[]*tar.Header{{Name: "work/l", Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", maxPath+1), Format: tar.FormatPAX}}, false, "more than 4096 bytes"},
		"a device":                           {[]*tar.Header{{Name: "work/d", Typeflag: tar.TypeBlock}}, false, "type"},
		"a hard link":                        {[]*tar.Header{{Name: "work/h", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}}, false, "type"},
		"what is above":                      {[]*tar.Header{{Name: "work/../../etc/x", Typeflag: tar.TypeReg}}, false, "was not asked for"},
		"what lies behind a link":            {[]*tar.Header{{Name: "work/l", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, file("l/x", 0)}, false, "escapes"},
	} {
		t.Run(name, func(t *testing.T) {
			var stream bytes.Buffer
			w := tar.NewWriter(&stream)
			for _, h := range c.entries {
				if err := w.WriteHeader(h); err != nil {
					t.Fatal(err)
				}
				if h.Size == 1 {
					if _, err := w.Write([]byte("x")); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !c.cut {
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
			} else if err := w.Flush(); err != nil && len(c.text) == 0 {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			r := &readTrees{mounts: []vm.Mount{{Target: "/work"}}, roots: []*os.Root{root}, limit: 1 << 20, progress: func(int) {}}
			err = r.read(t.Context(), &stream)
			if (err == nil) != (c.text == "") || err != nil && (!strings.Contains(err.Error(), c.text) || len(err.Error()) > 1000) {
				t.Errorf("error %.300v, want one that says %q", err, c.text)
			}
		})
	}
}

// TestReplaceAfterAKill: one that was killed between the two names of a folder is done
// again, with what was there as well as without.
func TestReplaceAfterAKill(t *testing.T) {
	for _, before := range [][]string{{"", newSuffix}, {newSuffix, oldSuffix}, {"", newSuffix, oldSuffix}} {
		dir := filepath.Join(t.TempDir(), "work")
		for _, suffix := range before {
			if err := errors.Join(os.Mkdir(dir+suffix, 0o700), os.WriteFile(filepath.Join(dir+suffix, "is"), []byte(suffix), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if err := replace(dir); err != nil {
			t.Errorf("%q: %v", before, err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "is")); string(text) != newSuffix {
			t.Errorf("%q: %q is there, %v", before, text, err)
		}
	}
}

// TestNoEnvironmentIsNone: where there is nothing to keep, a call has nothing.
func TestNoEnvironmentIsNone(t *testing.T) {
	t.Setenv("SECRET", "value")
	b := New(Options{Environ: func() []string { return []string{"SECRET=value"} }})
	r, err := b.exec(t.Context(), "/usr/bin/env", call{timeout: lookTimeout})
	if err != nil || r.code != 0 || strings.Contains(r.stdout, "SECRET") {
		t.Errorf("a call's environment is %q, %v", r.stdout, err)
	}
}

// TestWorkComesOut: whatever happens to the call that brings the work out, it comes, or
// what is on the host stays as it is, and it comes the next time.
func TestWorkComesOut(t *testing.T) {
	for name, c := range map[string]struct {
		fault double.Fault
		comes bool
	}{
		"it is killed once":              {double.Fault{Kind: "137", Times: 1}, true},
		"smolvm is killed once":          {double.Fault{Kind: "kill", Times: 1}, true},
		"the container is not there":     {double.Fault{Kind: "notrunning", Times: 2}, true},
		"nothing comes, and all is well": {double.Fault{Kind: "empty", Times: 1}, true},
		"it is always killed":            {double.Fault{Kind: "137"}, false},
		"nothing ever comes":             {double.Fault{Kind: "empty"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, double.Settings{})
			work := filepath.Join(h.dir, "work")
			h.must(os.Mkdir(work, 0o755))
			h.must(os.WriteFile(filepath.Join(work, "is"), []byte("before\n"), 0o600))
			spec := h.spec("w-1")
			spec.Mounts = []vm.Mount{{Source: work, Target: "/home/agent/work"}}
			b := h.backend()
			m := h.create(b, spec)
			if _, code := run(t, m, vm.Command{Args: []string{"sh", "-c", "echo after >work/is"}}); code != 0 {
				t.Fatal(code)
			}
			is := func(want string) {
				t.Helper()
				if text, err := os.ReadFile(filepath.Join(work, "is")); string(text) != want {
					t.Errorf("%q is there, %v", text, err)
				}
			}
			c.fault.Step, c.fault.Arg = "exec", " pack "
			h.must(double.Set(h.data, double.Settings{Faults: []double.Fault{c.fault}}))
			if err := m.Close(); c.comes {
				h.must(err)
			} else {
				if err == nil || !strings.Contains(err.Error(), "it is still in it") {
					t.Errorf("error %v, want one that says where it is", err)
				}
				is("before\n")
				h.must(double.Set(h.data, double.Settings{}))
				h.must(b.Collect(t.Context(), "w-1", spec.Mounts))
			}
			is("after\n")
			if left, err := filepath.Glob(work + ".*"); err != nil || len(left) != 0 {
				t.Errorf("%v are left, %v", left, err)
			}
			h.nothingLeft(b, "w-1")
		})
	}
}
