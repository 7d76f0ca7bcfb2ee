package sandbox

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

// What a person goes on using on the host must be neither closed to the agent
// nor taken over by its number: facts that only show for root's machines.
func TestSharedMountsKeepTheirOwner(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, Options{}, vm.Spec{Mounts: []vm.Mount{{Source: dir, Target: "/shared", Shared: true}}})
	if got := shell(t, m, "cat /shared/mine && echo new >> /shared/mine && echo made > /shared/made && stat -c %U /shared/mine"); got != "old\nagent" {
		t.Fatalf("output %q", got)
	}
	for _, name := range []string{"mine", "made"} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if st := fi.Sys().(*syscall.Stat_t); int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid() {
			t.Errorf("%s belongs to %d:%d on the host", name, st.Uid, st.Gid)
		}
	}
}
