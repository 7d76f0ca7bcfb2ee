package gitgate_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
)

// The operator is told what is in a push, and it goes on with a yes only.
func TestTheOperatorIsAskedAboutAPush(t *testing.T) {
	root := t.TempDir()
	o := newOrigin(t, root)
	host := gitgate.Host{Name: "forge.test", URL: o.url(), Private: true, Auth: gitgate.BasicAuth{Password: value(token)},
		Repos: []gitgate.Repo{{Path: "org/ask", Push: &gitgate.Push{Ask: true}}}}
	gate, err := gitgate.New(gitgate.Options{Hosts: []gitgate.Host{host}, TempDir: t.TempDir(), Progress: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := proxy.NewPolicy(proxy.Deny, nil)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	answer := proxy.Answer{Reason: "not on a Friday"}
	waits := &heard{text: "remote: bottle: the push waits for the operator", done: make(chan struct{})}
	ask := func(ctx context.Context, q proxy.Question) (proxy.Answer, error) {
		asked = q.Detail
		if answer.Allow && len(asked) > 0 { // git is told so though it has no terminal
			select {
			case <-waits.done:
			case <-ctx.Done():
				return answer, ctx.Err()
			}
		}
		return answer, nil
	}
	cfg := proxy.Config{Gate: gate, Policy: policy, RootCAs: o.roots(), AskTimeout: time.Minute}
	s, err := proxy.New(t.Context(), cfg, proxy.Options{Leaves: leaves, Recorder: &journal{}, Ask: ask})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	base := newFront(t, s)
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "NO_PROXY=*", "LC_ALL=C")
		var out bytes.Buffer
		cmd.Stdout = io.MultiWriter(&out, waits)
		cmd.Stderr = cmd.Stdout
		err := cmd.Run()
		return strings.TrimSpace(out.String()), err
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := git(args...)
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return out
	}
	must("init", "-q", "--bare", "org/ask.git")
	must("init", "-q", "work")
	if err := os.WriteFile(filepath.Join(root, "work", "a.txt"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must("-C", "work", "add", "a.txt")
	must("-C", "work", "commit", "-q", "-m", "add a file")
	head := must("-C", "work", "rev-parse", "HEAD")

	out, err := git("-C", "work", "push", base+"/forge.test/org/ask", "HEAD:refs/heads/agent/x")
	if err == nil || !strings.Contains(out, "not on a Friday") {
		t.Errorf("after a no: %v\n%s", err, out)
	}
	want := "create refs/heads/agent/x as " + head + "\n1 commit:\n  " + head[:12] + " add a file\n1 file: 1 added, 0 changed, 0 removed\n  add a.txt"
	if got := strings.Join(asked, "\n"); got != want {
		t.Errorf("the operator is told\n%s\nwant\n%s", got, want)
	}
	if refs := must("-C", "org/ask.git", "for-each-ref"); refs != "" {
		t.Errorf("after a no the server has %s", refs)
	}
	answer = proxy.Answer{Allow: true}
	must("-C", "work", "push", base+"/forge.test/org/ask", "HEAD:refs/heads/agent/x")
	if got := must("-C", "org/ask.git", "rev-parse", "refs/heads/agent/x"); got != head {
		t.Errorf("after a yes the server has %s", got)
	}

	// Objects of LFS leave before a push, so they are asked about as well.
	id := strings.Repeat("ab", 32)
	batch := func(operation string) (int, string) {
		t.Helper()
		body := fmt.Sprintf(`{"operation":%q,"objects":[{"oid":%q,"size":7}]}`, operation, id)
		resp, err := http.Post(base+"/forge.test/org/ask/info/lfs/objects/batch", "application/vnd.git-lfs+json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	asked, answer = nil, proxy.Answer{Reason: "not on a Friday"}
	before := len(o.requests())
	if code, text := batch("upload"); code != http.StatusForbidden || !strings.Contains(text, "not on a Friday") {
		t.Errorf("an upload after a no: %d %s", code, text)
	}
	if list := strings.Join(asked, "\n"); !strings.Contains(list, "upload 1 objects of LFS, 7 bytes") || !strings.Contains(list, id+" of 7 bytes") {
		t.Errorf("about an upload the operator is told\n%s", list)
	}
	if n := len(o.requests()); n != before {
		t.Errorf("after a no the server was asked: %q", o.requests()[before:])
	}
	answer = proxy.Answer{Allow: true}
	if code, text := batch("upload"); code != http.StatusOK {
		t.Errorf("an upload after a yes: %d %s", code, text)
	}
	asked = nil
	if code, _ := batch("download"); code != http.StatusOK || asked != nil {
		t.Errorf("a download: %d, asked %q", code, asked)
	}
}

// heard is done when the text was written.
type heard struct {
	text string
	got  []byte
	done chan struct{}
	once sync.Once
}

func (h *heard) Write(p []byte) (int, error) {
	if h.got = append(h.got, p...); bytes.Contains(h.got, []byte(h.text)) {
		h.once.Do(func() { close(h.done) })
	}
	return len(p), nil
}
