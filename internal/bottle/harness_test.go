package bottle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// The test binary is also the first process of its sandboxes, and the processes
// that tests kill.
func TestMain(m *testing.M) {
	sandbox.Init()
	if len(os.Args) == 4 && os.Args[1] == victimArg {
		if err := victim(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// project is a folder with a manifest that is trusted, and with all state.
type project struct {
	t     *testing.T
	dir   string
	env   state.Env
	trust *manifest.Trust
}

// newProject makes one; its path leaves room for that of a socket.
func newProject(t *testing.T) *project {
	t.Helper()
	dir, err := os.MkdirTemp("", "bb")
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &project{t: t, dir: dir, env: state.Within(dir)}
	if err := os.Mkdir(p.path("work"), 0o700); err != nil {
		t.Fatal(err)
	}
	state, err := p.env.MakeStateDir()
	if err != nil {
		t.Fatal(err)
	}
	p.trust = manifest.OpenTrust(state)
	return p
}

func (p *project) path(name string) string { return filepath.Join(p.dir, name) }

func (p *project) write(name, text string, mode os.FileMode) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
}

// load writes and loads a manifest, given behind its first lines.
func (p *project) load(text string) *manifest.Manifest {
	p.t.Helper()
	p.write(manifest.FileName, "version: 1\nworkspace: {path: ./work}\n"+text, 0o600)
	m, err := p.read()
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *project) read() (*manifest.Manifest, error) {
	return manifest.Load(manifest.Options{File: p.path(manifest.FileName), Dir: p.dir, Environ: []string{"HOME=" + p.dir}})
}

// trusted is load and a person's yes.
func (p *project) trusted(text string) *manifest.Manifest {
	p.t.Helper()
	m := p.load(text)
	if err := p.trust.Trust(m); err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *project) options(m *manifest.Manifest, b vm.Backend) Options {
	return Options{Manifest: m, Trust: p.trust, Backend: b, Args: []string{"sh"}, Env: p.env}
}

// launch launches a bottle that is closed with the test.
func (p *project) launch(m *manifest.Manifest, b vm.Backend) (*Bottle, error) {
	p.t.Helper()
	prepared, err := Prepare(p.t.Context(), p.options(m, b))
	if err != nil {
		p.t.Fatal(err)
	}
	return prepared.Launch(p.t.Context())
}

// leftovers are the folders of bottles that stayed behind.
func (p *project) leftovers() (list []string) {
	p.t.Helper()
	stateDir, err := p.env.StateDir()
	if err != nil {
		p.t.Fatal(err)
	}
	dirs := []string{filepath.Join(stateDir, "bottles")}
	if root, err := p.env.RuntimeRoot(); err == nil {
		dirs = append(dirs, root)
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			p.t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, filepath.Join(dir, e.Name()))
		}
	}
	return list
}

// fakeBackend makes machines in which nothing can run.
type fakeBackend struct {
	createErr, listenErr error
	made                 *fakeMachine
}

func (*fakeBackend) Name() string                      { return "fake" }
func (*fakeBackend) Doctor(context.Context) []vm.Check { return nil }
func (*fakeBackend) Owner(string) (uid, gid int, err error) {
	return os.Getuid(), os.Getgid(), nil
}

func (b *fakeBackend) Create(_ context.Context, spec vm.Spec) (vm.Machine, error) {
	if b.createErr != nil {
		return nil, b.createErr
	}
	b.made = &fakeMachine{spec: spec, listenErr: b.listenErr}
	return b.made, nil
}

type fakeMachine struct {
	spec      vm.Spec
	listenErr error
	onClose   func()
	once      sync.Once
	closed    bool
	listener  net.Listener
}

func (m *fakeMachine) ID() string { return m.spec.ID }

// Start can cat a file below a mount, which the proof of trust does.
func (m *fakeMachine) Start(_ context.Context, cmd vm.Command) (vm.Process, error) {
	if len(cmd.Args) != 2 || cmd.Args[0] != "cat" {
		return nil, errors.ErrUnsupported
	}
	for _, mt := range m.spec.Mounts {
		name, below := strings.CutPrefix(cmd.Args[1], mt.Target+"/")
		if data, err := os.ReadFile(filepath.Join(mt.Source, name)); below && err == nil {
			_, err = cmd.Stdout.Write(data)
			return ended{}, err
		}
	}
	return nil, os.ErrNotExist
}

// ended is a process that has.
type ended struct{}

func (ended) Wait() (int, error)          { return 0, nil }
func (ended) Signal(syscall.Signal) error { return os.ErrProcessDone }
func (ended) Resize(vm.WinSize) error     { return os.ErrProcessDone }

func (m *fakeMachine) Listen(context.Context, int) (net.Listener, error) {
	if m.listenErr != nil {
		return nil, m.listenErr
	}
	var err error
	m.listener, err = net.Listen("tcp", "127.0.0.1:0")
	return m.listener, err
}
func (m *fakeMachine) Dial(ctx context.Context, _ int) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", m.listener.Addr().String())
}
func (*fakeMachine) Limits() []vm.Limit { return nil }
func (*fakeMachine) Wait() error        { return nil }
func (m *fakeMachine) Close() error {
	m.once.Do(func() {
		m.closed = true
		if m.onClose != nil {
			m.onClose()
		}
	})
	return nil
}

// notes is a recorder that keeps what it is told.
type notes struct {
	mu   sync.Mutex
	list []proxy.Event
}

func (n *notes) Record(_ context.Context, e *proxy.Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, *e)
	return nil
}

func (n *notes) all() []proxy.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]proxy.Event(nil), n.list...)
}
