package sandbox

import (
	"os"
	"testing"
)

func TestPickMapped(t *testing.T) {
	const whole = "         0          0 4294967295\n"
	for _, c := range []struct {
		name, idMap string
		base, n     uint32
		want        int // -1 for an error
	}{
		{"the host's own namespace", whole, DefaultUIDBase, 5, DefaultUIDBase + 5},
		{"a hash above the span", whole, DefaultUIDBase, uidSpan + 5, DefaultUIDBase + 5},
		{"a container's 65536 numbers", "0 100000 65536\n", DefaultUIDBase, 0, 1},
		{"its last", "0 100000 65536\n", DefaultUIDBase, 65534, 65535},
		{"after its last comes the first", "0 100000 65536\n", DefaultUIDBase, 65535, 1},
		{"the longest of several", "0 1000 1\n1 100000 65536\n70000 300000 10\n", DefaultUIDBase, 7, 8},
		{"nothing but root", "0 1000 1\n", DefaultUIDBase, 7, -1},
		{"nothing", "", DefaultUIDBase, 7, -1},
		{"not a map", "x\n", DefaultUIDBase, 7, -1},
	} {
		got, err := pickMapped(c.idMap, c.base, c.n)
		if err != nil {
			got = -1
		}
		if got != c.want {
			t.Errorf("%s: %d (%v), want %d", c.name, got, err, c.want)
		}
	}
}

func TestOwner(t *testing.T) {
	b := New(Options{})
	uid, gid, err := b.Owner("a")
	if err != nil {
		t.Fatal(err)
	}
	if again, _, _ := b.Owner("a"); again != uid {
		t.Errorf("%d, then %d", uid, again)
	}
	other, _, _ := b.Owner("b")
	if isRoot() {
		if uid == 0 || gid == 0 || uid == other {
			t.Errorf("root's machines act as %d:%d and %d", uid, gid, other)
		}
	} else if uid != os.Geteuid() || gid != os.Getegid() || other != uid {
		t.Errorf("a user's machines act as %d:%d and %d", uid, gid, other)
	}
}
