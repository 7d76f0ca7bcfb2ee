package verify

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/throwaway"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// broken is a bottle with a fence that does not hold.
type broken struct {
	row    string
	breach sandbox.Breach
	root   sandbox.Breach // what holds the same for bottles of root
	wrap   func(*testing.T, vm.Backend) vm.Backend
	text   func(*testing.T) string  // of the manifest
	env    func() map[string]string // that the inner half is run with
	denied bool                     // a host may refuse it to everybody, or to all but root
	lacks  func() string            // what this host has not that it takes
	detail string
}

// breaches break each row on purpose. Where two fences hold the same attack,
// both are taken away.
var breaches = []broken{
	{row: "tcp", breach: sandbox.BreachNet},
	{row: "udp", breach: sandbox.BreachNet},
	{row: "dns", breach: sandbox.BreachNet},
	{row: "resolver", wrap: withResolver, text: uncaptured},
	{row: "abstract-socket", breach: sandbox.BreachNet | sandbox.BreachLandlock},
	{row: "internet", breach: sandbox.BreachNet, denied: true},
	{row: "metadata", breach: sandbox.BreachNet, denied: true},
	{row: "interfaces", breach: sandbox.BreachNet, lacks: noInterface},
	{row: "gateway", breach: sandbox.BreachNet},
	{row: "vsock", breach: sandbox.BreachSeccomp, lacks: noVsock},
	{row: "proxy-policy", text: allowingMetadata},
	{row: "capture-policy", text: allowingMetadata},
	{row: "home-file", wrap: withHome, root: sandbox.BreachUser},
	{row: "signal", breach: sandbox.BreachPID | sandbox.BreachLandlock, root: sandbox.BreachUser},
	{row: "keyring", breach: sandbox.BreachKeyring | sandbox.BreachSeccomp, root: sandbox.BreachUser},
	{row: "environment", env: hostVariables},
	{row: "descriptor", breach: sandbox.BreachFDs},
	{row: "core-pattern", breach: sandbox.BreachProc | sandbox.BreachLandlock, root: sandbox.BreachUser, denied: true},
	{row: "tiocsti", breach: sandbox.BreachSeccomp},
	{row: "privileges", breach: sandbox.BreachCaps, detail: "CapBnd is "},
	{row: "privileges", breach: sandbox.BreachCaps | sandbox.BreachNoNewPrivs, detail: "NoNewPrivs is 0"},
	{row: "privileges", breach: sandbox.BreachSeccomp, detail: "Seccomp is 0"},
}

func TestEachRowFailsWithoutItsFence(t *testing.T) {
	for _, b := range breaches {
		t.Run(fmt.Sprintf("%s without %s", b.row, b.breach), func(t *testing.T) {
			breach := b.breach
			if os.Geteuid() == 0 {
				breach |= b.root
			}
			row := find(t, b.verify(t, breach), b.row)
			switch {
			case row.Outcome == Fail && strings.Contains(row.Detail, b.detail):
				t.Log(row.Detail)
			case row.Outcome == Untested: // said, and not passed off as held
				t.Logf("this host cannot plant it: %s", row.Detail)
			case b.denied && strings.HasSuffix(row.Detail, hostRefuses):
				t.Logf("this host refuses it: %s", row.Detail)
			case b.lacks != nil && b.lacks() != "":
				t.Logf("this host has %s", b.lacks())
			default:
				t.Errorf("without the fences %s the row says %s: %s", breach, row.Outcome, row.Detail)
			}
		})
	}
}

// noInterface says that a host has no interface but its loopback.
func noInterface() string {
	list, err := net.Interfaces()
	if err == nil && slices.ContainsFunc(list, func(i net.Interface) bool { return i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 }) {
		return ""
	}
	return "no interface that is up but its loopback"
}

// noVsock says that a host's kernel makes no such socket.
func noVsock() string {
	if r := openVsock(context.Background(), targets{}); !r.Reached {
		return "no AF_VSOCK: " + r.Detail
	}
	return ""
}

func TestEveryRowIsBrokenByATest(t *testing.T) {
	for _, a := range attacks {
		found := false
		for _, b := range breaches {
			found = found || b.row == a.name
		}
		if !found {
			t.Errorf("no test shows that the row %s can fail", a.name)
		}
	}
}

func TestABottleHolds(t *testing.T) {
	home, temp := t.TempDir(), shortDir(t)
	t.Setenv("TMPDIR", temp)
	r, err := Run(t.Context(), Options{
		Inside: InBottle(sandbox.New(sandbox.Options{}), "", program(t), nil), Outside: outside(t), Home: home, DeniedURL: MetadataURL,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{home, temp} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("in %s stays %v: %v", dir, left, err)
		}
	}
	if len(r.Rows) != len(attacks) || !r.Contained() {
		t.Errorf("not contained: %+v", r.Rows)
	}
	for _, row := range r.Rows {
		if row.Outcome != Pass && row.Name != "keyring" { // a container may have no keyring
			t.Errorf("%s: %s: %s", row.Name, row.Outcome, row.Detail)
		}
	}
}

// verify runs everything as "bottle verify" does.
func (b *broken) verify(t *testing.T, breach sandbox.Breach) *Report {
	t.Helper()
	home := t.TempDir()
	if err := os.Chmod(filepath.Dir(home), 0o711); err != nil { // else it would be a fence of its own
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	var backend vm.Backend = sandbox.New(sandbox.Options{Breach: breach})
	if breach&sandbox.BreachUser != 0 {
		backend = ofRoot{backend}
	}
	if b.wrap != nil {
		backend = b.wrap(t, backend)
	}
	text := manifestText
	if breach&sandbox.BreachNet != 0 { // its network is the host's, of which nothing is to be taken
		text = uncaptured(t)
	}
	if b.text != nil {
		text = b.text(t)
	}
	env := func() map[string]string { return nil }
	if b.env != nil {
		env = b.env
	}
	run := inBottle(throwaway.Options{Backend: backend, Program: program(t), Manifest: text}, env)
	r, err := Run(t.Context(), Options{Inside: run, Outside: outside(t), Home: home, DeniedURL: MetadataURL, Gateway: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shortDir makes a folder whose path leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func find(t *testing.T, r *Report, name string) Row {
	t.Helper()
	for _, row := range r.Rows {
		if row.Name == name {
			return row
		}
	}
	t.Fatalf("there is no row %s", name)
	return Row{}
}

// uncaptured is a manifest of a bottle with none but its own listeners.
func uncaptured(*testing.T) string { return manifestText + "capture: false\n" }

// allowingMetadata is a policy that lets the agent have the credentials of a
// cloud's machine.
func allowingMetadata(t *testing.T) string {
	metadata := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(metadata.Close)
	return fmt.Sprintf("version: 1\nworkspace: {path: ./project}\negress:\n  default: allow\n  routes:\n    - {host: 169.254.169.254, ports: [80], private: true, upstream: %q}\n",
		metadata.Listener.Addr())
}

// hostVariables are what everybody passes on who starts a program.
func hostVariables() map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	delete(env, "HOME")
	return env
}

// altered is a backend that makes other machines than it is asked for.
type altered struct {
	vm.Backend
	spec func(*vm.Spec)
	made func(vm.Machine) error
}

// ofRoot is a backend whose agents act as root.
type ofRoot struct{ vm.Backend }

func (ofRoot) Owner(string) (uid, gid int, err error) { return 0, 0, nil }

func (b *altered) Create(ctx context.Context, spec vm.Spec) (vm.Machine, error) {
	b.spec(&spec)
	m, err := b.Backend.Create(ctx, spec)
	if err == nil && b.made != nil {
		err = b.made(m)
	}
	return m, err
}

// withHome shows the host's home, as a careless mount does.
func withHome(t *testing.T, b vm.Backend) vm.Backend {
	return &altered{Backend: b, spec: func(s *vm.Spec) {
		s.Mounts = append(s.Mounts, vm.Mount{Source: os.Getenv("HOME"), ReadOnly: true})
	}}
}

// withResolver has a name server inside that the host answers.
func withResolver(t *testing.T, b vm.Backend) vm.Backend {
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\noptions use-vc\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return &altered{
		Backend: b,
		spec: func(s *vm.Spec) {
			s.Mounts = append(s.Mounts, vm.Mount{Source: conf, Target: "/etc/resolv.conf", ReadOnly: true})
		},
		made: func(m vm.Machine) error {
			l, err := m.Listen(t.Context(), 53)
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
			go serveNames(l)
			return nil
		},
	}
}

func serveNames(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = answerName(c)
		}()
	}
}
