package journal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// counted is a file whose bytes are counted as they are read.
type counted struct {
	*os.File
	read *int64
}

func (c counted) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.File.ReadAt(p, at)
	*c.read += int64(n)
	return n, err
}

// reading reads until enough says so, and returns what was found and how many bytes were
// read for it.
func reading(t *testing.T, dir string, f Filter, most int) (found []Entry, read int64) {
	t.Helper()
	c := newCursor(dir, f, func(e Entry, err error) bool {
		if err != nil {
			t.Error(err)
		}
		found = append(found, e)
		return len(found) < most
	})
	c.open = func(path string) (readFile, error) {
		f, err := os.Open(path)
		return counted{f, &read}, err
	}
	defer c.close()
	if c.begin() {
		c.drain()
	}
	return found, read
}

const (
	seekSegment = 64 << 10
	rarely      = 8000 // there is one of these hosts, verdicts and rules
	manyEvents  = 20_000
)

var seekStart = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// long makes a journal of many segments, whose clock jumps a day back and forth.
func long(t *testing.T) (dir string, size int64) {
	t.Helper()
	dir = t.TempDir()
	w := open(t, dir, Options{SegmentSize: seekSegment, CommitDelay: time.Hour, HeadDelay: time.Hour})
	for i := range manyEvents {
		e := ended(i)
		if i%2 == 0 {
			e = allowed(i)
		}
		e.Time = seekStart.Add(time.Duration(i) * time.Second)
		switch {
		case i == rarely:
			e = denied(i)
			e.Time, e.Host, e.Rule, e.Proto = seekStart.Add(24*time.Hour), "rare.example.com", "dlp:jwt", "git"
		case i > rarely && i < rarely+500:
			e.Time = e.Time.Add(-24 * time.Hour)
		}
		record(t, w, e)
	}
	closeOK(t, w)
	return dir, diskUse(t, dir)
}

// TestAReaderOpensWhatItNeeds counts bytes: what gigabytes of a journal take is as many
// segments, whatever it is that is looked for.
func TestAReaderOpensWhatItNeeds(t *testing.T) {
	dir, size := long(t)
	if size < 50*seekSegment {
		t.Fatalf("the journal has %d bytes", size)
	}
	extents, err := filepath.Glob(filepath.Join(dir, "*"+extentSuffix))
	if err != nil || len(extents) < 50 {
		t.Fatalf("%d extents, %v", len(extents), err)
	}
	index := int64(0)
	for _, path := range extents {
		index += int64(len(mustRead(t, path)))
	}
	const segment = seekSegment + readBuffer
	rare := fmt.Sprintf("x-%d", rarely)
	last := seekStart.Add((manyEvents - 1) * time.Second)
	for _, tt := range []struct {
		name   string
		filter Filter
		most   int // of what is taken
		want   int
		first  string
		bytes  int64
	}{
		{"the first of all", Filter{}, 1, 1, "x-0", readBuffer},
		{"a host", Filter{Host: "rare.example.com"}, 10, 1, rare, index + 2*segment},
		{"hosts below one", Filter{Host: "*.EXAMPLE.com", Denied: true}, 10, 1, rare, index + 2*segment},
		{"a verdict", Filter{Verdict: proxy.Deny}, 10, 1, rare, index + 2*segment},
		{"a rule", Filter{Rule: "dlp:*"}, 10, 1, rare, index + 2*segment},
		{"a protocol", Filter{Proto: "git", Decided: true}, 10, 1, rare, index + 2*segment},
		{"an exchange", Filter{ID: rare}, 10, 1, rare, index + 2*segment},
		{"nothing", Filter{Host: "none.example"}, 10, 0, "", index + 2*segment},
		{"a combination that there is not", Filter{Host: "rare.example.com", Rule: "default"}, 10, 0, "", index + 2*segment},
		{"the end of the time", Filter{Since: last.Add(-99 * time.Second)}, 1000, 101, rare, index + 5*segment},
		{"the last of all", Filter{Last: 10}, 100, 10, fmt.Sprintf("x-%d", manyEvents-10), backBlock + segment},
		{"the last of a host", Filter{Last: 10, Host: "rare.example.com"}, 100, 1, rare, 2*index + 6*segment},
		{"the last of a host that all have", Filter{Last: 300, Host: "api.example.com", Decided: true}, 1000, 300, fmt.Sprintf("x-%d", manyEvents-600), 10 * segment},
		{"more than there are", Filter{Last: manyEvents, Denied: true}, 100, 1, rare, 2*index + 6*segment},
		{"the last bytes", Filter{LastBytes: 2 * seekSegment}, 1, 1, "", 2 * readBuffer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, read := reading(t, dir, tt.filter, tt.most)
			if len(found) != tt.want || len(found) > 0 && tt.first != "" && found[0].ID != tt.first {
				t.Errorf("%d events, %+v; want %d from %s on", len(found), found[:min(len(found), 1)], tt.want, tt.first)
			}
			if read > tt.bytes {
				t.Errorf("%d of %d bytes were read, more than %d", read, size, tt.bytes)
			}
			for i := range found {
				if e := &found[i]; e.Line == 0 || segmentName(e.Seq-uint64(e.Line)+1) != e.Segment {
					t.Fatalf("line %d of %s is of number %d", e.Line, e.Segment, e.Seq)
				}
			}
		})
	}
}

// TestWithoutExtentsAllIsFound is a journal of an older version, or one whose extents
// are gone, are of something else, or are half of one.
func TestWithoutExtentsAllIsFound(t *testing.T) {
	dir, _ := long(t)
	extents, err := filepath.Glob(filepath.Join(dir, "*"+extentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range extents {
		switch text := mustRead(t, path); i % 3 {
		case 0:
			err = os.Remove(path)
		case 1:
			err = os.WriteFile(path, bytes.Replace(text, []byte(`{"size":`), []byte(`{"size":1`), 1), 0o600)
		case 2:
			err = os.WriteFile(path, text[:len(text)/2], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []Filter{{Host: "rare.example.com"}, {Last: 3, Rule: "dlp:jwt"}, {Since: seekStart.Add(24 * time.Hour), Last: 1}} {
		if found, _ := reading(t, dir, f, 10); len(found) != 1 || found[0].Host != "rare.example.com" {
			t.Errorf("%+v finds %d events", f, len(found))
		}
	}
}

// TestVerifyFindsAnExtentThatHidesALine has somebody edit an extent, so that a filter does
// not find what is in the segment.
func TestVerifyFindsAnExtentThatHidesALine(t *testing.T) {
	dir, _ := long(t)
	if r := verify(t, dir); !r.OK {
		t.Fatalf("a journal as it was written: %+v", r.Problems)
	}
	rare := Filter{Host: "rare.example.com"}
	hits, _ := reading(t, dir, rare, 10)
	if len(hits) != 1 {
		t.Fatalf("%d hits", len(hits))
	}
	first, _ := parseSegmentName(hits[0].Segment)
	path := extentPath(dir, first)
	whole := string(mustRead(t, path))
	for name, edit := range map[string]string{
		"a host":          strings.ReplaceAll(whole, "rare.example.com", "none.example.com"),
		"a verdict":       strings.ReplaceAll(whole, `"verdict":"deny"`, `"verdict":"allow"`),
		"the time":        strings.Replace(whole, `"until":"2026-05-05`, `"until":"2026-05-03`, 1),
		"the exchanges":   strings.Replace(whole, `"to":`, `"to":1,"was":`, 1),
		"all of the list": strings.Replace(whole, `"kinds":`, `"kinds":[],"were":`, 1),
	} {
		if edit == whole {
			t.Fatalf("%s: nothing was edited in %s", name, whole)
		}
		if err := os.WriteFile(path, []byte(edit), 0o600); err != nil {
			t.Fatal(err)
		}
		r := verify(t, dir)
		if r.OK || len(r.Problems) != 1 || r.Problems[0].Kind != IndexHides || r.Problems[0].Segment != hits[0].Segment || !strings.Contains(r.Problems[0].Text, "remove that file") {
			t.Errorf("%s: %+v", name, r.Problems)
		}
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(whole, "rare.example.com", "none.example.com")), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, _ := reading(t, dir, rare, 10); len(found) != 0 {
		t.Error("the edited extent hides nothing, so this test shows nothing")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if found, _ := reading(t, dir, rare, 10); len(found) != 1 || !verify(t, dir).OK {
		t.Error("what verify says to do does not help")
	}
}

// TestExtentsCoverWhatIsWritten whatever an agent puts into an event.
func TestExtentsCoverWhatIsWritten(t *testing.T) {
	texts := []string{"", "a.example", "\xff\xfe", "\u2028\u202e<&>", strings.Repeat("h", 500), strings.Repeat("\xff", 600), strings.Repeat("x", 20<<10), "k-1", "-", "k-18446744073709551616"}
	dir := t.TempDir()
	w := open(t, dir, Options{SegmentSize: seekSegment, CommitDelay: time.Hour, HeadDelay: time.Hour})
	for i := range 3000 {
		pick := func(n int) string { return texts[i/n%len(texts)] }
		e := proxy.Event{Time: seekStart.Add(time.Duration(i%7) * time.Hour), Type: proxy.EventDecision, ID: pick(1), Host: pick(3), Rule: pick(7), Proto: pick(11), Verdict: proxy.Action(pick(13)), Path: strings.Repeat("p", 100)}
		if i > 1000 { // else there are too many kinds for an extent to say something
			e.Proto, e.Verdict, e.ID = "h2", proxy.Deny, fmt.Sprint("k-", i)
		}
		_ = w.Record(t.Context(), &e) // what fits into no line is refused
	}
	closeOK(t, w)
	extents, err := filepath.Glob(filepath.Join(dir, "*"+extentSuffix))
	if err != nil || len(extents) < 10 {
		t.Fatalf("%d extents, %v", len(extents), err)
	}
	if r := verify(t, dir); !r.OK {
		t.Errorf("%+v", r.Problems)
	}
}

// TestAnExtentIsBounded has an agent choose many hosts, and one that is as long as can be.
func TestAnExtentIsBounded(t *testing.T) {
	h := newHolding()
	for i := range 100_000 {
		h.add(&mark{kind: kind{Type: proxy.EventDecision, Host: fmt.Sprintf("%d.example", i), Verdict: proxy.Deny, Rule: "default"}, id: fmt.Sprintf("abc-%d", i)})
	}
	if len(h.kinds) != 1 || !h.anyHost || h.any || len(h.ids) != 1 {
		t.Errorf("%d kinds, %d ids, %+v", len(h.kinds), len(h.ids), h.any)
	}
	x := extent{IDs: h.ids, AnyHost: h.anyHost}
	for k := range h.kinds {
		x.Kinds = append(x.Kinds, k)
	}
	for _, tt := range []struct {
		filter Filter
		want   bool
	}{
		{Filter{Host: "none.example"}, true},
		{Filter{Host: "none.example", Verdict: proxy.Allow}, false},
		{Filter{Rule: "route*"}, false},
		{Filter{ID: "abc-99999"}, true},
		{Filter{ID: "abc-100000"}, false},
		{Filter{ID: "abd-1"}, false},
	} {
		if got := x.may(tt.filter); got != tt.want {
			t.Errorf("%+v: %v", tt.filter, got)
		}
	}
	for i := range 2 * maxKinds {
		h.add(&mark{kind: kind{Rule: fmt.Sprintf("route %d", i)}})
	}
	if len(h.kinds) > maxKinds || !h.any {
		t.Errorf("%d kinds", len(h.kinds))
	}
	h = newHolding()
	h.add(&mark{kind: kind{Host: strings.Repeat("h", maxKind+1)}, id: strings.Repeat("i", 2*maxKind)})
	if !h.any || len(h.kinds)+len(h.ids) > 0 {
		t.Errorf("%d kinds, %d ids, %v", len(h.kinds), len(h.ids), h.any)
	}
}

// TestWhatALineSaysAtAGlance never passes over what parsing it would find.
func TestWhatALineSaysAtAGlance(t *testing.T) {
	events := []*proxy.Event{allowed(1), denied(2), ended(3), {Type: proxy.EventNote, Rule: `say "x"`, Host: "\u202eevil.example", Path: `,"host":"api.example.com"`},
		{Type: proxy.EventDecision, Verdict: proxy.Deny, Host: "API.example.com", Secrets: []string{"a", "verdict", "allow"},
			Findings: []proxy.EventFinding{{Rule: "jwt", Where: "body", Action: "block"}}, Path: `/\`, Proto: "git", ID: "x-5"}}
	filters := []Filter{{Denied: true}, {Decided: true}, {Host: "api.example.com"}, {Host: "*.example"}, {Rule: "default"}, {Rule: `say "x"`}, {Rule: "bottle*"}, {Rule: "jwt"},
		{Verdict: proxy.Allow}, {Proto: "git"}, {ID: "x-3"}, {Since: seekStart}, {Since: seekStart.Add(1)}}
	enc := newEncoder()
	passed := 0
	for i, e := range events {
		e.Time = seekStart
		body, err := enc.body(e)
		if err != nil {
			t.Fatal(err)
		}
		line := bytes.TrimSuffix(appendLine(nil, uint64(i+1), &Sum{}, body), []byte("\n"))
		for _, f := range filters {
			if pass := f.passes(line); pass && f.Match(e) {
				t.Errorf("%+v passes over %s", f, line)
			} else if pass {
				passed++
			}
		}
	}
	if passed < 35 {
		t.Errorf("only %d lines were passed over", passed)
	}
	for _, line := range []string{"", "{}", `{"seq":1}`, `{"seq":1,"prev":"00","type":"note"}`, `{"seq": 1, "prev": "", "host": "x"}`, `{"seq":1,"prev":"` + strings.Repeat("0", 64) + `","type":"note","time":"x"}`} {
		if f := (Filter{Host: "api.example.com"}); f.passes([]byte(line)) {
			t.Errorf("%q is passed over", line)
		}
	}
}

// TestBackward reads lines of all lengths from the end, over the borders of blocks.
func TestBackward(t *testing.T) {
	dir := t.TempDir()
	var text []byte
	var want []int64
	for i, size := range []int{10, backBlock, MaxLine, 1, MaxLine + 1, 0, 3*MaxLine + 7, 2*backBlock - 12, 5} {
		if size <= MaxLine {
			want = append(want, int64(len(text)))
		}
		text = append(append(text, bytes.Repeat([]byte{byte('a' + i)}, size)...), '\n')
	}
	for _, torn := range []string{"", "torn", strings.Repeat("t", 2*backBlock)} {
		if err := os.WriteFile(segmentPath(dir, 1), append(bytes.Clone(text), torn...), 0o600); err != nil {
			t.Fatal(err)
		}
		c := newCursor(dir, Filter{}, nil)
		if err := c.enter(1, 0, 0); err != nil {
			t.Fatal(err)
		}
		var got []int64
		err := c.backward(func(start int64, line []byte) bool {
			if end := start + int64(len(line)); string(text[start:end]) != string(line) || text[end] != '\n' {
				t.Errorf("no line: %d bytes at %d", len(line), start)
			}
			got = append([]int64{start}, got...)
			return true
		})
		c.close()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
}

// TestAFollowerBeginsBeforeALineThatIsBeingWritten, however far into it the last bytes reach.
func TestAFollowerBeginsBeforeALineThatIsBeingWritten(t *testing.T) {
	dir := write(t, 3, Options{})
	list := append(lines(t, dir, 1), "")
	var e Entry
	if err := parse([]byte(list[2]), &e); err != nil {
		t.Fatal(err)
	}
	next := string(appendLine(nil, 4, &e.Prev, []byte(`{"time":"2026-05-04T12:00:00Z","type":"note"}`)))
	setRaw(t, dir, 1, strings.Join(list, "\n")+next[:30])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := newCursor(dir, Filter{LastBytes: 10}, func(e Entry, err error) bool {
		if err != nil || e.Seq != 4 {
			t.Errorf("line %d, %v", e.Seq, err)
		}
		cancel()
		return true
	})
	defer c.close()
	if !c.begin() || !c.drain() || ctx.Err() != nil {
		t.Fatal("there was something before the line was whole")
	}
	setRaw(t, dir, 1, strings.Join(list, "\n")+next)
	if c.drain(); ctx.Err() == nil {
		t.Error("the line was not read")
	}
}
