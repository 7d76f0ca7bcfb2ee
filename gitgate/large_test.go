package gitgate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/proxy"
)

// dependencies are modules of this project whose sources come to about 20 MB in
// 1,700 files. Some have private keys for their own tests.
var dependencies = []string{"github.com/go-git/go-git/v5", "golang.org/x/crypto", "golang.org/x/net"}

// TestDependenciesArePushedAndCloned has a large tree of real sources refused for
// the keys in it, pushed where such are only warned of, and cloned again.
func TestDependenciesArePushedAndCloned(t *testing.T) {
	if testing.Short() {
		t.Skip("it copies 20 MB")
	}
	need(t, "git")
	root, work := t.TempDir(), filepath.Join(t.TempDir(), "work")
	run := func(name string, args ...string) (string, error) {
		out, err := exec.Command(name, args...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	must := func(name string, args ...string) string {
		t.Helper()
		out, err := run(name, args...)
		if err != nil {
			t.Fatalf("%s %v: %v %s", name, args, err, out)
		}
		return out
	}
	must("git", "init", "-q", "--bare", "-b", "main", filepath.Join(root, "org", "open.git"))
	must("git", "init", "-q", "-b", "main", work)
	for _, m := range dependencies {
		from := must("go", "list", "-m", "-f", "{{.Dir}}", m)
		if err := os.CopyFS(filepath.Join(work, m), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	must("git", "-C", work, "add", "--force", ".")
	must("git", "-C", work, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "-m", "all")

	o := newOrigin(t, root)
	url := func(action dlp.Action) string {
		host := gitgate.Host{Name: "forge.test", URL: o.url(), Private: true, Repos: repos(), Auth: gitgate.BasicAuth{Password: value(token)}}
		return newFront(t, newServer(t, proxy.Config{RootCAs: o.roots(), DLP: dlp.Policy{Action: action}}, &journal{}, host)) + "/forge.test/org/open"
	}
	out, err := run("git", "-C", work, "push", url(dlp.Block), "main")
	if n := strings.Count(out, " private-key"); err == nil || n == 0 || n > 5 {
		t.Errorf("where findings stop it: %v %s", err, out)
	}
	open := url(dlp.Warn)
	must("git", "-C", work, "push", open, "main")
	again := filepath.Join(t.TempDir(), "again")
	must("git", "clone", "-q", "--bare", open, again)
	must("git", "-C", again, "fsck", "--full", "--strict")
	if got, want := must("git", "-C", again, "rev-parse", "main^{tree}"), must("git", "-C", work, "rev-parse", "main^{tree}"); got != want {
		t.Errorf("the tree is %s, not %s", got, want)
	}
}
