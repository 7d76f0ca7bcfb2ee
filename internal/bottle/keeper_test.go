package bottle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm"
)

// fakeKeeper is a fakeBackend whose machines outlive their makers.
type fakeKeeper struct {
	fakeBackend
	onCreate  func(vm.Spec)
	onCollect func() error
	onRemove  func()
}

func (k *fakeKeeper) Create(ctx context.Context, spec vm.Spec) (vm.Machine, error) {
	if k.onCreate != nil {
		k.onCreate(spec)
	}
	return k.fakeBackend.Create(ctx, spec)
}

func (*fakeKeeper) Machines(context.Context) ([]string, error) { return nil, nil }
func (k *fakeKeeper) Remove(context.Context, string) error {
	if k.onRemove != nil {
		k.onRemove()
	}
	return nil
}
func (k *fakeKeeper) Collect(_ context.Context, _ string, _ []vm.Mount) error { return k.onCollect() }

func (p *project) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// keep launches a bottle in a machine of a keeper.
func (p *project) keep(k *fakeKeeper) (*Bottle, error) {
	p.t.Helper()
	p.must(os.Mkdir(p.path("root"), 0o700))
	p.write("root/bin", "", 0o600)
	return p.launch(p.trusted("image: ./root\n"), k)
}

func away(t *testing.T, dir string) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(dir, awayFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestOneAtATimeHasTheFiles: what is brought out of a machine replaces what is here as
// a whole, so nobody reads or brings it meanwhile, and neither does the bottle's end.
func TestOneAtATimeHasTheFiles(t *testing.T) {
	p := newProject(t)
	var inside atomic.Int32
	entered, leave := make(chan struct{}, 9), make(chan struct{})
	k := &fakeKeeper{}
	k.onCollect = func() error {
		if inside.Add(1) > 1 {
			t.Error("two have the files of a bottle at once")
		}
		entered <- struct{}{}
		<-leave
		inside.Add(-1)
		return nil
	}
	b, err := p.keep(k)
	if err != nil {
		t.Fatal(err)
	}
	k.made.onClose = func() {
		if inside.Load() != 0 {
			t.Error("the bottle ended, and brought its work, while another had its files")
		}
	}
	ended, waiting := make(chan error, 3), make(chan struct{}, 9)
	waits := func(what string) {
		t.Helper()
		select {
		case <-waiting:
		case <-entered:
			t.Fatalf("%s did not wait", what)
		case err := <-ended:
			t.Fatalf("%s did not wait, and ended: %v", what, err)
		}
	}
	pull := func(progress func(string)) {
		_, err := Pull(context.Background(), b.record, b.Dir(), PullOptions{DryRun: true, Backends: []vm.Backend{k}, Progress: progress})
		ended <- err
	}
	go pull(nil)
	<-entered
	tell := func(text string) {
		if strings.HasPrefix(text, "waiting ") {
			waiting <- struct{}{}
		}
	}
	go pull(tell)
	waits("a second pull")
	b.prepared.opt.Progress = tell
	go func() { ended <- b.Kill() }()
	waits("the end")
	close(leave)
	for range 3 {
		p.must(<-ended)
	}
	p.must(b.Close())
	ctx, cancel := context.WithCancel(t.Context())
	unlock, err := lockFiles(ctx, k, b.Dir(), nil)
	p.must(err)
	defer unlock()
	cancel()
	if _, err := Pull(ctx, b.record, b.Dir(), PullOptions{Backends: []vm.Backend{k}}); !errors.Is(err, context.Canceled) {
		t.Errorf("one that does not wait any more: %v", err)
	}
}

// TestWorkIsAwayOnceTheMachineIsReady: until then what is here is whole, and what a
// launch that was killed put into the machine need not be.
func TestWorkIsAwayOnceTheMachineIsReady(t *testing.T) {
	p := newProject(t)
	k := &fakeKeeper{}
	seen := false
	k.onCreate = func(spec vm.Spec) {
		dir, err := p.env.BottleDir(spec.ID)
		p.must(err)
		if seen = true; away(t, dir) {
			t.Error("the work is away before the machine is made")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Pull(ctx, state.Bottle{ID: spec.ID, Backend: k.Name()}, dir, PullOptions{Backends: []vm.Backend{k}}); !errors.Is(err, context.Canceled) {
			t.Errorf("a pull while the machine is made: %v", err)
		}
	}
	b, err := p.keep(k)
	if err != nil {
		t.Fatal(err)
	}
	if !seen || !away(t, b.Dir()) {
		t.Error("the work of a machine that runs is not away")
	}
	p.must(b.Close())
	if away(t, b.Dir()) {
		t.Error("the work of a machine that ended in order is away")
	}
}

// TestOthersSeeThatItStarts: while its machine is made, or taken away for the launch
// failed, a bottle is neither dead nor another's to go on with or to remove.
func TestOthersSeeThatItStarts(t *testing.T) {
	p := newProject(t)
	k := &fakeKeeper{fakeBackend: fakeBackend{listenErr: errors.New("no listener")}}
	looked := 0
	look := func() {
		looked++
		list, err := control.All(t.Context(), p.env)
		p.must(err)
		if len(list) != 1 || list[0].Status != control.Busy {
			t.Fatalf("others see %+v", list)
		}
		if err := control.Remove(p.env, list[0], nil); !errors.Is(err, state.ErrLocked) {
			t.Errorf("another removed it: %v", err)
		}
	}
	k.onCreate, k.onRemove = func(vm.Spec) { look() }, look
	if _, err := p.keep(k); err == nil || !strings.Contains(err.Error(), "no listener") || errors.Is(err, os.ErrClosed) || looked != 2 {
		t.Errorf("a launch that fails, looked at %d times: %v", looked, err)
	}
	if left := p.leftovers(); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// TestFilesStayWhileTheyAreTakenOver: to remove them then would look like the agent's
// deleting them.
func TestFilesStayWhileTheyAreTakenOver(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, workspaceDir, "file")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockPull(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := RemoveFiles(t.Context(), dir); !errors.Is(err, ErrPulling) {
		t.Errorf("while they are taken over: %v", err)
	}
	if _, err := os.Lstat(file); err != nil {
		t.Error(err)
	}
	unlock()
	if err := RemoveFiles(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if err := RemoveFiles(t.Context(), filepath.Join(dir, "none")); err != nil {
		t.Errorf("of a bottle that is gone: %v", err)
	}
}
