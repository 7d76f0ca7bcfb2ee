package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"

	"github.com/bot-bottle/bottle/proxy"
)

// FuzzRead puts arbitrary bytes in a segment's place. Readers report what is no
// line, Verify does not call it whole, and a writer goes on behind it.
func FuzzRead(f *testing.F) {
	whole := string(mustRead(f, segmentPath(write(f, 3, Options{}), 1)))
	for _, s := range []string{
		"", "\n", "{", "{}\n", "\x00\x00\n\x00", whole, whole[:len(whole)-7], whole + whole, whole + "{\"seq\":4", strings.Replace(whole, `"seq":2`, `"seq":9007199254740991`, 1),
		strings.Replace(whole, "allow", "\u202eallow", 1), `{"seq":1,"prev":"zz","type":"note"}` + "\n", `{"seq":1,"type":"note","findings":[{}],"time":"x"}` + "\n",
		`{"seq":18446744073709551615,"type":"end"}` + "\n" + `{"seq":1,"type":"end"}` + "\n",
	} {
		f.Add([]byte(s))
	}
	memory := newDisk()
	memory.memory = true
	f.Fuzz(func(t *testing.T, segment []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 1), segment, 0o600); err != nil {
			t.Fatal(err)
		}
		readable, bad := countLines(t, dir)
		if whole := bytes.Count(segment, []byte("\n")); readable+bad != whole {
			t.Fatalf("%d and %d lines were read of %d", readable, bad, whole)
		}
		r := verify(t, dir)
		if r.OK {
			t.Fatal("a journal without its head is whole")
		}
		w := open(t, dir, Options{open: memory.open})
		record(t, w, denied(1))
		closeOK(t, w)
		again, stillBad := countLines(t, dir)
		if again <= readable || stillBad != bad {
			t.Fatalf("%d and %d lines became %d and %d", readable, bad, again, stillBad)
		}
		if after := verify(t, dir); after.OK && bad > 0 {
			t.Fatal("unreadable lines are whole")
		}
		for _, asJSON := range []bool{false, true} {
			var out bytes.Buffer
			if err := Logs(context.Background(), &out, dir, LogsOptions{JSON: asJSON}); err != nil && bad == 0 {
				t.Fatal(err)
			}
			if n := strings.Count(out.String(), "\n"); n != again+bad {
				t.Fatalf("%d lines are shown in %d", again+bad, n)
			}
			mustBeShown(t, strings.ReplaceAll(out.String(), "\n", ""))
		}
	})
}

func countLines(t *testing.T, dir string) (readable, bad int) {
	t.Helper()
	for _, err := range Read(dir, Filter{}) {
		var line *LineError
		switch {
		case errors.As(err, &line):
			bad++
		case err != nil:
			t.Fatal(err)
		default:
			readable++
		}
	}
	return readable, bad
}

func mustRead(f testing.TB, path string) []byte {
	f.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// mustBeShown fails unless a terminal shows each rune and acts on none.
func mustBeShown(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("%q is not UTF-8", s)
	}
	for _, r := range s {
		p, _ := bidi.LookupRune(r)
		if r != ' ' && unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point) || p.Class() >= bidi.Control || p.Class() == bidi.R {
			t.Fatalf("%U in %q", r, s)
		}
	}
}

// FuzzLine shows an event that an agent chose all text of.
func FuzzLine(f *testing.F) {
	f.Add("GET", "api.example.com", "/v1", "reason", int64(12), 443)
	f.Add("G E", "xn--bcher-kva.example", "/ rule=x\n", "\" error=\"", int64(-1), -5)
	f.Add("\x1b[2J", "аpple.com\u202e", "\xff\u200b\u0301", `\x22`, int64(1)<<62, 80)
	f.Fuzz(func(t *testing.T, method, host, path, text string, n int64, port int) {
		e := proxy.Event{Time: time.Unix(n%1e10, 0).UTC(), Type: proxy.EventDecision, Verdict: proxy.Action(method), ID: path, Session: text, Proto: host,
			Method: method, Scheme: text, Host: host, Port: port, Path: path, Rule: text, Reason: text, Findings: []proxy.EventFinding{{Rule: text, Where: path, Offset: n, Length: port, Action: host}},
			Secrets: []string{path, text}, Status: port, BytesOut: n, BytesIn: -n, Duration: time.Duration(n), Redacted: port, Inert: []string{text}, Error: path}
		line := Line(&e)
		mustBeShown(t, line)
		const most = 20 * (reasonColumns + hostColumns)
		if len(line) > utf8.UTFMax*most {
			t.Fatalf("the line has %d bytes", len(line))
		}
		// What follows the texts in quotes is the end: no text ends one.
		quotes := strings.Count(line, `"`)
		for _, s := range []string{method, host, path, text} {
			if s != text && strings.Contains(s, `"`) {
				return // words may have quotes
			}
		}
		if strings.Contains(text, `"`) {
			return // a word too
		}
		want := 0
		for _, s := range []string{e.Reason, e.Error} {
			if s != "" {
				want += 2
			}
		}
		if quotes != want {
			t.Fatalf("%d quotes in %s", quotes, line)
		}
		// And it is the same event in the journal.
		b, err := newEncoder().body(&e)
		if err != nil {
			t.Fatal(err)
		}
		var back proxy.Event
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(path) && len(path) < cutText && back.Path != path {
			t.Fatalf("the path %q came back as %q", path, back.Path)
		}
	})
}
