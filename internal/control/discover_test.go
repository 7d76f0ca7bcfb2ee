package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/state"
)

// serveVariable makes this test program serve a socket, as a bottle's process
// that can be killed.
const serveVariable = "CONTROL_TEST_SERVE"

func TestMain(m *testing.M) {
	if path := os.Getenv(serveVariable); path != "" {
		s, err := Listen(Options{Path: path, Info: Info{ID: filepath.Base(filepath.Dir(path))}})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ready")
		<-s.ctx.Done()
	}
	os.Exit(m.Run())
}

// other starts a process that serves the socket at path.
func other(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func testEnv(t *testing.T) state.Env {
	t.Helper()
	base := shortDir(t)
	return state.Env{Lookup: func(name string) (string, bool) {
		v, ok := map[string]string{"HOME": base, "XDG_RUNTIME_DIR": base}[name]
		return v, ok
	}}
}

// create makes a bottle's record, and its runtime folder for the socket whose
// path it returns.
func create(t *testing.T, env state.Env, b state.Bottle) string {
	t.Helper()
	dir, err := env.MakeRuntimeDir(b.ID)
	if err != nil {
		t.Fatal(err)
	}
	if b.Created.IsZero() {
		b.Created = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	}
	if _, err := env.Create(b); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, SocketName)
}

func TestDialSaysWhyThereIsNobody(t *testing.T) {
	dir := filepath.Join(shortDir(t), "x-1")
	path := filepath.Join(dir, SocketName)
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNotRunning) || !strings.HasPrefix(err.Error(), "bottle x-1 is not running") {
		t.Errorf("nothing there: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := state.TryLock(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("before it listens: %v", err)
	}
	_ = lock.Unlock()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); err == nil {
		t.Error("a file: no error")
	}
}

func TestASocketLeftBehindIsNamedAndReplaced(t *testing.T) {
	dir := filepath.Join(shortDir(t), "x-1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, SocketName)
	cmd := other(t, path)
	if _, err := Listen(Options{Path: path}); !errors.Is(err, state.ErrLocked) {
		t.Errorf("while it is served: %v", err)
	}
	if c, err := Dial(t.Context(), path); err != nil || c.Info().PID != cmd.Process.Pid {
		t.Error(c, err)
	}
	kill(cmd)
	_, err := Dial(t.Context(), path)
	var stale *StaleError
	if !errors.As(err, &stale) || stale.PID != cmd.Process.Pid || !errors.Is(err, ErrNotRunning) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{fmt.Sprint("process ", cmd.Process.Pid), "`bottle down x-1`", path} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	dial(t, serve(t, Options{Path: path}))
}

func TestABottleThatWasStoppedDoesNotHangItsClients(t *testing.T) {
	path := socketIn(t)
	cmd := other(t, path)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var st syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &st, syscall.WUNTRACED, nil); err != nil || !st.Stopped() {
		t.Fatal(st, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, path); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprint(cmd.Process.Pid)) {
		t.Errorf("got %v", err)
	}
}

func TestAllMergesRecordsAndSockets(t *testing.T) {
	env := testEnv(t)
	day := func(n int) time.Time { return time.Date(2026, 5, n, 0, 0, 0, 0, time.UTC) }
	running := create(t, env, state.Bottle{ID: "run-1", Name: "run", Running: true, Created: day(1)})
	serve(t, Options{Path: running, Info: Info{ID: "run-1", Name: "run", Agent: "claude"}})
	create(t, env, state.Bottle{ID: "end-1", Name: "end", Created: day(2)})
	create(t, env, state.Bottle{ID: "gone-1", Name: "gone", Running: true, Created: day(3), PID: 99})
	killed := create(t, env, state.Bottle{ID: "kill-1", Name: "kill", Running: true, Created: day(4)})
	kill(other(t, killed))
	busy := create(t, env, state.Bottle{ID: "busy-1", Name: "busy", Running: true, Created: day(5)})
	lock, err := state.TryLock(filepath.Join(filepath.Dir(busy), lockName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Unlock() }()
	mute := create(t, env, state.Bottle{ID: "mute-1", Name: "mute", Running: true, Created: day(6)})
	l, err := net.Listen("unix", mute)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// Started by a shell with another XDG_RUNTIME_DIR.
	far := filepath.Join(shortDir(t), SocketName)
	create(t, env, state.Bottle{ID: "far-1", Name: "far", Running: true, Created: day(7), Socket: far})
	serve(t, Options{Path: far, Info: Info{ID: "far-1"}})
	// Its record is gone.
	lone, err := env.MakeRuntimeDir("lone-1")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, Options{Path: filepath.Join(lone, SocketName), Info: Info{ID: "lone-1", Name: "lone", Workspace: "/w", Started: day(8)}})

	list, err := All(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range list {
		got = append(got, fmt.Sprint(b.ID, " ", b.Name, " ", b.Status))
		if (b.Info != nil) != (b.Status == Running) {
			t.Errorf("%s: info %v", b.ID, b.Info)
		}
		if want := b.Status != Running && b.Status != Stopped; (b.Problem != nil) != want {
			t.Errorf("%s: problem %v", b.ID, b.Problem)
		}
	}
	want := []string{
		"run-1 run running", "end-1 end stopped", "gone-1 gone dead", "kill-1 kill dead", "busy-1 busy busy",
		"mute-1 mute silent", "far-1 far running", "lone-1 lone running",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if list[7].Workspace != "/w" {
		t.Errorf("got %+v", list[7])
	}
}

func TestAllListsTheOthersWhenARecordIsDamaged(t *testing.T) {
	env := testEnv(t)
	create(t, env, state.Bottle{ID: "a-1", Name: "a"})
	create(t, env, state.Bottle{ID: "b-1", Name: "b"})
	dir, err := env.BottleDir("b-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bottle.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := All(t.Context(), env)
	if len(list) != 1 || list[0].ID != "a-1" || err == nil || !strings.Contains(err.Error(), "b-1") {
		t.Errorf("got %v, %v", list, err)
	}
	if b, err := Find(t.Context(), env, Query{Ref: "a"}); err != nil || b.ID != "a-1" {
		t.Errorf("got %v, %v", b, err)
	}
	if _, err := Find(t.Context(), env, Query{Ref: "b"}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

func TestFind(t *testing.T) {
	env := testEnv(t)
	work := resolved(shortDir(t))
	deep := filepath.Join(work, "sub", "deep")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(resolved(shortDir(t)), "link")
	if err := os.Symlink(work, link); err != nil {
		t.Fatal(err)
	}
	for _, b := range []state.Bottle{
		{ID: "one-1", Name: "one", Workspace: work},
		{ID: "sub-1", Name: "twin", Workspace: filepath.Join(work, "sub")},
		{ID: "twin-2", Name: "twin", Workspace: "/other"},
		{ID: "twin-3", Name: "one-1"}, // a name that is another's id
		{ID: "pair-1", Name: "p1", Workspace: "/pair"},
		{ID: "pair-2", Name: "p2", Workspace: "/pair"},
	} {
		path := create(t, env, b)
		if b.ID == "twin-2" || b.ID == "pair-1" {
			serve(t, Options{Path: path, Info: Info{ID: b.ID}})
		}
	}
	for _, c := range []struct {
		name string
		q    Query
		want string // an id, or the error's beginning
	}{
		{"by id", Query{Ref: "twin-2"}, "twin-2"},
		{"by id before name", Query{Ref: "one-1"}, "one-1"},
		{"by name", Query{Ref: "one"}, "one-1"},
		{"by a name of two", Query{Ref: "twin"}, "the name twin is that of 2 bottles: say which by its id:\n  sub-1  stopped"},
		{"by a name of two, one runs", Query{Ref: "twin", Running: true}, "twin-2"},
		{"by a name of none", Query{Ref: "nix"}, "no such bottle: the name nix"},
		{"by a name whose bottle does not run", Query{Ref: "one", Running: true}, "bottle one-1 is not running: it has ended"},
		{"by the workspace", Query{Dir: work}, "one-1"},
		{"by the workspace through a link", Query{Dir: link}, "one-1"},
		{"by the workspace nearest above", Query{Dir: deep}, "sub-1"},
		{"by a workspace of two", Query{Dir: "/pair"}, "the workspace /pair is that of 2 bottles"},
		{"by a workspace of two, one runs", Query{Dir: "/pair/x", Running: true}, "pair-1"},
		{"by a folder of none", Query{Dir: "/"}, "no such bottle: the workspace /;"},
		{"by a folder whose name begins the same", Query{Dir: work + "x"}, "no such bottle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := Find(t.Context(), env, c.q)
			if got := b.ID; err == nil && got != c.want || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
	_, err := Find(t.Context(), env, Query{Ref: "twin"})
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 {
		t.Errorf("got %v", err)
	}
	if _, err := Find(t.Context(), env, Query{Ref: "one", Running: true}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

func TestRemoveTakesADeadBottleAndNoOther(t *testing.T) {
	env := testEnv(t)
	path := create(t, env, state.Bottle{ID: "x-1", Name: "x", Running: true})
	cmd := other(t, path)
	if err := Remove(env, state1("x-1"), nil); !errors.Is(err, state.ErrLocked) {
		t.Errorf("while it runs: %v", err)
	}
	if c, err := Dial(t.Context(), path); err != nil {
		t.Error(c, err)
	}
	kill(cmd)
	if err := Remove(env, state1("x-1"), nil); err != nil {
		t.Fatal(err)
	}
	dir, err := env.BottleDir("x-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(path)} {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", d, err)
		}
	}
	if err := Remove(env, state1("x-1"), nil); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// TestRemoveHoldsTheLockMeanwhile: nobody can begin to serve a bottle whose
// files are going.
func TestRemoveHoldsTheLockMeanwhile(t *testing.T) {
	env := testEnv(t)
	path := create(t, env, state.Bottle{ID: "x-1", Name: "x"})
	failed := errors.New("it did not work")
	err := Remove(env, state1("x-1"), func() error {
		if _, err := Listen(Options{Path: path}); !errors.Is(err, state.ErrLocked) {
			t.Errorf("served meanwhile: %v", err)
		}
		return failed
	})
	if dir, derr := env.BottleDir("x-1"); !errors.Is(err, failed) || derr != nil {
		t.Errorf("got %v, %v", err, derr)
	} else if _, err := os.Lstat(dir); err != nil {
		t.Errorf("it is gone all the same: %v", err)
	}
	if err := Remove(env, state1("x-1"), func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestErrorsSayThingsOnce: the hint comes with the error, and the bottle's name
// is there already.
func TestErrorsSayThingsOnce(t *testing.T) {
	env := testEnv(t)
	create(t, env, state.Bottle{ID: "over-1", Name: "over"})
	kill(other(t, create(t, env, state.Bottle{ID: "dead-1", Name: "dead", Running: true})))
	for _, c := range []struct{ ref, once, has string }{
		{"nobody", "bottle ls", "no such bottle"},
		{"over", "over-1", "is not running: it has ended; `bottle up` starts another"},
		{"dead", "bottle dead-1 is", "was killed"},
	} {
		_, err := Find(t.Context(), env, Query{Ref: c.ref, Running: true})
		if err == nil || strings.Count(err.Error(), c.once) != 1 || !strings.Contains(err.Error(), c.has) {
			t.Errorf("%s: %v", c.ref, err)
		}
		if c.ref != "nobody" && !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: %v is not ErrNotRunning", c.ref, err)
		}
	}
}

func state1(id string) Bottle { return Bottle{Bottle: state.Bottle{ID: id}} }
