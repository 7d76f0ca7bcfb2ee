package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

var _ proxy.Recorder = (*Writer)(nil)

// never is a delay beyond the end of a test.
const never = time.Hour

func TestRecordKeepsAllFields(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	want := proxy.Event{
		Time: time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.UTC), Type: proxy.EventDecision, ID: "r-1", Session: "s", Proto: "h2",
		Method: "POST", Scheme: "https", Host: "bücher.example", Port: 8443, Path: "/a?b=<c>&\x1b[2J\u202e\x00" + `\x1b`, Verdict: proxy.Deny,
		Rule: "dlp", Reason: "a token", Findings: []proxy.EventFinding{{Rule: "github", Where: "body", Offset: 12, Length: 40, Hash: "ab", Action: "block"}},
		Secrets: []string{"s1"}, Status: 400, BytesOut: 1, BytesIn: 2, Duration: 3, Redacted: 4, Inert: []string{"s2"}, Error: "e\n",
	}
	given := want
	record(t, w, &given)
	closeOK(t, w)
	got := read(t, dir, Filter{})
	if len(got) != 1 {
		t.Fatalf("%d entries", len(got))
	}
	a, _ := json.Marshal(got[0].Event)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
	raw := lines(t, dir, 1)[0]
	if strings.ContainsAny(raw, "\x1b\u202e\x00") {
		t.Errorf("a terminal would act on the line %q", raw)
	}
}

func TestRecordRefusesNothingSilently(t *testing.T) {
	w := open(t, t.TempDir(), Options{})
	if err := w.Record(context.Background(), nil); err == nil {
		t.Error("no event was recorded")
	}
	if err := w.Record(context.Background(), &proxy.Event{Type: proxy.EventNote, Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
		t.Error("a time that JSON cannot hold was recorded")
	}
	closeOK(t, w)
	closeOK(t, w)
	if err := w.Record(context.Background(), allowed(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestRecordIgnoresTheEndOfARequest(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Record(ctx, denied(1)); err != nil {
		t.Error(err)
	}
	if n := len(read(t, dir, Filter{})); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestRecordCutsWhatIsTooLongForALine(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	e := denied(1)
	e.Path = strings.Repeat("\x01", MaxLine/5)
	e.Secrets = make([]string, 200)
	for i := range 200 {
		e.Findings = append(e.Findings, proxy.EventFinding{Rule: strings.Repeat("\u202e", 300), Where: fmt.Sprint(i)})
	}
	record(t, w, e)
	e = allowed(2)
	e.Reason = strings.Repeat("é", MaxLine/2+1)
	record(t, w, e)
	closeOK(t, w)
	got := read(t, dir, Filter{})
	if c := strings.Join(got[0].Cut, " "); c != "path secrets findings" {
		t.Errorf("the first names %q as cut", c)
	}
	if c := strings.Join(got[1].Cut, " "); c != "reason" || strings.Trim(got[1].Reason, "é") != "" {
		t.Errorf("the second names %q as cut, and its reason is %q", c, got[1].Reason)
	}
	if got[0].ID != "x-1" || got[0].Host != "api.example.com" || len(got[0].Path) != cutText {
		t.Errorf("too much is lost: %.200q", fmt.Sprint(got[0]))
	}
	if r := verify(t, dir); !r.OK {
		t.Error(r.Problems)
	}
}

func TestDecisionsAreInTheFileWhenRecordReturns(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{CommitDelay: never, HeadDelay: never})
	record(t, w, ended(1)) // waits, and goes before what follows
	if n := len(read(t, dir, Filter{})); n != 0 {
		t.Errorf("an end line was written at once: %d lines", n)
	}
	record(t, w, allowed(2))
	if n := len(read(t, dir, Filter{})); n != 2 {
		t.Errorf("%d lines, want the end and the decision", n)
	}
	record(t, w, &proxy.Event{Type: proxy.EventNote, Reason: "reload"})
	if n := len(read(t, dir, Filter{})); n != 3 {
		t.Errorf("%d lines, want the note too", n)
	}
}

func TestDenialsShareAnFsync(t *testing.T) {
	d := newDisk()
	w := open(t, t.TempDir(), Options{open: d.open, CommitDelay: never, HeadDelay: never})
	begun, release := make(chan struct{}, 100), make(chan struct{})
	d.setSync(func() error { begun <- struct{}{}; <-release; return nil })
	before := d.syncs.Load()
	const n = 64
	results := make(chan error, n)
	denyOne := func(i int) { results <- w.Record(context.Background(), denied(i)) }
	go denyOne(0)
	<-begun
	for i := 1; i < n; i++ {
		go denyOne(i)
	}
	// All are written while the first fsync is under way, and none has returned.
	for range time.Tick(time.Millisecond) {
		w.mu.Lock()
		written := w.written.seq
		w.mu.Unlock()
		if written == n {
			break
		}
	}
	if len(results) != 0 {
		t.Error("a denial returned before its fsync")
	}
	close(release)
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if got := d.syncs.Load() - before; got != 2 {
		t.Errorf("%d fsyncs for %d denials, want 2", got, n)
	}
	d.setSync(nil)
}

func TestAllowedRequestsAreOnDiskSoon(t *testing.T) {
	d := newDisk()
	w := open(t, t.TempDir(), Options{open: d.open})
	synced := make(chan struct{}, 10)
	d.setSync(func() error { synced <- struct{}{}; return nil })
	for i, e := range []*proxy.Event{allowed(1), ended(1)} {
		record(t, w, e)
		<-synced // the line
		<-synced // the head
		w.mu.Lock()
		if w.synced.seq < uint64(i)+1 {
			t.Errorf("%d lines are on disk, want %d", w.synced.seq, i+1)
		}
		w.mu.Unlock()
	}
	d.setSync(nil)
}

func TestFsyncThatFails(t *testing.T) {
	d := newDisk()
	dir := t.TempDir()
	w := open(t, dir, Options{open: d.open, CommitDelay: never, HeadDelay: never})
	record(t, w, allowed(1))
	errIO := errors.New("input/output error")
	d.setSync(func() error { return errIO })
	for range 3 {
		if err := w.Record(context.Background(), denied(2)); !errors.Is(err, errIO) {
			t.Errorf("a denial that is not on disk: %v", err)
		}
	}
	if err := w.Record(context.Background(), allowed(3)); !errors.Is(err, errIO) {
		t.Errorf("an allowed request on a disk that fails: %v", err)
	}
	d.setSync(nil)
	record(t, w, denied(4))
	closeOK(t, w)
	if len(segmentFiles(t, dir)) < 2 {
		t.Error("the segment whose fsync failed is still written")
	}
	r := verify(t, dir)
	if !r.OK || len(r.Repairs) == 0 || !strings.Contains(r.Repairs[0].Text, "lines 1 to 2 may be missing") {
		t.Errorf("%+v", r)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{})
	_, err := Open(dir, Options{})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("the second writer gets %v", err)
	}
	closeOK(t, w)
	closeOK(t, open(t, dir, Options{}))
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "journal")
	w := open(t, dir, Options{HeadDelay: time.Millisecond})
	record(t, w, denied(1))
	closeOK(t, w)
	for _, name := range []string{".", headName, lockName, segmentName(1)} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 2000}
	for range 3 { // the chain also goes on over writers
		w := open(t, dir, o)
		for i := range 40 {
			record(t, w, allowed(i))
			record(t, w, ended(i))
		}
		closeOK(t, w)
	}
	files := segmentFiles(t, dir)
	if len(files) < 20 {
		t.Errorf("%d segments", len(files))
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() > o.SegmentSize || info.Size() == 0 {
			t.Errorf("%s: %v, %v", f, info.Size(), err)
		}
	}
	list := read(t, dir, Filter{})
	for i, e := range list {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("entry %d has the number %d", i+1, e.Seq)
		}
	}
	r := verify(t, dir)
	if !r.OK || r.Lines != 240 || r.Segments != len(files) || r.Saved == nil || *r.Saved != r.Head || r.Head.Count != 240 {
		t.Errorf("%+v", r)
	}
}

func TestManyWriteAtOnce(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{SegmentSize: 20000, HeadDelay: time.Millisecond})
	const workers, each = 16, 50
	var wg sync.WaitGroup
	for g := range workers {
		wg.Go(func() {
			for i := range each {
				id := g*each + i
				e := allowed(id)
				if i%10 == 0 {
					e = denied(id)
				}
				for _, e := range []*proxy.Event{e, ended(id)} {
					if err := w.Record(context.Background(), e); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	// Readers find whole lines only, in order, all the while.
	stop := make(chan struct{})
	readers := make(chan error, 1)
	go func() { readers <- readWhile(dir, stop) }()
	wg.Wait()
	close(stop)
	if err := <-readers; err != nil {
		t.Error(err)
	}
	closeOK(t, w)
	if r := verify(t, dir); !r.OK || r.Lines != 2*workers*each {
		t.Errorf("%+v", r)
	}
	place := map[string]uint64{}
	for _, e := range read(t, dir, Filter{}) {
		if e.Type == proxy.EventDecision {
			place[e.ID] = e.Seq
		} else if place[e.ID] == 0 {
			t.Errorf("%s ends before it is decided", e.ID)
		}
	}
}

func readWhile(dir string, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		next := uint64(1)
		for e, err := range Read(dir, Filter{}) {
			if err != nil {
				return err
			}
			if e.Seq != next {
				return fmt.Errorf("line %d follows on line %d", e.Seq, next-1)
			}
			next++
		}
		r, err := Verify(dir)
		if err != nil {
			return err
		}
		if !r.OK {
			return fmt.Errorf("while it is written: %+v", r.Problems)
		}
	}
}

// The time is that of a decision on an allowed request: what a request pays.
func BenchmarkRecordAllow(b *testing.B) {
	w := open(b, b.TempDir(), Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		e := allowed(1)
		for pb.Next() {
			if err := w.Record(context.Background(), e); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkRecordDeny(b *testing.B) {
	w := open(b, b.TempDir(), Options{})
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		e := denied(1)
		for pb.Next() {
			if err := w.Record(context.Background(), e); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
