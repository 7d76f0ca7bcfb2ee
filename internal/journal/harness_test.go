package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

// childEnv makes the test binary a process that writes a journal: see kill_test.go.
const childEnv = "JOURNAL_TEST_CHILD"

func TestMain(m *testing.M) {
	switch role, dir, _ := strings.Cut(os.Getenv(childEnv), ":"); role {
	case "write":
		writeForever(dir)
	case "full":
		os.Exit(fullInside(dir))
	}
	os.Exit(m.Run())
}

func allowed(i int) *proxy.Event {
	return &proxy.Event{Type: proxy.EventDecision, ID: fmt.Sprintf("x-%d", i), Proto: "http/1.1", Method: "GET", Scheme: "https",
		Host: "api.example.com", Port: 443, Path: fmt.Sprintf("/v1/messages/%d", i), Verdict: proxy.Allow, Rule: "bottle.yaml:12"}
}

func denied(i int) *proxy.Event {
	e := allowed(i)
	e.Verdict, e.Rule, e.Reason = proxy.Deny, "default", "no route allows it"
	return e
}

func ended(i int) *proxy.Event {
	return &proxy.Event{Type: proxy.EventEnd, ID: fmt.Sprintf("x-%d", i), Host: "api.example.com", Status: 200, BytesIn: 1234}
}

func open(t testing.TB, dir string, o Options) *Writer {
	t.Helper()
	w, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func record(t testing.TB, w *Writer, e *proxy.Event) {
	t.Helper()
	if err := w.Record(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

func closeOK(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// write makes a journal of n decisions and returns its folder.
func write(t testing.TB, n int, o Options) string {
	t.Helper()
	dir := t.TempDir()
	w := open(t, dir, o)
	for i := range n {
		record(t, w, allowed(i+1))
	}
	closeOK(t, w)
	return dir
}

// read returns all entries; one that cannot be read fails the test.
func read(t testing.TB, dir string, f Filter) []Entry {
	t.Helper()
	var list []Entry
	for e, err := range Read(dir, f) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func verify(t testing.TB, dir string, kept ...Head) *Report {
	t.Helper()
	r, err := Verify(dir, kept...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines returns the lines of the only segment, or of the given one.
func lines(t testing.TB, dir string, first uint64) []string {
	t.Helper()
	f, err := os.Open(segmentPath(dir, first))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []string
	s := bufio.NewScanner(f)
	s.Buffer(nil, 4*MaxLine)
	for s.Scan() {
		list = append(list, s.Text())
	}
	return list
}

func setLines(t testing.TB, dir string, first uint64, list []string) {
	t.Helper()
	if err := os.WriteFile(segmentPath(dir, first), []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// disk hands out files that can be made to fail.
type disk struct {
	room   atomic.Int64 // bytes that can still be written; negative for any number
	syncs  atomic.Int64
	memory bool // nothing is worth an fsync

	mu     sync.Mutex
	onSync func() error
}

func newDisk() *disk {
	d := &disk{}
	d.room.Store(-1)
	return d
}

func (d *disk) setSync(f func() error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onSync = f
}

func (d *disk) open(path string, flag int) (file, error) {
	f, err := openFile(path, flag)
	if err != nil {
		return nil, err
	}
	return &diskFile{file: f, disk: d}, nil
}

type diskFile struct {
	file
	disk *disk
}

var errFull = errors.New("no space left on this disk")

// Write writes what fits, as a disk does that fills up.
func (f *diskFile) Write(p []byte) (int, error) {
	room := f.disk.room.Load()
	if room < 0 || room >= int64(len(p)) {
		if room >= 0 {
			f.disk.room.Add(-int64(len(p)))
		}
		return f.file.Write(p)
	}
	n, err := f.file.Write(p[:room])
	f.disk.room.Store(0)
	return n, errors.Join(err, errFull)
}

func (f *diskFile) Sync() error {
	f.disk.syncs.Add(1)
	f.disk.mu.Lock()
	hook := f.disk.onSync
	f.disk.mu.Unlock()
	if hook != nil {
		if err := hook(); err != nil {
			return err
		}
	}
	if f.disk.memory {
		return nil
	}
	return f.file.Sync()
}

func setRaw(t testing.TB, dir string, first uint64, text string) {
	t.Helper()
	if err := os.WriteFile(segmentPath(dir, first), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
