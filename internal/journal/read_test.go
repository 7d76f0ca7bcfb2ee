package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/bot-bottle/bottle/proxy"
)

func TestFilter(t *testing.T) {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	e := denied(1)
	e.Time, e.Host = noon, "API.example.com"
	tests := []struct {
		name   string
		filter Filter
		event  *proxy.Event
		want   bool
	}{
		{"no filter wants all", Filter{}, allowed(1), true},
		{"denials are denials", Filter{Denied: true}, e, true},
		{"what was allowed is none", Filter{Denied: true}, allowed(1), false},
		{"nor is an end", Filter{Denied: true}, ended(1), false},
		{"but that of what was stopped is", Filter{Denied: true}, &proxy.Event{Type: proxy.EventEnd, Verdict: proxy.Deny}, true},
		{"since is inclusive", Filter{Since: noon}, e, true},
		{"what is older is not wanted", Filter{Since: noon.Add(1)}, e, false},
		{"hosts have no case", Filter{Host: "api.EXAMPLE.com"}, e, true},
		{"another host is another", Filter{Host: "example.com"}, e, false},
		{"a wildcard takes what is below", Filter{Host: "*.example.com"}, e, true},
		{"and not the apex", Filter{Host: "*.api.example.com"}, e, false},
		{"all must hold", Filter{Denied: true, Since: noon, Host: "other.example"}, e, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.filter.Match(tt.event); got != tt.want {
				t.Errorf("Match = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestReadGoesOnBehindWhatItCannotRead(t *testing.T) {
	dir := threeSegments(t)
	list := lines(t, dir, 11)
	list[1], list[3] = "no line", strings.Repeat("x", 5*MaxLine)
	setRaw(t, dir, 11, strings.Join(list, "\n")+"\n{\"seq\"")
	var got []string
	for e, err := range Read(dir, Filter{}) {
		var bad *LineError
		switch {
		case errors.As(err, &bad):
			kind := "unreadable"
			if errors.Is(err, ErrLong) {
				kind = "long"
			} else if errors.Is(err, ErrTorn) {
				kind = "torn"
			}
			got = append(got, fmt.Sprintf("%s %s:%d", kind, strings.TrimLeft(bad.Segment, "0"), bad.Line))
		case err != nil:
			t.Fatal(err)
		case e.Seq == 30:
			got = append(got, fmt.Sprintf("30 at %s:%d", strings.TrimLeft(e.Segment, "0"), e.Line))
		}
	}
	if s := strings.Join(got, ", "); s != "unreadable 11.jsonl:2, long 11.jsonl:4, torn 11.jsonl:11, 30 at 21.jsonl:10" {
		t.Error(s)
	}
}

func TestReadOfAnOverlongLineIsNoAllocation(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	const size = 256 << 20
	if err := f.Truncate(size); err != nil { // a hole: no disk is used
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("\n"), size-1); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for _, err := range Read(dir, Filter{}) {
		if n++; !errors.Is(err, ErrLong) {
			t.Error(err)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; n != 1 || grown > 8*MaxLine {
		t.Errorf("%d errors, %d bytes allocated", n, grown)
	}
}

func TestReadStopsWhenAsked(t *testing.T) {
	dir := threeSegments(t)
	n := 0
	for range Read(dir, Filter{}) {
		if n++; n == 12 {
			break
		}
	}
	if n != 12 {
		t.Error(n)
	}
}

func TestReadOfNoJournal(t *testing.T) {
	for _, err := range Read(filepath.Join(t.TempDir(), "none"), Filter{}) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return
	}
	t.Error("no error")
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 2000}
	w := open(t, dir, o)
	record(t, w, allowed(0))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	got := make(chan uint64)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e, err := range Follow(ctx, dir, Filter{}) {
			if err != nil {
				t.Error(err)
			}
			got <- e.Seq
		}
	}()
	next := uint64(1)
	for i := range 60 {
		if seq := <-got; seq != next {
			t.Fatalf("line %d follows on line %d", seq, next-1)
		}
		next++
		if i == 30 { // another writer goes on
			closeOK(t, w)
			w = open(t, dir, o)
		}
		record(t, w, allowed(i))
	}
	if n := len(segmentFiles(t, dir)); n < 10 {
		t.Errorf("only %d segments", n)
	}
	<-got
	cancel()
	<-ended
}

// Where nothing tells of changes, a follower looks by itself.
// A burst of writes is one look at the folder.
func TestABurstIsOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan fsnotify.Event)
		var sent atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for range 1000 {
				select {
				case events <- fsnotify.Event{}:
					sent.Add(1)
				case <-ctx.Done():
					return
				}
			}
			<-ctx.Done()
		}()
		start := time.Now()
		settle(ctx, events)
		if took := time.Since(start); sent.Load() != 1000 || took != settleDelay {
			t.Errorf("%d events in %v", sent.Load(), took)
		}
		cancel()
		if settle(ctx, nil); time.Since(start) != settleDelay {
			t.Error("it goes on after the end")
		}
	})
}

// What is passed over is whole lines, in whichever segment they end, and those that
// follow have their own numbers.
func TestFollowBeginsNearTheEnd(t *testing.T) {
	dir := threeSegments(t)
	line := func(first uint64) int64 { return int64(len(lines(t, dir, first)[9])) + 1 }
	third := int64(0)
	for _, l := range lines(t, dir, 21) {
		third += int64(len(l)) + 1
	}
	for _, tt := range []struct {
		name string
		size int64
		want string
	}{
		{"the line feed of the last one", 1, "31 at 21.jsonl:11"},
		{"less than a line", line(21) - 1, "31 at 21.jsonl:11"},
		{"one line", line(21), "30 at 21.jsonl:10"},
		{"a segment", third, "21 at 21.jsonl:1"},
		{"more than a segment", third + line(11) + 3, "20 at 11.jsonl:10"},
		{"more than there is", 1 << 20, "1 at 1.jsonl:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "31 at 21.jsonl:11" {
				list := lines(t, dir, 21)[:10]
				last := list[9]
				var e Entry
				if err := parse([]byte(last), &e); err != nil {
					t.Fatal(err)
				}
				// It comes while the follower waits.
				next := string(appendLine(nil, 31, &e.Prev, []byte(`{"time":"2026-05-04T12:00:00Z","type":"note"}`)))
				time.AfterFunc(10*time.Millisecond, func() { setRaw(t, dir, 21, strings.Join(list, "\n")+"\n"+next) })
				defer setLines(t, dir, 21, list)
			}
			for e, err := range Follow(t.Context(), dir, Filter{LastBytes: tt.size}) {
				if got := fmt.Sprintf("%d at %s:%d", e.Seq, strings.TrimLeft(e.Segment, "0"), e.Line); err != nil || got != tt.want {
					t.Errorf("%s, %v; want %s", got, err, tt.want)
				}
				break
			}
		})
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for _, err := range Follow(t.Context(), dir, Filter{LastBytes: 10}) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}

func TestFollowPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := write(t, 3, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		n := 0
		follow(ctx, dir, Filter{}, make(chan fsnotify.Event), make(chan error), func(e Entry, err error) bool {
			if err != nil {
				t.Error(err)
			}
			switch n++; n {
			case 3:
				// A line in two parts is one line, and none before it is whole.
				list := append(lines(t, dir, 1), "")
				text := string(appendLine(nil, 4, &e.Prev, []byte(`{"time":"2026-05-04T12:00:00Z","type":"note"}`)))
				setRaw(t, dir, 1, strings.Join(list, "\n")+text[:20])
				time.AfterFunc(3*pollDelay/2, func() { setRaw(t, dir, 1, strings.Join(list, "\n")+text) })
			case 4:
				cancel()
			}
			return true
		})
		if took := time.Since(start); n != 4 || took != 2*pollDelay {
			t.Errorf("%d lines in %v", n, took)
		}
	})
}

func TestFollowOfNoJournal(t *testing.T) {
	for _, err := range Follow(context.Background(), filepath.Join(t.TempDir(), "none"), Filter{}) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return
	}
	t.Error("no error")
}
