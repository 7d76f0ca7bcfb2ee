package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

func keepBody(t *testing.T, w *Writer, text string) *proxy.EventBody {
	t.Helper()
	p, err := w.KeepBody([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &proxy.EventBody{BodyPlace: p}
}

func openBodies(t *testing.T, dir string, o Options) *Writer {
	t.Helper()
	w, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestBodies(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	w := openBodies(t, dir, Options{})
	if n, err := BodiesSize(dir); err != nil || n != 0 {
		t.Errorf("%d bytes of none, %v", n, err)
	}
	texts := []string{"one", "", strings.Repeat("x", 300<<10), "\x00\xff"}
	var bodies []*proxy.EventBody
	for _, text := range texts {
		bodies = append(bodies, keepBody(t, w, text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.KeepBody([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed journal: %v", err)
	}
	w = openBodies(t, dir, Options{}) // of another process, after this one
	texts, bodies = append(texts, "later"), append(bodies, keepBody(t, w, "later"))
	for i, b := range bodies {
		if got, err := ReadBody(dir, b); err != nil || string(got) != texts[i] {
			t.Errorf("%d: %d bytes, %v", i, len(got), err)
		}
	}
	for path, want := range map[string]os.FileMode{dir + "/bodies": 0o700 | os.ModeDir, dir + "/bodies/" + bodies[0].File: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bodies", bodies[0].File), []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]proxy.EventBody{
		"another text":      *bodies[0],
		"the end is gone":   *bodies[2],
		"a path":            {BodyPlace: proxy.BodyPlace{File: "../0000000000000001.jsonl", Length: 1}},
		"too much":          {BodyPlace: proxy.BodyPlace{File: bodies[0].File, Length: 1 << 40}},
		"before the file":   {BodyPlace: proxy.BodyPlace{File: bodies[0].File, Offset: -1, Length: 1}},
		"less than nothing": {BodyPlace: proxy.BodyPlace{File: bodies[0].File, Length: -1}},
	} {
		if got, err := ReadBody(dir, &b); !errors.Is(err, ErrBodyChanged) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestOldBodiesMakeRoom: the oldest file goes, whoever wrote it, and no more are there
// than the limit says.
func TestOldBodiesMakeRoom(t *testing.T) {
	dir := t.TempDir()
	o := Options{BodyFileSize: 100, MaxBodies: 350}
	var bodies []*proxy.EventBody
	text := func(i int) string { return fmt.Sprintf("%040d", i) }
	for range 2 {
		w := openBodies(t, dir, o)
		for range 10 {
			bodies = append(bodies, keepBody(t, w, text(len(bodies))))
			var total int64
			files, err := os.ReadDir(filepath.Join(dir, "bodies"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				info, err := f.Info()
				if err != nil {
					t.Fatal(err)
				}
				total += info.Size()
			}
			if total > o.MaxBodies {
				t.Fatalf("%d bytes in %d files", total, len(files))
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	gone := 0
	for i, b := range bodies {
		got, err := ReadBody(dir, b)
		switch {
		case errors.Is(err, ErrBodyGone) && gone == i:
			gone++
		case err != nil || string(got) != text(i):
			t.Errorf("%d: %q, %v", i, got, err)
		}
	}
	if n, err := BodiesSize(dir); err != nil || n != int64(40*(len(bodies)-gone)) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if gone < 10 || gone > 14 {
		t.Errorf("the first %d are gone", gone)
	}
}

// TestABodyThatCannotBeWritten leaves the others readable, and the next is written.
func TestABodyThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	w := openBodies(t, dir, Options{})
	first := keepBody(t, w, "first")
	good := w.bodies.f
	defer good.Close()
	var err error
	if w.bodies.f, err = os.Open(good.Name()); err != nil { // to read
		t.Fatal(err)
	}
	if _, err := w.KeepBody([]byte("lost")); err == nil {
		t.Fatal("it was written")
	}
	second := keepBody(t, w, "second")
	for b, want := range map[*proxy.EventBody]string{first: "first", second: "second"} {
		if got, err := ReadBody(dir, b); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestBodiesAreInTheChain: a line that is changed to another digest breaks it, and a
// journal with bodies is whole.
func TestBodiesAreInTheChain(t *testing.T) {
	dir := t.TempDir()
	w := openBodies(t, dir, Options{})
	b := keepBody(t, w, "text")
	if err := w.Record(t.Context(), &proxy.Event{Type: proxy.EventEnd, ID: "1", AnswerBody: b}); err != nil {
		t.Fatal(err)
	}
	if err := w.Record(t.Context(), &proxy.Event{Type: proxy.EventNote, Reason: "the end"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(dir); err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	for e := range Read(dir, Filter{ID: "1"}) {
		if got, err := ReadBody(dir, e.AnswerBody); err != nil || string(got) != "text" {
			t.Errorf("%q, %v", got, err)
		}
	}
	path := segmentPath(dir, 1)
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(lines, []byte(b.SHA256), []byte(strings.Repeat("0", 64)), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(dir); err != nil || r.OK {
		t.Errorf("with another digest: %+v, %v", r, err)
	}
}
