package gitgate_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/proxy"
)

// What is pushed is counted with all else that a bottle sends, and does not leave
// beyond the limit.
func TestPushesAreWithinTheBudget(t *testing.T) {
	root := t.TempDir()
	o := newOrigin(t, root)
	j := &journal{}
	const limit = 200 << 10
	s := newServer(t, proxy.Config{RootCAs: o.roots(), Budgets: proxy.Budgets{BytesOut: limit}}, j, gitgate.Host{Name: "forge.test", URL: o.url(), Private: true,
		Auth: gitgate.BasicAuth{Password: value(token)}, Repos: []gitgate.Repo{{Path: "org/repo", Push: &gitgate.Push{}}}})
	base := newFront(t, s)
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(context.Background(), need(t, "git"), append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "NO_PROXY=*", "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	commit := func(name string, size int) {
		t.Helper()
		random := rand.New(rand.NewPCG(1, uint64(size))) // bytes that do not compress
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if err := os.WriteFile(filepath.Join(root, "work", name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"add", name}, {"commit", "-q", "-m", "add " + name}} {
			if out, err := git(append([]string{"-C", "work"}, args...)...); err != nil {
				t.Fatal(out)
			}
		}
	}
	for _, args := range [][]string{{"init", "-q", "--bare", "org/repo.git"}, {"init", "-q", "work"}} {
		if out, err := git(args...); err != nil {
			t.Fatal(out)
		}
	}
	commit("small.bin", 50<<10)
	if out, err := git("-C", "work", "push", base+"/forge.test/org/repo", "HEAD:refs/heads/agent/a"); err != nil {
		t.Fatal(out)
	}
	sent := s.Spent("test").BytesOut
	if sent < 50<<10 || sent > 100<<10 {
		t.Errorf("%d bytes are counted of a push of 50 KiB", sent)
	}
	commit("large.bin", 300<<10)
	out, err := git("-C", "work", "push", base+"/forge.test/org/repo", "HEAD:refs/heads/agent/b")
	if err == nil || !strings.Contains(out, "budgets.bytes_out") {
		t.Errorf("got %v: %s", err, out)
	}
	if refs, _ := git("-C", "org/repo.git", "for-each-ref"); bytes.Contains([]byte(refs), []byte("refs/heads/agent/b")) {
		t.Error("it arrived")
	}
	if now := s.Spent("test").BytesOut; now > limit {
		t.Errorf("%d bytes were sent", now)
	}
}
