package gitgate_test

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/internal/procmem"
	"github.com/bot-bottle/bottle/proxy"
)

// parallelClones is how many clones run at once where memory is measured.
const parallelClones = 8

// loneGate says what a gate in a process of its own leads to.
type loneGate struct {
	Origin string
	CA     []byte // in DER
	Dir    string // for packs
}

// loneGateEnv holds a loneGate for TestLoneGate.
const loneGateEnv = "BOTTLE_TEST_LONE_GATE"

// TestLoneGate is no test: it is the process whose memory BenchmarkGit measures,
// until its standard input ends.
func TestLoneGate(t *testing.T) {
	text := os.Getenv(loneGateEnv)
	if text == "" {
		return
	}
	var g loneGate
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(g.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	origin, err := url.Parse(g.Origin)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := gitgate.New(gitgate.Options{Hosts: []gitgate.Host{benchHost(origin)}, TempDir: g.Dir})
	if err != nil {
		t.Fatal(err)
	}
	cfg := proxy.Config{RootCAs: roots, Gate: gate, DLP: dlp.Policy{Action: dlp.Block}, Scan: dlp.Options{Known: []dlp.Known{known}}}
	fmt.Printf("gate %s\n", newFront(t, newServerOf(t, cfg, &journal{})))
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// benchHost is the host of the benchmarks, with the default credential.
func benchHost(origin *url.URL) gitgate.Host {
	all := []string{"refs/heads/**"}
	push := &gitgate.Push{Rules: policy.Rules{Create: all, Update: all}}
	return gitgate.Host{Name: "forge.test", URL: origin, Private: true, Auth: gitgate.BasicAuth{Password: value(token)},
		Repos: []gitgate.Repo{{Path: "org/bench", Push: push}, {Path: "org/full", Push: push}}}
}

// gateProcess is a gate that runs alone.
type gateProcess struct {
	pid int
	url string
}

func (w *benchWorld) startGate(o *origin) *gateProcess {
	w.Helper()
	text, err := json.Marshal(loneGate{Origin: o.URL, CA: o.Certificate().Raw, Dir: w.root})
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestLoneGate$", "-test.v=false")
	cmd.Env = append(os.Environ(), loneGateEnv+"="+string(text))
	in, err := cmd.StdinPipe()
	if err != nil {
		w.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "gate ")
	if err != nil || !ok {
		w.Fatalf("the gate says %q: %v", line, err)
	}
	return &gateProcess{pid: cmd.Process.Pid, url: base + "/forge.test/org/"}
}

// highest returns the most memory, in bytes, that the process had since the last call.
func (p *gateProcess) highest(b *testing.B) int64 {
	b.Helper()
	size, err := procmem.Read(p.pid, "VmHWM")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.Skip("memory is only measured on Linux")
	case err != nil:
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(p.pid), "clear_refs"), []byte("5"), 0); err != nil { // proc(5): what VmHWM counts from
		b.Fatal(err)
	}
	return size
}

// memory reports how much a gate takes while it is cloned through and pushed to.
func (w *benchWorld) memory(o *origin) {
	gate := w.startGate(o)
	dir := w.TempDir()
	gate.highest(w.B)
	var wait sync.WaitGroup
	for i := range parallelClones {
		wait.Go(func() { w.git("clone", "-q", "--bare", gate.url+"bench", filepath.Join(dir, strconv.Itoa(i))) })
	}
	wait.Wait()
	w.ReportMetric(float64(gate.highest(w.B))/(1<<20), fmt.Sprintf("clone-%d-MiB-RSS", parallelClones))
	w.git("init", "-q", "--bare", filepath.Join(w.root, "org", "full.git"))
	w.git("-C", w.work, "push", "-q", gate.url+"full", "main")
	w.ReportMetric(float64(gate.highest(w.B))/(1<<20), "full-push-MiB-RSS")
	if err := os.RemoveAll(filepath.Join(w.root, "org", "full.git")); err != nil {
		w.Fatal(err)
	}
}
