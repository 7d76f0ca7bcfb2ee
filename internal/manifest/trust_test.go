package manifest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func newTrust(t *testing.T) *Trust {
	t.Helper()
	return OpenTrust(filepath.Join(t.TempDir(), "state", "bottle"))
}

func wantUntrusted(t *testing.T, trust *Trust, m *Manifest, text string) {
	t.Helper()
	if err := trust.IsTrusted(m); !errors.Is(err, ErrNotTrusted) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an ErrNotTrusted with %q", err, text)
	}
}

func mustTrust(t *testing.T, trust *Trust, m *Manifest) {
	t.Helper()
	if err := trust.Trust(m); err != nil {
		t.Fatal(err)
	}
	if err := trust.IsTrusted(m); err != nil {
		t.Fatalf("trusted, and then: %v", err)
	}
}

func TestTrustGoesByContent(t *testing.T) {
	trust, p := newTrust(t), newPlace(t)
	p.manifest("version: 1\n")
	wantUntrusted(t, trust, p.mustLoad(), "is new here")
	mustTrust(t, trust, p.mustLoad())
	if err := OpenTrust(trust.dir).IsTrusted(p.mustLoad()); err != nil {
		t.Errorf("another process: %v", err)
	}
	p.manifest("version: 1\n# a comment\n")
	wantUntrusted(t, trust, p.mustLoad(), "changed since it was trusted")
	p.manifest("version: 1\n")
	if err := trust.IsTrusted(p.mustLoad()); err != nil {
		t.Errorf("the text that was trusted is back: %v", err)
	}

	elsewhere := newPlace(t).manifest("version: 1\n")
	wantUntrusted(t, trust, elsewhere.mustLoad(), "is new here")

	m := p.mustLoad()
	list, err := trust.List()
	if err != nil || len(list) != 1 || list[0].Path != m.Project.Path {
		t.Errorf("got %v, %v", list, err)
	}
	if was, err := trust.Revoke(m.Project.Path); err != nil || !was {
		t.Errorf("revoked: %v, %v", was, err)
	}
	wantUntrusted(t, trust, m, "is new here")
	if was, err := trust.Revoke(m.Project.Path); err != nil || was {
		t.Errorf("revoked twice: %v, %v", was, err)
	}
}

func TestUserFileIsAlwaysTrusted(t *testing.T) {
	if err := newTrust(t).IsTrusted(newPlace(t).user("version: 1\nsecrets: {s: {from: {command: [x]}}}\n").mustLoad()); err != nil {
		t.Error(err)
	}
}

func TestTrustCoversWhatRunsAndWhoIsBelieved(t *testing.T) {
	const text = "version: 1\nimage: ./box\nmounts: [{path: data}]\negress: {upstream_ca: [ca.pem, ../corporate.pem]}\nsecrets:\n  s: {from: {command: [sh, scripts/token.sh, ../tool, target]}}\n  f: {from: {file: value}}\n"
	tests := []struct {
		name string
		do   func(p *place) error
		text string // of the error; "" when trust stays
	}{
		{"a script of a command changes", func(p *place) error {
			return os.WriteFile(filepath.Join(p.project, "scripts/token.sh"), []byte("x"), 0o600)
		}, "token.sh"},
		{"it is removed", func(p *place) error { return os.Remove(filepath.Join(p.project, "scripts/token.sh")) }, "token.sh"},
		{"a file appears under the name of an argument", func(p *place) error { return os.WriteFile(filepath.Join(p.project, "target"), []byte("x"), 0o600) }, "/target"},
		{"a file appears under the name of the program, which the PATH finds", func(p *place) error { return os.WriteFile(filepath.Join(p.project, "sh"), []byte("x"), 0o600) }, ""},
		{"a root changes", func(p *place) error { return os.WriteFile(filepath.Join(p.project, "ca.pem"), []byte("x"), 0o600) }, "ca.pem"},
		{"a root outside of the project changes", func(p *place) error {
			return os.WriteFile(filepath.Join(p.project, "../corporate.pem"), []byte("x"), 0o600)
		}, "corporate.pem"},
		{"a program outside of the project changes", func(p *place) error { return os.WriteFile(filepath.Join(p.project, "../tool"), []byte("x"), 0o600) }, ""},
		{"the value of a secret changes", func(p *place) error { return os.WriteFile(filepath.Join(p.project, "value"), []byte("x"), 0o600) }, ""},
		{"the recipe of the image changes", func(p *place) error {
			return os.WriteFile(filepath.Join(p.project, "box/Dockerfile"), []byte("x"), 0o600)
		}, "box/Dockerfile"},
		{"what is mounted changes", func(p *place) error { return os.WriteFile(filepath.Join(p.project, "data"), []byte("x"), 0o600) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trust, p := newTrust(t), newPlace(t)
			p.manifest(text)
			for _, f := range []string{"scripts/token.sh", "ca.pem", "value", "data", "box/Dockerfile", "../corporate.pem", "../tool"} {
				p.write(filepath.Join(p.project, f), "as it was")
			}
			mustTrust(t, trust, p.mustLoad())
			if err := tt.do(p); err != nil {
				t.Fatal(err)
			}
			if tt.text != "" {
				wantUntrusted(t, trust, p.mustLoad(), tt.text)
			} else if err := trust.IsTrusted(p.mustLoad()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNothingIsOpenedBeforeTrust names a pipe everywhere. A writer that waits
// for a reader tells when somebody opened it, however shortly.
func TestNothingIsOpenedBeforeTrust(t *testing.T) {
	p := newPlace(t)
	pipe := filepath.Join(p.project, "pipe")
	if err := syscall.Mkfifo(pipe, 0o700); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err == nil {
			err = f.Close()
		}
		opened <- err
	}()
	p.manifest("version: 1\nworkspace: {path: pipe}\nmounts: [{path: pipe}]\negress: {upstream_ca: [pipe], routes: [{host: a.com, secrets: [s, f]}]}\nsecrets: {s: {from: {command: [./pipe]}}, f: {from: {file: pipe}}}\n")
	trust := newTrust(t)
	for range 20 {
		m := p.mustLoad()
		wantUntrusted(t, trust, m, "is new here")
		if _, err := m.Check(trust, secretOptions()); !errors.Is(err, ErrNotTrusted) {
			t.Errorf("got %v, want ErrNotTrusted", err)
		}
		_ = m.Summary()
	}
	select {
	case err := <-opened:
		t.Errorf("the pipe was opened (%v)", err)
		return
	default:
	}
	// Now let the writer go, which shows that it would have noticed.
	f, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestTrustFileIsPrivateAndShared(t *testing.T) {
	trust := newTrust(t)
	trust.now = func() time.Time { return time.Unix(1e9, 0) }
	places := make([]*place, 8)
	for i := range places {
		places[i] = newPlace(t).manifest("version: 1\n")
	}
	var wg sync.WaitGroup
	for _, p := range places {
		m := p.mustLoad()
		wg.Go(func() {
			if err := OpenTrust(trust.dir).Trust(m); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := trust.List(); err != nil || len(list) != len(places) {
		t.Errorf("%d entries, %v, want %d", len(list), err, len(places))
	}
	path := filepath.Join(trust.dir, trustFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(trust.dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, tt := range []struct {
		name, text string
		do         func() error
	}{
		{"others can write it", "chmod go-w", func() error { return os.Chmod(path, 0o620) }},
		{"it is damaged", "is damaged", func() error { return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("{"), 0o600)) }},
	} {
		if err := tt.do(); err != nil {
			t.Fatal(err)
		}
		m := places[0].mustLoad()
		if err := trust.IsTrusted(m); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v", tt.name, err)
		}
		if err := trust.Trust(m); err == nil {
			t.Errorf("%s: it was written over", tt.name)
		}
	}
}

func TestOthersManifestsAreRefused(t *testing.T) {
	p := newPlace(t)
	p.manifest("version: 1\n")
	path := filepath.Join(p.project, FileName)
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := p.load(); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
			t.Errorf("mode %o: got %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for mode, bad := range map[os.FileMode]bool{0o777: true, 0o702: true, 0o777 | os.ModeSticky: false, 0o775: false, 0o700: false} {
		if err := os.Chmod(p.project, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := p.load(); (err != nil) != bad || bad && !strings.Contains(err.Error(), "everybody can write in "+p.project) {
			t.Errorf("a folder of mode %v: got %v", mode, err)
		}
	}
	if err := os.Chmod(p.project, 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		uid int
		bad bool
	}{{os.Geteuid(), false}, {os.Geteuid() + 1, os.Geteuid() != 0}} { // root's files are everybody's to use
		if err := checkOwner(path, info, tt.uid); (err != nil) != tt.bad {
			t.Errorf("read by uid %d: %v", tt.uid, err)
		}
	}
	foreign := ownedBy{info, 12345}
	if err := checkOwner(path, foreign, 999); err == nil || !strings.Contains(err.Error(), "another user (uid 12345, not 999)") {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if m, err := p.load(); err != nil || m.Project != nil {
		t.Errorf("a folder of that name is no manifest: %v", err)
	}
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.load(); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a pipe: %v", err)
	}
}

// ownedBy is a file that belongs to somebody else.
type ownedBy struct {
	os.FileInfo
	uid uint32
}

func (o ownedBy) Sys() any          { return &syscall.Stat_t{Uid: o.uid} }
func (o ownedBy) Mode() fs.FileMode { return 0o600 }

func TestLinkedManifestIsTrustedByItsRealPath(t *testing.T) {
	p, trust := newPlace(t), newTrust(t)
	real := p.write(filepath.Join(p.home, "shared.yaml"), "version: 1\nmounts: [{path: x}]\n")
	if err := os.Symlink(real, filepath.Join(p.project, FileName)); err != nil {
		t.Fatal(err)
	}
	m := p.mustLoad()
	if m.Project.Path != real || m.Mounts[0].Path != filepath.Join(p.home, "x") {
		t.Errorf("got %+v, %+v", m.Project, m.Mounts)
	}
	mustTrust(t, trust, m)
}
