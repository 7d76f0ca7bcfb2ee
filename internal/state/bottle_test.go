package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm"
)

func testEnv(t *testing.T) Env {
	t.Helper()
	base := t.TempDir()
	return env(map[string]string{"HOME": base, "TMPDIR": base})
}

func TestARecordComesBackAsItWasSaved(t *testing.T) {
	e := testEnv(t)
	b := Bottle{
		ID: "claude-7kq2m", Name: "claude", Agent: "claude", Backend: "sandbox", Workspace: "/src/x",
		Created: time.Date(2026, 5, 1, 2, 3, 4, 0, time.UTC), Running: true, PID: 42, Socket: "/run/x/control.sock",
	}
	dir, err := e.Create(b)
	if err != nil {
		t.Fatal(err)
	}
	if m := modeOf(t, dir).Perm(); m != 0o700 {
		t.Errorf("folder has mode %04o", m)
	}
	if m := modeOf(t, filepath.Join(dir, recordFile)).Perm(); m != 0o600 {
		t.Errorf("record has mode %04o", m)
	}
	if got, err := e.Load(b.ID); err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := e.Create(b); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second one with the same id: %v", err)
	}
	b.Running = false
	if err := e.Save(b); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Load(b.ID); err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("got %+v, %v", got, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestListIsInOrderAndNamesWhatItCannotRead(t *testing.T) {
	e := testEnv(t)
	day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for i, id := range []string{"c-1", "a-1", "b-1", "bad-1", "other-1", "huge-1", "none-1", "link-1"} {
		if _, err := e.Create(Bottle{ID: id, Created: day.AddDate(0, 0, -i)}); err != nil {
			t.Fatal(err)
		}
	}
	all := filepath.Dir(must(e.BottleDir("a-1")))
	spoil := map[string]string{
		"bad-1": "{", "other-1": `{"id":"a-1"}`, "huge-1": `{"id":"huge-1","name":"` + strings.Repeat("x", maxRecord) + `"}`,
	}
	for id, text := range spoil {
		if err := os.WriteFile(filepath.Join(all, id, recordFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Remove(filepath.Join(all, "none-1", recordFile))
	_ = os.Remove(filepath.Join(all, "link-1", recordFile))
	_ = os.Symlink(filepath.Join(all, "a-1", recordFile), filepath.Join(all, "link-1", recordFile))
	mkdir(t, filepath.Join(all, ".hidden"), 0o700) // no id: not one of ours

	list, err := e.List()
	var ids []string
	for _, b := range list {
		ids = append(ids, b.ID)
	}
	if got := strings.Join(ids, " "); got != "b-1 a-1 c-1" {
		t.Errorf("got %s", got)
	}
	for _, id := range []string{"bad-1", "other-1", "huge-1", "none-1", "link-1"} {
		if err == nil || !strings.Contains(err.Error(), "bottle "+id+":") {
			t.Errorf("%s is not in the error: %v", id, err)
		}
	}
}

func TestRemoveTakesAllThatIsTheBottles(t *testing.T) {
	e := testEnv(t)
	dir, err := e.Create(Bottle{ID: "x-1"})
	if err != nil {
		t.Fatal(err)
	}
	run, err := e.MakeRuntimeDir("x-1")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "x-1")
	mkdir(t, elsewhere, 0o700)
	if err := e.Save(Bottle{ID: "x-1", Socket: filepath.Join(elsewhere, "control.sock")}); err != nil {
		t.Fatal(err)
	}

	// What an agent may leave: closed folders in one another, and a link to
	// a folder outside whose content and mode must stay.
	outside := t.TempDir()
	victim := mkdir(t, filepath.Join(outside, "victim"), 0o500)
	deep := filepath.Join(dir, "home", "go", "pkg")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(deep, "f"), nil, 0o400),
		os.Symlink(victim, filepath.Join(deep, "link")),
		os.Chmod(deep, 0o500),
		os.Chmod(filepath.Dir(deep), 0o100),
		os.Chmod(filepath.Join(dir, "home"), 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Remove("x-1"); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, run, elsewhere} {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", d, err)
		}
	}
	if m := modeOf(t, victim).Perm(); m != 0o500 {
		t.Errorf("the mode outside became %04o", m)
	}
}

func TestOnlyIDsNameABottle(t *testing.T) {
	e := testEnv(t)
	for _, id := range []string{"", ".", "..", "a/b", "../x", "A", "-a", "a-", "a b", "a\x00", strings.Repeat("a", 64)} {
		if err := CheckID(id); err == nil {
			t.Errorf("%q passed", id)
		}
		for what, err := range map[string]error{
			"Remove": e.Remove(id), "Save": e.Save(Bottle{ID: id}), "Create": second(e.Create(Bottle{ID: id})),
			"Load": second(e.Load(id)), "RuntimeDir": second(e.RuntimeDir(id)), "BottleDir": second(e.BottleDir(id)),
		} {
			if err == nil {
				t.Errorf("%s(%q) passed", what, id)
			}
		}
	}
}

func TestNewIDIsWhatAMachineTakes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct{ name, prefix string }{
		{"claude", "claude-"},
		{"My Review!", "my-review-"},
		{"", "bottle-"},
		{"---", "bottle-"},
		{"Ünïcode", "n-code-"},
		{"日本", "bottle-"},
		{strings.Repeat("long", 20), "longlonglonglong-"},
		{"fifteen-letters-and-more", "fifteen-letters-"},
	} {
		for range 200 {
			id := NewID(c.name)
			if !strings.HasPrefix(id, c.prefix) || len(id) != len(c.prefix)+idRandom {
				t.Fatalf("%q became %q", c.name, id)
			}
			if err := CheckID(id); err != nil {
				t.Fatal(err)
			}
			if _, err := (vm.Spec{ID: id}).Defaults(); err != nil {
				t.Fatal(err)
			}
			seen[id] = true
		}
	}
	if len(seen) < 8*200-2 { // 1,600 draws of 28 million: two twins are one in 10^7 already
		t.Errorf("%d different ids of 1600", len(seen))
	}
}

func TestALockHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if pid := LockedBy(path); pid != os.Getpid() {
		t.Errorf("locked by %d", pid)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("the second got %v", err)
	}
	if !IsLocked(path) {
		t.Error("seems not to be locked")
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if IsLocked(path) || IsLocked(path+".gone") {
		t.Error("seems to be locked")
	}
	if l, err = TryLock(path); err != nil {
		t.Fatal(err)
	}
	_ = l.Unlock()
}

// Holders that remove the file must not let two others hold it at once.
func TestALockWhoseFileIsRemovedStillHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var held sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 50; {
				l, err := TryLock(path)
				if errors.Is(err, ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if !held.TryLock() {
					t.Error("two holders")
				}
				held.Unlock()
				_ = os.Remove(path) // from here on another may hold it
				_ = l.Unlock()
				done++
			}
		})
	}
	wg.Wait()
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

func second[T any](_ T, err error) error { return err }
