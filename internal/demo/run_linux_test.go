package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

func testProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		t.Fatal(err)
	}
	return self
}

func TestRun(t *testing.T) {
	temp, err := os.MkdirTemp("", "bd") // short, for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)
	said := ""
	r, err := Run(t.Context(), Options{Backend: sandbox.New(sandbox.Options{}), Program: testProgram(t), Progress: func(s string) { said = s }})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	if !r.Kept() || len(r.Scenes) != 5 || strings.Contains(out.String(), "NOT AS PROMISED") {
		t.Errorf("not as promised:\n%s", out.String())
	}
	if said == "" {
		t.Error("it tells no progress")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v: %v", left, err)
	}
}

// noMachines is a backend on a host that forbids them.
type noMachines struct{ vm.Backend }

var errForbidden = errors.New("forbidden here")

func (noMachines) Create(context.Context, vm.Spec) (vm.Machine, error) { return nil, errForbidden }

func TestRunSaysWhatItCannotDo(t *testing.T) {
	_, err := Run(t.Context(), Options{Backend: noMachines{sandbox.New(sandbox.Options{})}, Program: testProgram(t)})
	if !errors.Is(err, errForbidden) {
		t.Errorf("got %v", err)
	}
}
