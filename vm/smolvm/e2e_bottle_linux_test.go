//go:build e2evm

package smolvm

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// bottleVariable names the program of TestRealBottle.
const bottleVariable = "BOTTLE_TEST_BOTTLE"

// TestRealBottle is the life of bottles by the command line in machines of the real
// smolvm, and what `bottle verify` finds in one.
func TestRealBottle(t *testing.T) {
	if os.Getenv(bottleVariable) == "" {
		t.Fatalf("%s names no bottle: see make e2e-vm", bottleVariable)
	}
	withHypervisor(t, realBottle)
}

// apiKey is what the host lends, and no bottle and no smolvm sees.
const apiKey = "tok_live_0123456789abcdef"

func realBottle(t *testing.T, binary, image string) {
	t.Helper()
	var lent atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer "+apiKey {
			lent.Add(1)
		}
		fmt.Fprintln(w, "asked:", r.Host, r.URL.Path)
	}))
	defer server.Close()
	o := newOperator(t, binary)
	o.write("hello.txt", "hello\n")
	o.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	o.manifest(image, server.Listener.Addr().String(), "copy")
	o.run("doctor", "doctor")
	o.must("trust", "", "trust", "-q", "--yes")

	const inside = `curl -sS -H "Authorization: Bearer $API_TOKEN" https://api.example.com/v1/me
		curl -sS --noproxy "*" https://api.example.com/captured
		curl -sS -o /dev/null -w "denied: %{http_code}\n" http://denied.example.com/
		env | grep -c ` + apiKey + `
		cat hello.txt; echo 1 >~/state; echo made >made.txt
		echo further interfaces: $(ls /sys/class/net | grep -cvx -e lo -e dummy0)`
	o.must("up", "asked: api.example.com /v1/me\nasked: api.example.com /captured\ndenied: 403\n0\nhello\nfurther interfaces: 0\n", "up", "--", "sh", "-c", inside)
	if lent.Load() != 1 {
		t.Errorf("the server saw the key %d times", lent.Load())
	}
	if out, _ := o.run("pull", "pull"); !strings.Contains(out, "added made.txt") { // it ends with 1, for what stays in the home
		t.Error("the work did not come back")
	}
	o.must("ls", "stopped", "ls")
	o.killed()
	o.gone()

	o.manifest(image, server.Listener.Addr().String(), "mount")
	o.must("trust", "", "trust", "-q", "--yes")
	drop := o.environ
	o.environ = append(slices.Clip(drop), "SMOLVM_VM_UID_DROP=off") // root's machines share no folder otherwise
	o.share()
	o.must("mount", "hello\ncovered: 1\n", "up", "--rm", "--", "sh", "-c", `cat hello.txt; echo shared >shared/file; echo covered: $(grep " $PWD/bottle.yaml ro," /proc/self/mountinfo | wc -l)`)
	o.environ = drop
	if text, err := os.ReadFile(filepath.Join(o.project, "shared", "file")); err != nil || string(text) != "shared\n" {
		t.Errorf("what a shared folder brought is %q, %v", text, err)
	}
	out := o.must("verify", "Contained", "verify", "--backend", "smolvm", "--image", image)
	if !strings.Contains(out, " 0 failed") {
		t.Errorf("bottle verify: %s", out)
	}
	o.gone()
}

// operator is a person at the command line of bottle.
type operator struct {
	t               *testing.T
	project, smolvm string
	environ         []string
}

func newOperator(t *testing.T, binary string) *operator {
	t.Helper()
	o := &operator{t: t, project: filepath.Join(t.TempDir(), "project"), smolvm: binary}
	home, err := os.MkdirTemp("/tmp", "e2e") // short, for the paths of sockets
	if err == nil {
		err = os.Mkdir(o.project, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	o.environ = []string{"HOME=" + home, "TMPDIR=/tmp", "PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "API_TOKEN=" + apiKey}
	for _, name := range partsVariables {
		if v := os.Getenv(name); v != "" {
			o.environ = append(o.environ, name+"="+v)
		}
	}
	return o
}

func (o *operator) write(name, text string) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.project, name), []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// share has the agent read hello.txt and write in a folder: what is shared is the
// host's root's in the machine, too.
func (o *operator) share() {
	o.t.Helper()
	err := os.Chmod(filepath.Join(o.project, "hello.txt"), 0o644)
	if err == nil {
		err = os.Mkdir(filepath.Join(o.project, "shared"), 0o700)
	}
	if err == nil {
		err = os.Chmod(filepath.Join(o.project, "shared"), 0o777) //nolint:gosec // by whatever umask
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *operator) manifest(image, upstream, workspace string) {
	o.t.Helper()
	o.write("bottle.yaml", fmt.Sprintf(`version: 1
backend: smolvm
image: %s
workspace: {mode: %s}
resources: {memory: 512MiB, cpus: 1}
egress:
  routes:
    - {host: api.example.com, private: true, upstream: %s, secrets: [api]}
  upstream_ca: [ca.pem]
secrets:
  api: {from: {env: API_TOKEN}, inject: bearer}
`, image, workspace, upstream))
}

// command is one of bottle, in the project.
func (o *operator) command(args ...string) (cmd *exec.Cmd, out *bytes.Buffer) {
	cmd, out = exec.CommandContext(o.t.Context(), os.Getenv(bottleVariable), args...), new(bytes.Buffer)
	cmd.Dir, cmd.Env, cmd.Stdout = o.project, o.environ, out
	return cmd, out
}

// run runs bottle, again where the processor was too slow for a start.
func (o *operator) run(name string, args ...string) (string, error) {
	o.t.Helper()
	for n := 1; ; n++ {
		var said bytes.Buffer
		cmd, out := o.command(args...)
		cmd.Stderr = &said
		began := time.Now()
		err := cmd.Run()
		o.t.Logf("%s: %v, %s\n%s%s", name, err, time.Since(began).Round(time.Second), out, &said)
		if strings.Contains(out.String()+said.String(), apiKey) {
			o.t.Errorf("%s shows the key", name)
		}
		if err == nil || out.Len() > 0 || n == createTries {
			return out.String(), err
		}
	}
}

// must runs bottle, which is to say something and to end with 0.
func (o *operator) must(name, want string, args ...string) string {
	o.t.Helper()
	out, err := o.run(name, args...)
	if err != nil || !strings.Contains(out, want) {
		o.t.Errorf("%s: %v, and no %q", name, err, want)
	}
	return out
}

// killed kills a bottle's program while its machine runs. What was done in it is there
// in the next one.
func (o *operator) killed() {
	o.t.Helper()
	for n := 1; !o.killOne(); n++ {
		if n == createTries {
			o.t.Error("no bottle ran so long that it could be killed")
			return
		}
	}
	o.must("ls", "dead", "ls")
	o.must("after a kill", "late\n1\nmade\nasked: api.example.com /v3\n", "up", "--", "sh", "-c", "cat late.txt ~/state made.txt; curl -sS https://api.example.com/v3")
}

// killOne starts a bottle and kills its program once its command runs. Where the
// processor is too slow for the start, there is none to kill.
func (o *operator) killOne() bool {
	o.t.Helper()
	var said bytes.Buffer
	cmd, out := o.command("up", "--", "sh", "-c", "echo late >late.txt; echo up; sleep 3600")
	cmd.Stderr, cmd.Stdout = &said, nil
	up, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		o.t.Fatal(err)
	}
	_, err = io.CopyN(out, up, int64(len("up\n")))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	o.t.Logf("killed: %v\n%s", err, &said)
	return err == nil
}

// gone ends all, and looks whether smolvm has anything left.
func (o *operator) gone() {
	o.t.Helper()
	o.must("down", "", "down", "--all", "--force")
	cmd := exec.CommandContext(o.t.Context(), o.smolvm, "machine", "ls")
	cmd.Env = o.environ
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "No machines found") {
		o.t.Errorf("left over: %v: %s", err, out)
	}
}
