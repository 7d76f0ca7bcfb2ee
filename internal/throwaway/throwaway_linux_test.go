package throwaway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/throwaway"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// The test binary is also the first process of its sandboxes, and what runs in
// them.
func TestMain(m *testing.M) {
	sandbox.Init()
	if len(os.Args) > 1 && os.Args[1] == "inner" {
		b, err := os.ReadFile("note")
		fmt.Printf("%s", b)
		fmt.Fprintln(os.Stderr, "it complains")
		if err != nil || len(os.Args) > 2 {
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestNothingStays(t *testing.T) {
	temp, err := os.MkdirTemp("", "bt") // short, for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		t.Fatal(err)
	}
	opt := throwaway.Options{Backend: sandbox.New(sandbox.Options{}), Program: self,
		Manifest: "version: 1\nworkspace: {path: ./project}\n", Files: map[string]string{throwaway.Project + "/note": "a note"}}
	b, err := throwaway.Launch(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	out := &throwaway.Buffer{Limit: 6}
	if err := b.Run(t.Context(), vm.Command{Args: []string{"inner"}, Stdout: out}); err != nil || string(out.Bytes()) != "a note" {
		t.Errorf("it printed %q: %v", out.Bytes(), err)
	}
	err = b.Run(t.Context(), vm.Command{Args: []string{"inner", "badly"}})
	if err == nil || !strings.Contains(err.Error(), "code 3: it complains") {
		t.Errorf("a bad end: %v", err)
	}
	if err := b.End(); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(b.JournalDir()); err != nil || len(list) == 0 {
		t.Errorf("no journal after the end: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	opt.Manifest = "version: 1\nnonsense: 1\n"
	if b, err := throwaway.Launch(t.Context(), opt); err == nil {
		t.Error("a bad manifest was taken", b.Close())
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v: %v", left, err)
	}
}
