package gitgate_test

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/proxy"
)

// The repository of BenchmarkGit: about 25 MB as a pack.
const benchCommits, benchFileBytes = 4000, 8 << 10

// BenchmarkGit compares git with git through the gate, by turns, to `git
// http-backend` behind TLS: as in a bottle, over TLS to the egress proxy, and as with
// bottle gate, without TLS to a port of this machine. CPU is that of all processes.
// A ratio of 1 is no cost. `make bench-git` runs it.
func BenchmarkGit(b *testing.B) {
	if testing.Short() {
		b.Skip("it makes a large repository")
	}
	w := newBenchWorld(b)
	row := func(name string, n int, run func(url, dir string) (wall, cpu time.Duration), byCPU bool) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w.on(b).report(n, run, byCPU)
			}
		})
	}
	row("clone-cpu", 5, func(url, dir string) (time.Duration, time.Duration) {
		return w.git("clone", "-q", "--bare", url, dir)
	}, true)
	row("ls-remote-wall", 15, func(url, _ string) (time.Duration, time.Duration) {
		return w.git("ls-remote", "-q", url)
	}, false)
	row("no-op-fetch-wall", 15, func(url, _ string) (time.Duration, time.Duration) {
		return w.git("-C", w.work, "fetch", "-q", url, "main")
	}, false)
	row("small-push-wall", 9, w.smallPush, false)
	row("full-push-wall", 7, func(url, _ string) (time.Duration, time.Duration) {
		w.git("init", "-q", "--bare", filepath.Join(w.root, "org", "full.git"))
		took, cpu := w.git("-C", w.work, "push", "-q", strings.TrimSuffix(url, "bench")+"full", "main")
		if err := os.RemoveAll(filepath.Join(w.root, "org", "full.git")); err != nil {
			b.Fatal(err)
		}
		return took, cpu
	}, false)
	overSSH := func(name string, n int, run func(over *benchWorld, url, dir string) (wall, cpu time.Duration)) {
		b.Run(name, func(b *testing.B) {
			over := w.on(b).overSSH()
			for b.Loop() {
				over.report(n, func(url, dir string) (wall, cpu time.Duration) { return run(over, url, dir) }, false)
			}
		})
	}
	overSSH("ssh-ls-remote-wall", 9, func(w *benchWorld, url, _ string) (wall, cpu time.Duration) { return w.git("ls-remote", "-q", url) })
	overSSH("ssh-small-push-wall", 9, (*benchWorld).smallPush)
	overSSH("ssh-clone-wall", 3, func(w *benchWorld, url, dir string) (wall, cpu time.Duration) {
		return w.git("clone", "-q", "--bare", url, dir)
	})
	b.Run("memory", func(b *testing.B) { w.on(b).memory(w.origin) })
}

// on is the world for a part of the benchmark, so that -bench BenchmarkGit/NAME runs
// that part alone.
func (w *benchWorld) on(b *testing.B) *benchWorld {
	part := *w
	part.B = b
	return &part
}

// smallPush pushes a commit that changes a file to a new branch.
func (w *benchWorld) smallPush(url, dir string) (wall, cpu time.Duration) {
	branch := "refs/heads/small" + strings.ReplaceAll(dir, "/", "-")
	in := fmt.Sprintf("commit %s\ncommitter A <a@example.com> 1800000000 +0000\ndata 1\nx\nfrom refs/heads/main\nM 100644 inline d1/f1.go\ndata <<end\n%s\nend\n", branch, dir)
	cmd := exec.Command("git", "-C", w.work, "fast-import", "--quiet")
	cmd.Env, cmd.Stdin = w.env, strings.NewReader(in)
	if text, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("%v: %s", err, text)
	}
	return w.git("-C", w.work, "push", "-q", url, branch)
}

// overSSH compares git over ssh with git through a gate that keeps a connection.
func (w *benchWorld) overSSH() *benchWorld {
	ssh := need(w, "ssh")
	s := newSSHServer(w, w.root, true)
	host := benchHost(s.url)
	host.Auth, host.SSH = nil, &gitgate.SSHAuth{Key: gitgate.KeyFile(s.key), KnownHosts: []string{s.knownHosts}}
	front := newFront(w, newServer(w, proxy.Config{DLP: dlp.Policy{Action: dlp.Block}, Scan: dlp.Options{Known: []dlp.Known{known}}}, &journal{}, host))
	over := *w
	over.ways = []way{{"direct", s.url.JoinPath("org", "bench.git").String()}, {"gate", front + "/forge.test/org/bench"}}
	over.env = append(slices.Clone(w.env), "GIT_SSH_COMMAND="+ssh+" -F none -i "+s.key+" -o IdentitiesOnly=yes -o UserKnownHostsFile="+s.knownHosts)
	return &over
}

type benchWorld struct {
	*testing.B
	origin     *origin
	root, work string
	ways       []way // the first is without a gate
	env        []string
}

type way struct{ name, url string }

func newBenchWorld(b *testing.B) *benchWorld {
	b.Helper()
	root := b.TempDir()
	o := unstartedOrigin(b, root)
	o.EnableHTTP2 = true // as forges do
	o.StartTLS()
	gate, err := gitgate.New(gitgate.Options{Hosts: []gitgate.Host{benchHost(o.url())}, TempDir: root})
	if err != nil {
		b.Fatal(err)
	}
	cfg := proxy.Config{RootCAs: o.roots(), Gate: gate, DLP: dlp.Policy{Action: dlp.Block}, Scan: dlp.Options{Known: []dlp.Known{known}}}
	server, ca := newServerAndCA(b, cfg, &journal{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(l, proxy.ListenOptions{Session: "test"}) }()
	w := &benchWorld{B: b, origin: o, root: root, work: filepath.Join(b.TempDir(), "work"), ways: []way{
		{"direct", o.URL + "/org/bench"}, {"bottle", "https://forge.test/org/bench"}, {"gate", newFront(b, server) + "/forge.test/org/bench"}}}
	auth := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
	w.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_COUNT=5",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com"}
	for i, kv := range [][2]string{{"http." + o.URL + ".extraHeader", auth}, {"http." + o.URL + ".sslCAInfo", w.certificate(o.Certificate())},
		{"http.https://forge.test/.proxy", "http://" + l.Addr().String()}, {"http.https://forge.test/.sslCAInfo", w.certificate(ca.Certificate())}, {"gc.auto", "0"}} {
		w.env = append(w.env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	w.git("init", "-q", "--bare", "-b", "main", filepath.Join(root, "org", "bench.git"))
	w.git("-C", filepath.Join(root, "org", "bench.git"), "config", "uploadpack.allowFilter", "true") // as forges have it
	w.git("init", "-q", "--bare", "-b", "main", w.work)
	w.fill()
	w.git("-C", w.work, "push", "-q", filepath.Join(root, "org", "bench.git"), "main")
	return w
}

// certificate writes one to a file.
func (w *benchWorld) certificate(c *x509.Certificate) string {
	path := filepath.Join(w.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// fill makes the history: each commit changes a file of text that compresses
// about as code does.
func (w *benchWorld) fill() {
	var in bytes.Buffer
	out := bufio.NewWriter(&in)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range benchCommits {
		fmt.Fprintf(out, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n", i+1)
		var text bytes.Buffer
		for text.Len() < benchFileBytes {
			fmt.Fprintf(&text, "func f%x(a, b int) int { return a*%d + b }\n", r.Uint64(), r.IntN(1000))
		}
		fmt.Fprintf(out, "M 100644 inline d%d/f%d.go\ndata %d\n%s\n", i%50, i%800, text.Len(), text.Bytes())
	}
	_ = out.Flush() // a Buffer takes everything
	cmd := exec.Command("git", "-C", w.work, "fast-import", "--quiet")
	cmd.Env, cmd.Stdin = w.env, &in
	if text, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("%v: %s", err, text)
	}
	w.git("-C", w.work, "repack", "-adq")
}

// git runs git and returns how long it took, and the CPU time of all processes.
func (w *benchWorld) git(args ...string) (wall, cpu time.Duration) {
	w.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = w.env
	start, before := time.Now(), cpuTime()
	if out, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("git %v: %v: %s", args, err, out)
	}
	return time.Since(start), cpuTime() - before
}

// cpuTime is that of this process, in which gate and server are, and of all
// others that it has started and that have ended.
func cpuTime() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum
}

// report runs something n times each way, by turns, and reports the ratio of the
// medians.
func (w *benchWorld) report(n int, run func(url, dir string) (wall, cpu time.Duration), byCPU bool) {
	w.Helper()
	took := make([][]time.Duration, len(w.ways))
	dir := w.TempDir()
	for i := range n {
		for k, way := range w.ways {
			wall, cpu := run(way.url, filepath.Join(dir, fmt.Sprintf("%d-%d", i, k)))
			if byCPU {
				wall = cpu
			}
			took[k] = append(took[k], wall)
		}
	}
	for k, way := range w.ways {
		slices.Sort(took[k])
		w.Logf("%-7s %v", way.name, took[k][n/2].Round(time.Millisecond))
		if k > 0 {
			w.ReportMetric(float64(took[k][n/2])/float64(took[0][n/2]), way.name+"/direct")
		}
	}
}
