package guest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNet writes what the relay needs, once; a link of another resolver's is replaced
// and not followed.
func TestNet(t *testing.T) {
	root := t.TempDir()
	etc := filepath.Join(root, "etc")
	for _, err := range []error{
		os.Mkdir(etc, 0o755), os.WriteFile(filepath.Join(root, "stub"), []byte("theirs"), 0o644), os.Symlink("../stub", filepath.Join(etc, "resolv.conf")),
		os.WriteFile(filepath.Join(etc, "hosts"), []byte("127.0.0.1 localhost"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		// An address that is the machine's already needs no right to change routes.
		if err := network([]string{"--root", root, "--local", "127.0.0.0/8", "--resolver", "--host", "198.18.0.1=db", "--host", "198.18.0.2=x.example"}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"etc/hosts": "127.0.0.1 localhost\n198.18.0.1 db\n198.18.0.2 x.example\n", "stub": "theirs"} {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(etc, "resolv.conf")); err != nil || !strings.HasPrefix(string(got), "nameserver 127.0.0.1\n") {
		t.Errorf("resolv.conf is %q, %v", got, err)
	}
	for _, bad := range [][]string{{"--local", "x"}, {"--host", "db"}, {"--host", "1.2.3.4=a b"}, {"--host", "x=db"}, {"--no-such"}} {
		if err := network(bad, nil, nil); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestServeFlags(t *testing.T) {
	for _, bad := range []string{"", "--listen x", "--listen 1=a --capture", "--listen 1=a --capture --proxy 2 --forward f", "--listen 1=a --service db=x --proxy 1 --forward f"} {
		if _, err := parseServe(strings.Fields(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	opt, err := parseServe(strings.Fields("--listen 1=a --proxy 1 --forward f --service db=198.18.0.1:5432 --service db=198.18.0.1:5433"))
	if err != nil || len(opt.services) != 1 || len(opt.services[0].Ports) != 2 {
		t.Errorf("%+v, %v", opt, err)
	}
}
