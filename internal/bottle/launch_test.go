package bottle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/mitm"
)

func TestLaunchLeavesNothingWhenItFails(t *testing.T) {
	const failing = "egress: {routes: [{host: a.example, secrets: [token]}]}\nsecrets: {token: {from: {command: [sh, -c, 'exit 3']}, inject: bearer}}\n"
	for _, c := range []struct {
		name    string
		text    string
		backend fakeBackend
		break_  func(*project)
		err     string
	}{
		{name: "a secret's command fails", text: failing, err: "exit status 3"},
		{name: "the machine cannot be made", backend: fakeBackend{createErr: errors.New("no machines here")}, err: "no machines here"},
		{name: "the machine cannot listen", backend: fakeBackend{listenErr: errors.New("no port there")}, err: "no port there"},
		{name: "the socket's path is too long", err: "that a socket can have", break_: func(p *project) {
			p.env = longRuntime(p.t, p.env)
		}},
		{name: "an upstream_ca has expired", text: "egress: {upstream_ca: [./ca.pem]}\n", err: "expired on", break_: func(p *project) {
			old := newCA(p.t, mitm.Options{Now: func() time.Time { return time.Now().AddDate(-3, 0, 0) }})
			p.write("ca.pem", string(old.CertificatePEM()), 0o600)
		}},
		{name: "others can read the key of the placeholders", err: "placeholder key", break_: func(p *project) {
			p.breakState(secret.KeyFile, strings.Repeat("k", 32), 0o644)
		}},
		{name: "the user's CA is damaged", err: "bottle ca rotate", break_: func(p *project) {
			p.breakState(filepath.Join(caDir, "ca.pem"), "damaged", 0o600)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			if c.break_ != nil {
				c.break_(p)
			}
			p.write("work/file", "text", 0o600)
			b, err := p.launch(p.trusted(c.text), &c.backend)
			if b != nil || err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, %v, want %q", b, err, c.err)
			}
			if left := p.leftovers(); len(left) > 0 {
				t.Errorf("it leaves %v", left)
			}
			if m := c.backend.made; m != nil && !m.closed {
				t.Error("the machine goes on")
			}
		})
	}
}

// breakState puts a file into the state folder.
func (p *project) breakState(name, text string, mode os.FileMode) {
	p.t.Helper()
	dir, err := p.env.StateDir()
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
}

func TestLaunchThatIsInterruptedLeavesNothing(t *testing.T) {
	p := newProject(t)
	p.write("work/file", "text", 0o600)
	prepared, err := Prepare(t.Context(), p.options(p.trusted(""), &fakeBackend{}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := prepared.Launch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := p.leftovers(); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

func TestCreateLeavesAnotherBottleAlone(t *testing.T) {
	p := newProject(t)
	r := state.Bottle{ID: "taken"}
	if _, err := create(p.env, r); err != nil {
		t.Fatal(err)
	}
	if _, err := create(p.env, r); err == nil {
		t.Error("an id that is taken is given again")
	}
	if _, err := p.env.Load(r.ID); err != nil {
		t.Errorf("the other bottle is gone: %v", err)
	}
}

func TestAJournalHasOneWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	locked := (*journal.LockedError)(nil)
	if _, err := openJournal(dir); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("got %v", err)
	}
}

func TestLaunchAndClose(t *testing.T) {
	p := newProject(t)
	p.write("work/file", "text", 0o600)
	backend := &fakeBackend{}
	b, err := p.launch(p.trusted(oneRoute), backend)
	if err != nil {
		t.Fatal(err)
	}
	m := backend.made
	var mounted []string
	for _, mt := range m.spec.Mounts {
		mounted = append(mounted, mt.Source+" "+mt.Target)
	}
	for _, want := range []string{
		filepath.Join(b.Dir(), homeDir) + " " + home,
		filepath.Join(b.Dir(), guestDir) + " " + guestTarget,
		filepath.Join(b.Dir(), workspaceDir) + " " + p.path("work"),
	} {
		if !slices.Contains(mounted, want) {
			t.Errorf("%s is not mounted: %q", want, mounted)
		}
	}
	if len(mounted) != 3 {
		t.Errorf("more of the host is mounted than wanted: %q", mounted)
	}
	record, err := p.env.Load(b.ID())
	if err != nil || !record.Running || record.PID != os.Getpid() || record.Socket == "" {
		t.Fatalf("%+v, %v", record, err)
	}
	client, err := control.Dial(t.Context(), record.Socket)
	if err != nil {
		t.Fatal(err)
	}

	// Who ends it over its socket finds a bottle that has ended in order.
	m.onClose = func() {
		if !b.Ending() {
			t.Error("it does not know that it ends")
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Shutdown(context.WithoutCancel(t.Context()), false) }()
	waitFor(t, b.Ending)
	for range 2 { // twice is fine
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if record, err = p.env.Load(b.ID()); err != nil || record.Running || record.PID != 0 {
		t.Errorf("%+v, %v", record, err)
	}
	if !m.closed {
		t.Error("the machine goes on")
	}
	if _, err := os.Lstat(record.Socket); !os.IsNotExist(err) {
		t.Errorf("the socket stays: %v", err)
	}
	j, err := openJournal(b.JournalDir()) // its writer let go of it
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
	if report, err := journal.Verify(b.JournalDir()); err != nil || !report.OK || report.Lines == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// waitFor polls what another process or goroutine does soon.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestCloseOrder: what runs ends first, the journal is closed when nothing is
// decided any more, and the socket goes last.
func TestCloseOrder(t *testing.T) {
	p := newProject(t)
	backend := &fakeBackend{}
	b, err := p.launch(p.trusted(""), backend)
	if err != nil {
		t.Fatal(err)
	}
	looked := false
	backend.made.onClose = func() {
		looked = true
		if r, err := p.env.Load(b.ID()); err != nil || r.Running {
			t.Errorf("the record says that it runs: %v", err)
		}
		if _, err := openJournal(b.JournalDir()); err == nil {
			t.Error("the journal is closed while something runs")
		}
		if _, err := control.Dial(context.Background(), b.record.Socket); err != nil {
			t.Errorf("the socket is gone while something runs: %v", err)
		}
	}
	if err := b.Close(); err != nil || !looked {
		t.Errorf("looked %v, %v", looked, err)
	}
}
