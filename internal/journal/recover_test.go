package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenMends(t *testing.T) {
	const n = 10
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
		note   string // begins so; empty for none
		lines  int    // with notes and one more decision
		broken Kind   // what Verify still says; empty for nothing
	}{
		{"a whole journal needs nothing", func(*testing.T, string) {}, "", n + 1, ""},
		{"an unfinished line is cut off", func(t *testing.T, dir string) {
			appendText(t, dir, `{"seq":11,"prev":"00`)
		}, "0000000000000001.jsonl had 20 bytes of an unfinished line", n + 2, ""},
		{"so are zeros that a power failure left", func(t *testing.T, dir string) {
			appendText(t, dir, strings.Repeat("\x00", 5000))
		}, "0000000000000001.jsonl had 5000 bytes of an unfinished line", n + 2, ""},
		{"a segment that has only the start of a line goes", func(t *testing.T, dir string) {
			setRaw(t, dir, n+1, "{")
		}, "0000000000000011.jsonl had 1 bytes of an unfinished line", n + 2, ""},
		{"an empty segment is used", func(t *testing.T, dir string) {
			setRaw(t, dir, n+1, "")
		}, "", n + 1, ""},
		{"lines that are gone stay to be seen", func(t *testing.T, dir string) {
			setLines(t, dir, 1, lines(t, dir, 1)[:n-3])
		}, "3 lines, 8 to 10, were gone", n - 3 + 2, Missing},
		{"also when all are", func(t *testing.T, dir string) {
			if err := os.Remove(segmentPath(dir, 1)); err != nil {
				t.Fatal(err)
			}
		}, "10 lines, 1 to 10, were gone", 2, Missing},
		{"a last line that was changed is noted", func(t *testing.T, dir string) {
			list := lines(t, dir, 1)
			list[n-1] = strings.Replace(list[n-1], "messages", "massages", 1)
			setLines(t, dir, 1, list)
		}, "line 10 was not what head.json says", n + 2, ""},
		{"a head that is gone is noted", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, headName)); err != nil {
				t.Fatal(err)
			}
		}, "head.json was missing", n + 2, ""},
		{"so is one that cannot be read", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, headName), []byte(`{"count":`), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "head.json cannot be read", n + 3, ""},
		{"a last line that is none is kept and counted", func(t *testing.T, dir string) {
			appendText(t, dir, "garbage\n")
		}, "", n + 1, Unreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, n, Options{})
			tt.damage(t, dir)
			w := open(t, dir, Options{})
			record(t, w, allowed(n+1))
			closeOK(t, w)

			r := verify(t, dir)
			switch {
			case tt.note == "" && len(r.Repairs) > 0, tt.note != "" && (len(r.Repairs) == 0 || !strings.HasPrefix(r.Repairs[0].Text, tt.note)):
				t.Errorf("the notes are %+v, want %q", r.Repairs, tt.note)
			}
			switch {
			case tt.broken == "" && !r.OK, tt.broken != "" && (len(r.Problems) != 1 || r.Problems[0].Kind != tt.broken):
				t.Errorf("the problems are %+v, want %q", r.Problems, tt.broken)
			}
			got := 0
			last := ""
			for e, err := range Read(dir, Filter{}) {
				if err == nil {
					got++
					last = e.ID
				}
			}
			if got != tt.lines || last != "x-11" {
				t.Errorf("%d lines, the last of %s; want %d", got, last, tt.lines)
			}
		})
	}
}

func appendText(t *testing.T, dir, text string) {
	t.Helper()
	f, err := os.OpenFile(segmentPath(dir, 1), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// A writer that is killed right after a rotation leaves a head behind lines that
// may not be on disk; the next one brings both there.
func TestOpenBringsTheHeadUpToDate(t *testing.T) {
	dir := write(t, 10, Options{})
	if err := os.Remove(filepath.Join(dir, headName)); err != nil {
		t.Fatal(err)
	}
	closeOK(t, open(t, dir, Options{}))
	if h, err := readHead(dir); err != nil || h.Count != 11 {
		t.Errorf("the head is %v, %v", h, err)
	}
	before, err := readHead(dir)
	if err != nil {
		t.Fatal(err)
	}
	closeOK(t, open(t, dir, Options{}))
	if after, err := readHead(dir); err != nil || after != before {
		t.Errorf("opening alone changed the head: %v, %v", after, err)
	}
}

// A writer that is killed before the first head is due has lost no line, and the
// next one says nothing of it. A head that was removed is another matter.
func TestANewJournalHasAHead(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, Options{HeadDelay: never})
	if r := verify(t, dir); !r.OK || r.Saved == nil || *r.Saved != (Head{}) {
		t.Errorf("before the first line: %+v", r)
	}
	record(t, w, allowed(1))
	if r := verify(t, dir); !r.OK || r.Lines != 1 {
		t.Errorf("behind it: %+v", r)
	}
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	closeOK(t, open(t, killed, Options{}))
	if r := verify(t, killed); !r.OK || len(r.Repairs) > 0 || r.Saved.Count != 1 {
		t.Errorf("opened again: %+v", r)
	}
	if err := os.Remove(filepath.Join(dir, headName)); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); len(r.Problems) != 1 || r.Problems[0].Kind != HeadMissing {
		t.Errorf("without its head: %+v", r.Problems)
	}
}

func TestOpenOfWhatIsNoFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil {
		t.Error("a file was opened as a journal")
	}
}
