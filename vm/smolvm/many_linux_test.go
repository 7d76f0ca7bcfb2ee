package smolvm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// TestManyFiles: a tree of 100,000 files goes in and comes back, and both tell how far
// they are.
func TestManyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 300,000 files")
	}
	const folders, each = 100, 1000
	h := newHost(t, double.Settings{})
	work := filepath.Join(h.dir, "work")
	for i := range folders {
		dir := filepath.Join(work, fmt.Sprint(i))
		h.must(os.MkdirAll(dir, 0o755))
		for j := range each {
			h.must(os.WriteFile(filepath.Join(dir, fmt.Sprint(j)), nil, 0o644))
		}
	}
	var told []string
	spec := h.spec("many-1")
	spec.Mounts = []vm.Mount{{Source: work, Target: "/home/agent/work"}}
	spec.Progress = func(s string) { told = append(told, s) }
	b := h.backend()
	m := h.create(b, spec)
	if out, code := run(t, m, vm.Command{Args: []string{"sh", "-c", "find work -type f | wc -l; rm work/0/0; echo new >work/99/new; echo new >work/99/newer"}}); code != 0 || strings.TrimSpace(out) != "100000" {
		t.Errorf("inside there are %q files, code %d", out, code)
	}
	h.must(m.Close())
	files := 0
	h.must(filepath.WalkDir(work, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return err
	}))
	if files != folders*each+1 {
		t.Errorf("%d files came back", files)
	}
	for _, want := range []string{"copying /home/agent/work into the machine: 100000 files", "bringing the work out of the machine: 100000 files"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("%q was not told, the last was %q", want, told[len(told)-1])
		}
	}
	h.nothingLeft(b, "many-1")
}
