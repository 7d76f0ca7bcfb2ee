package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// found is what a test compares of a problem.
func found(r *Report) string {
	var list []string
	for _, p := range r.Problems {
		list = append(list, fmt.Sprintf("%s %s:%d seq %d", p.Kind, strings.TrimLeft(strings.TrimSuffix(p.Segment, segmentSuffix), "0"), p.Line, p.Seq))
	}
	return strings.Join(list, "; ")
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	swap := func(list []string, old, new string, i int) []string {
		list[i] = strings.Replace(list[i], old, new, 1)
		return list
	}
	tests := []struct {
		name string
		edit func(list []string) []string // of the second of three segments, lines 11 to 20
		want string
	}{
		{"nothing", func(l []string) []string { return l }, ""},
		{"a line that was changed", func(l []string) []string { return swap(l, "allow", "deny", 4) }, "changed 11:5 seq 15"},
		{"one byte of white space", func(l []string) []string { l[4] += " "; return l }, "changed 11:5 seq 15"},
		{"the first of a segment", func(l []string) []string { return swap(l, "allow", "deny", 0) }, "changed 11:1 seq 11"},
		{"the last of a segment", func(l []string) []string { return swap(l, "allow", "deny", 9) }, "changed 11:10 seq 20"},
		{"a number that was changed", func(l []string) []string { return swap(l, `"seq":15`, `"seq":99`, 4) }, "changed 11:5 seq 15"},
		{"a line that is no JSON", func(l []string) []string { l[4] = "oops"; return l }, "unreadable 11:5 seq 15"},
		{"two of them", func(l []string) []string { l[4], l[5] = "", "\xff"; return l }, "unreadable 11:5 seq 15; unreadable 11:6 seq 16"},
		{"a line that is too long", func(l []string) []string { l[4] += strings.Repeat(" ", 3*MaxLine); return l }, "unreadable 11:5 seq 15"},
		{"a line that is missing", func(l []string) []string { return slices.Delete(l, 4, 5) }, "missing 11:5 seq 15"},
		{"three that are", func(l []string) []string { return slices.Delete(l, 4, 7) }, "missing 11:5 seq 15"},
		{"the first that is", func(l []string) []string { return l[1:] }, "missing 11:1 seq 11"},
		{"the last that is", func(l []string) []string { return l[:9] }, "missing 21:0 seq 20"},
		{"two that are swapped", func(l []string) []string { l[4], l[5] = l[5], l[4]; return l }, "reordered 11:5 seq 15; reordered 11:6 seq 15"},
		{"one that was moved back", func(l []string) []string {
			moved := l[2]
			return append(slices.Delete(l, 2, 3), moved)
		}, "reordered 11:3 seq 13; reordered 11:10 seq 13"},
		{"one that stands there twice", func(l []string) []string { return slices.Insert(l, 4, l[3]) }, "repeated 11:5 seq 14"},
		{"an older one that does", func(l []string) []string { return slices.Insert(l, 6, l[1]) }, "repeated 11:7 seq 12"},
		{"one that was put in", func(l []string) []string {
			return slices.Insert(l, 4, strings.Replace(l[4], "messages", "massages", 1))
		}, "inserted 11:5 seq 15"},
		{"rubbish that was put in", func(l []string) []string { return slices.Insert(l, 4, "rubbish", "") }, "unreadable 11:5 seq 15; unreadable 11:6 seq 16"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := threeSegments(t)
			setLines(t, dir, 11, tt.edit(lines(t, dir, 11)))
			r := verify(t, dir)
			if got := found(r); got != tt.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, tt.want, r.Problems)
			}
			if r.OK != (tt.want == "") {
				t.Errorf("OK is %v", r.OK)
			}
			if r.Head.Count != 30 || r.Saved == nil || r.Head != *r.Saved {
				t.Errorf("the rest is not followed: head %v", r.Head)
			}
		})
	}
}

// threeSegments has ten lines in each.
func threeSegments(t *testing.T) string {
	t.Helper()
	dir := write(t, 30, Options{})
	all := lines(t, dir, 1)
	for _, first := range []int{1, 11, 21} {
		setLines(t, dir, uint64(first), all[first-1:first+9])
	}
	return dir
}

func TestVerifyOfTheEnd(t *testing.T) {
	head := func(dir string) string { return filepath.Join(dir, headName) }
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string) error
		want   string
	}{
		{"lines cut off", func(t *testing.T, dir string) error {
			setLines(t, dir, 21, lines(t, dir, 21)[:7])
			return nil
		}, "truncated :0 seq 28"},
		{"segments taken away", func(_ *testing.T, dir string) error {
			return errors.Join(os.Remove(segmentPath(dir, 11)), os.Remove(segmentPath(dir, 21)))
		}, "truncated :0 seq 11"},
		{"a segment between taken away", func(_ *testing.T, dir string) error {
			return os.Remove(segmentPath(dir, 11))
		}, "missing 21:0 seq 11"},
		{"the first segment taken away", func(_ *testing.T, dir string) error {
			return os.Remove(segmentPath(dir, 1))
		}, "missing 11:0 seq 1"},
		{"all of them", func(_ *testing.T, dir string) error {
			return errors.Join(os.Remove(segmentPath(dir, 1)), os.Remove(segmentPath(dir, 11)), os.Remove(segmentPath(dir, 21)))
		}, "truncated :0 seq 1"},
		{"an unfinished line", func(t *testing.T, dir string) error {
			setRaw(t, dir, 21, strings.Join(lines(t, dir, 21), "\n")+"\n{")
			return nil
		}, "torn 21:11 seq 31"},
		{"a last line that lost its end", func(t *testing.T, dir string) error {
			setRaw(t, dir, 21, strings.Join(lines(t, dir, 21), "\n"))
			return nil
		}, "torn 21:10 seq 30; truncated :0 seq 30"},
		{"an unfinished line before another segment", func(t *testing.T, dir string) error {
			setRaw(t, dir, 11, strings.Join(lines(t, dir, 11), "\n")+"\n{")
			return nil
		}, "torn 11:11 seq 21"},
		{"the last line changed", func(t *testing.T, dir string) error {
			list := lines(t, dir, 21)
			list[9] += " "
			setLines(t, dir, 21, list)
			return nil
		}, "head-differs 21:10 seq 30"},
		{"the head gone", func(_ *testing.T, dir string) error { return os.Remove(head(dir)) }, "head-missing :0 seq 0"},
		{"the head broken", func(_ *testing.T, dir string) error { return os.WriteFile(head(dir), []byte("{}"), 0o600) }, "head-broken :0 seq 0"},
		{"an empty folder", func(_ *testing.T, dir string) error {
			return errors.Join(os.Remove(segmentPath(dir, 1)), os.Remove(segmentPath(dir, 11)), os.Remove(segmentPath(dir, 21)), os.Remove(head(dir)))
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := threeSegments(t)
			if err := tt.damage(t, dir); err != nil {
				t.Fatal(err)
			}
			r := verify(t, dir)
			if got := found(r); got != tt.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, tt.want, r.Problems)
			}
		})
	}
}

// A journal that was written anew is whole in itself: only a head that was kept
// elsewhere tells it from the true one.
func TestVerifyAgainstAKeptHead(t *testing.T) {
	dir := threeSegments(t)
	kept := verify(t, dir).Head
	parsed, err := ParseHead(kept.String())
	if err != nil || parsed != kept {
		t.Fatalf("ParseHead(%q) = %v, %v", kept.String(), parsed, err)
	}
	w := open(t, dir, Options{})
	record(t, w, allowed(31))
	closeOK(t, w)
	if r := verify(t, dir, kept); !r.OK {
		t.Errorf("a journal that grew: %+v", r.Problems)
	}
	forged := write(t, 31, Options{})
	if r := verify(t, forged); !r.OK {
		t.Errorf("the forged journal: %+v", r.Problems)
	}
	if got := found(verify(t, forged, kept)); got != "head-differs 1:30 seq 30" {
		t.Errorf("the forged journal against the kept head: %s", got)
	}
	short := write(t, 5, Options{})
	if got := found(verify(t, short, kept)); got != "truncated :0 seq 6" {
		t.Errorf("a shorter one: %s", got)
	}
}

func TestParseHeadRefuses(t *testing.T) {
	for _, s := range []string{"", "12", "x:00", "1:00", "1:" + strings.Repeat("z", 64), "99999999999999999999:" + strings.Repeat("0", 64)} {
		if h, err := ParseHead(s); err == nil {
			t.Errorf("ParseHead(%q) = %v", s, h)
		}
	}
}

func TestVerifyBoundsItsReport(t *testing.T) {
	dir := write(t, 1000, Options{})
	list := lines(t, dir, 1)
	for i := range list {
		if i%2 == 0 {
			list[i] += " "
		}
	}
	setLines(t, dir, 1, list)
	r := verify(t, dir)
	if len(r.Problems) != maxProblems || len(r.Problems)+r.More != 500 {
		t.Errorf("%d problems and %d more", len(r.Problems), r.More)
	}
}

func TestReportIsShown(t *testing.T) {
	dir := threeSegments(t)
	var out bytes.Buffer
	if err := LogsVerify(&out, dir, false); err != nil {
		t.Fatal(err)
	}
	head, err := readHead(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{": whole\n", "30 lines in 3 segments\n", "head " + head.String(), "keep the head"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	setLines(t, dir, 11, lines(t, dir, 11)[:9])
	out.Reset()
	if err := LogsVerify(&out, dir, false); !errors.Is(err, ErrBroken) {
		t.Errorf("LogsVerify: %v", err)
	}
	if !strings.Contains(out.String(), "BROKEN, 1 problem\n") || !strings.Contains(out.String(), "missing      0000000000000021.jsonl: line 20 is missing") {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	if err := LogsVerify(&out, dir, true); !errors.Is(err, ErrBroken) {
		t.Errorf("LogsVerify: %v", err)
	}
	var r Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.OK || len(r.Problems) != 1 || r.Problems[0].Kind != Missing {
		t.Errorf("%v %+v", err, r)
	}
}
