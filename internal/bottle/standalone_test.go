package bottle

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// victimBackend makes real sandboxes where there are any.
func victimBackend() vm.Backend {
	if runtime.GOOS == "linux" {
		return sandbox.New(sandbox.Options{})
	}
	return &fakeBackend{}
}

// startVictim starts one, and returns the line that it prints.
func startVictim(t *testing.T, kind, dir string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, victimArg, kind, dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("it prints %q: %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

// get asks a proxy, and returns the status.
func get(t *testing.T, proxyURL, target string) int {
	t.Helper()
	u, err := url.Parse(proxyURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(u)}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestAKilledProcessLeavesAReadableJournal has no chance to tidy up: what was
// decided stands there, the chain holds, and it is listed as what it is.
func TestAKilledProcessLeavesAReadableJournal(t *testing.T) {
	for _, kind := range []string{"proxy", "up"} {
		t.Run(kind, func(t *testing.T) {
			p := newProject(t)
			p.trusted(noRoutes)
			cmd, line := startVictim(t, kind, p.dir)
			if kind == "proxy" {
				if code := get(t, line, "http://denied.example/secret"); code != http.StatusForbidden {
					t.Fatalf("the denied host: %d", code)
				}
			}
			running := p.only(control.Running)
			dir, err := p.env.BottleDir(running.ID)
			if err != nil {
				t.Fatal(err)
			}
			dir = filepath.Join(dir, journalDir)
			waitFor(t, func() bool { // it is written a moment after the first lines
				_, err := os.Lstat(filepath.Join(dir, "head.json"))
				return err == nil
			})
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			dead := p.only(control.Dead)
			if dead.ID != running.ID || dead.Problem == nil || !strings.Contains(dead.Problem.Error(), "bottle down") {
				t.Errorf("%+v: %v", dead, dead.Problem)
			}
			denials, lines := 0, 0
			for e, err := range journal.Read(dir, journal.Filter{}) {
				if err != nil {
					t.Fatal(err)
				}
				lines++
				if e.Type == proxy.EventDecision && e.Verdict == proxy.Deny && e.Host == "denied.example" {
					denials++
				}
			}
			if kind == "proxy" && denials != 1 || kind == "up" && lines == 0 {
				t.Errorf("%d denials in %d lines", denials, lines)
			}
			if r, err := journal.Verify(dir); err != nil || !r.OK {
				t.Errorf("%+v, %v", r, err)
			}
			if err := control.Remove(p.env, dead, nil); err != nil {
				t.Fatal(err)
			}
			if left := p.leftovers(); len(left) > 0 {
				t.Errorf("there stays %v", left)
			}
		})
	}
}

// only returns the one bottle that there is, which must have a status.
func (p *project) only(want control.Status) control.Bottle {
	p.t.Helper()
	list, err := control.All(p.t.Context(), p.env)
	if err != nil || len(list) != 1 || list[0].Status != want {
		p.t.Fatalf("%+v, %v, want one that is %s", list, err, want)
	}
	return list[0]
}

func (p *project) standalone(text string, change func(*StandaloneOptions)) (*Standalone, error) {
	p.t.Helper()
	opt := StandaloneOptions{Manifest: p.trusted(text), Trust: p.trust, Env: p.env, Listen: "127.0.0.1:0"}
	if change != nil {
		change(&opt)
	}
	s, _, err := NewStandalone(p.t.Context(), opt)
	return s, err
}

func TestStandaloneServesUntilItIsEnded(t *testing.T) {
	p := newProject(t)
	s, err := p.standalone(noRoutes, nil)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.WithoutCancel(t.Context())) }()
	if code := get(t, s.URL(), "http://denied.example/"); code != http.StatusForbidden {
		t.Errorf("with the password: %d", code)
	}
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	if code := get(t, u.String(), "http://denied.example/"); code != http.StatusProxyAuthRequired {
		t.Errorf("without the password: %d", code)
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if s.Vars()[name] != s.URL() {
			t.Errorf("%s is not the proxy's URL", name)
		}
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if text, err := os.ReadFile(s.Vars()[name]); err != nil || strings.Contains(string(text), "PRIVATE KEY") {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Many may ask for the end at once.
	socket := p.only(control.Running).Socket
	var enders sync.WaitGroup
	var clients [4]*control.Client
	for i := range clients {
		if clients[i], err = control.Dial(t.Context(), socket); err != nil {
			t.Fatal(err)
		}
	}
	for _, client := range clients {
		enders.Go(func() {
			if err := client.Shutdown(context.Background(), false); err != nil && !errors.Is(err, control.ErrNotRunning) && !errors.Is(err, control.ErrBusy) {
				t.Error(err)
			}
		})
	}
	enders.Wait()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if b := p.only(control.Stopped); b.ID != s.ID() || b.Running {
		t.Errorf("%+v", b)
	}
}

func TestStandaloneOnASocketNeedsNoPassword(t *testing.T) {
	p := newProject(t)
	s, err := p.standalone(noRoutes, func(o *StandaloneOptions) { o.Listen = "unix:" + p.path("s") })
	if err != nil {
		t.Fatal(err)
	}
	if s.URL() != "" || s.Addr() != "unix:"+p.path("s") || s.Vars()["HTTPS_PROXY"] != "" {
		t.Errorf("%s, %s, %v", s.URL(), s.Addr(), s.Vars())
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Serve(ctx); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(p.path("s")); !os.IsNotExist(err) {
		t.Errorf("the socket stays: %v", err)
	}
}

func TestStandaloneLeavesNothingWhenItFails(t *testing.T) {
	const failing = "egress: {routes: [{host: a.example, secrets: [token]}]}\nsecrets: {token: {from: {command: [sh, -c, 'exit 3']}, inject: bearer}}\n"
	used := newProject(t)
	other, err := used.standalone(noRoutes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.close() })
	for _, c := range []struct {
		name, text string
		change     func(*StandaloneOptions)
		err        string
	}{
		{"the port is in use", noRoutes, func(o *StandaloneOptions) { o.Listen = other.Addr() }, "is in use by another program"},
		{"a secret's command fails", failing, nil, "exit status 3"},
		{"the manifest is not trusted", noRoutes, func(o *StandaloneOptions) { o.Manifest.Project.Hash = "another" }, "not trusted"},
		{"no socket can be made", noRoutes, func(o *StandaloneOptions) { o.Env = longRuntime(t, o.Env) }, "that a socket can have"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			s, err := p.standalone(c.text, c.change)
			if s != nil || err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, %v, want %q", s, err, c.err)
			}
			if left := p.leftovers(); len(left) > 0 {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}

// longRuntime puts sockets where no path of theirs fits.
func longRuntime(t *testing.T, env state.Env) state.Env {
	t.Helper()
	dir, _ := env.Lookup("HOME")
	long := filepath.Join(dir, strings.Repeat("x", 80))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	within := env.Lookup
	return state.Env{Lookup: func(name string) (string, bool) {
		if name == "XDG_RUNTIME_DIR" {
			return long, true
		}
		return within(name)
	}}
}

func TestNothingRunsInAStandaloneProxy(t *testing.T) {
	if _, err := (noMachine{}).Start(t.Context(), vm.Command{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// TestWhatCannotBeRecordedIsNotCounted: the views count what the journal has.
func TestWhatCannotBeRecordedIsNotCounted(t *testing.T) {
	r, err := openJournal(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []proxy.Event{
		{Type: proxy.EventDecision, Verdict: proxy.Allow}, {Type: proxy.EventEnd}, {Type: proxy.EventDecision, Verdict: proxy.Deny},
		{Type: proxy.EventEnd, Verdict: proxy.Deny}, {Type: proxy.EventNote},
	} {
		if err := r.Record(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	want := []int64{1, 2}
	if got := []int64{r.counts()["allowed"], r.counts()["denied"]}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Record(t.Context(), &proxy.Event{Type: proxy.EventDecision, Verdict: proxy.Deny}); !errors.Is(err, journal.ErrClosed) || r.counts()["denied"] != 2 {
		t.Errorf("%v, %v", err, r.counts())
	}
}
