package secret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const goodValue = "s3cret-value-0123456789"

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func mustNew(t *testing.T, src Source, opts Options) *Secret {
	t.Helper()
	s, err := New("mine", src, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func env(vars map[string]string) func(string) (string, bool) {
	return func(k string) (string, bool) { v, ok := vars[k]; return v, ok }
}

func writeFile(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

func sh(script string) Source { return Source{Command: []string{"/bin/sh", "-c", script}} }

func TestValue(t *testing.T) {
	bad := strings.Repeat("x", MaxLength+10)
	tests := []struct {
		name string
		src  Source
		want string
		text string // of the error
	}{
		{"a variable", Source{Env: "TOKEN"}, goodValue, ""},
		{"a variable that is not set", Source{Env: "NOT_THERE"}, "", "environment variable NOT_THERE is not set"},
		{"a variable with two lines", Source{Env: "TWO_LINES"}, "", "control character"},
		{"a file", Source{File: writeFile(t, "f", goodValue+"\n", 0o600)}, goodValue, ""},
		{"a file from Windows", Source{File: writeFile(t, "f", goodValue+"\r\n", 0o600)}, goodValue, ""},
		{"a file with two lines", Source{File: writeFile(t, "f", goodValue+"\n"+goodValue, 0o600)}, "", "control character"},
		{"an empty file", Source{File: writeFile(t, "f", "\n", 0o600)}, "", "empty"},
		{"a file that is not there", Source{File: "/nonexistent/x"}, "", "no such file"},
		{"a folder", Source{File: t.TempDir()}, "", "not a regular file"},
		{"a large file", Source{File: writeFile(t, "f", bad, 0o600)}, "", "more than"},
		{"a file that everybody can write", Source{File: writeFile(t, "f", goodValue, 0o602)}, "", "chmod 600"},
		{"a string in JSON", Source{File: writeFile(t, "j", `{"a/b":[{"~t":"`+goodValue+`"}]}`, 0o600), Pointer: "/a~1b/0/~0t"}, goodValue, ""},
		{"nothing there in JSON", Source{File: writeFile(t, "j", `{"a":[]}`, 0o600), Pointer: "/a/0"}, "", "nothing at /a/0"},
		{"no string in JSON", Source{File: writeFile(t, "j", `{"a":{"b":1}}`, 0o600), Pointer: "/a"}, "", "not a string"},
		{"no JSON", Source{File: writeFile(t, "j", `{"a": s3cret-value`, 0o600), Pointer: "/a"}, "", "not JSON (byte 7)"},
		{"a command", sh("printf '%s\\n' " + goodValue), goodValue, ""},
		{"no shell in between", Source{Command: []string{"printf", "%s", "$HOME;" + goodValue}}, "$HOME;" + goodValue, ""},
		{"a command with the host's environment", sh(`echo "$FROM_HOST"`), "from-the-host", ""},
		{"a command that fails", sh("echo nothing here >&2; exit 3"), "", "sh failed: exit status 3; what it wrote"},
		{"a command that prints nothing", sh("exit 0"), "", "empty"},
		{"a command that prints without end", sh("while :; do echo 0123456789012345678901234567890123456789; done | head -c 100000"), "", "more than"},
		{"a command that is not there", Source{Command: []string{"no-such-program-here"}}, "", "executable file not found"},
		{"a program by its path", Source{Command: []string{writeFile(t, "tool", "#!/bin/sh\necho "+goodValue+"\n", 0o700)}}, goodValue, ""},
		{"a command that looks for a file where it runs", sh("cat ./token"), "", "it runs in an empty folder"},
		{"a command that hangs", Source{Command: []string{"/bin/sh", "-c", "exec sleep 60"}, Timeout: 50 * time.Millisecond}, "", "ended after 50ms"},
		{"a command that leaves a child with its output", Source{Command: []string{"/bin/sh", "-c", "sleep 60 & echo " + goodValue}}, goodValue, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := mustNew(t, tt.src, Options{
				LookupEnv: env(map[string]string{"TOKEN": goodValue, "TWO_LINES": goodValue + "\n" + goodValue}),
				Environ:   func() []string { return []string{"PATH=" + os.Getenv("PATH"), "FROM_HOST=from-the-host"} },
			})
			got, err := s.Value(t.Context())
			if tt.text == "" {
				if err != nil || got != tt.want {
					t.Fatalf("got %q, %v, want %q", got, err, tt.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "secret mine") {
				t.Fatalf("got %q, %v, want an error with %q", got, err, tt.text)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells of the value: %v", err)
			}
		})
	}
}

// TestCommandErrorQuotesNothing: words that look harmless may be the value.
func TestCommandErrorQuotesNothing(t *testing.T) {
	for _, words := range []string{
		"the token hunterhunterhunte is expired", "https://joe:correct-horse@git.example/ denied", "got AbCd-EfGh-IjKl/MnOp",
		"pin 8472-1190-3345", "bad token " + goodValue + " given", "cannot open correct-horse: no such file",
	} {
		_, err := mustNew(t, sh("echo '"+words+"' >&2; echo '"+words+"'; exit 3"), Options{}).Value(t.Context())
		if err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("%s: got %v", words, err)
			continue
		}
		for word := range strings.FieldsSeq(words) {
			if len(word) > 8 && strings.Contains(err.Error(), word) {
				t.Errorf("%q is told in: %v", word, err)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		src  Source
		text string
	}{
		{Source{}, "one source"},
		{Source{Env: "A", File: "/b"}, "one source"},
		{Source{File: "b"}, "absolute"},
		{Source{Env: "A", Pointer: "/x"}, "needs a file"},
		{Source{File: "/a", Pointer: "x"}, "not a JSON pointer"},
		{Source{File: "/a", Pointer: "/~2"}, "not a JSON pointer"},
		{Source{Env: "A=B"}, "not the name"},
		{Source{Command: []string{""}}, "no program"},
		{Source{Command: []string{"x"}, TTL: -1}, "negative"},
	}
	for _, tt := range tests {
		if _, err := New("mine", tt.src, Options{}); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%+v: got %v, want an error with %q", tt.src, err, tt.text)
		}
	}
}

// counted returns a command that adds a line to a file each time it runs, and
// a function that counts them.
func counted(t *testing.T, script string) (Source, func() int) {
	log := filepath.Join(t.TempDir(), "runs")
	return sh(fmt.Sprintf("echo x >> '%s'; %s", log, script)), func() int {
		b, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Count(string(b), "x")
	}
}

func TestCommandIsCached(t *testing.T) {
	src, runs := counted(t, "echo "+goodValue)
	src.TTL = time.Minute
	c := &clock{now: time.Unix(1e9, 0)}
	s := mustNew(t, src, Options{Now: c.Now})
	for _, step := range []struct {
		what    string
		do      func()
		want    int
		another bool
	}{
		{what: "the first time it runs", do: func() {}, want: 1},
		{what: "within the TTL it does not", do: func() { c.advance(59 * time.Second) }, want: 1},
		{what: "after it, it does", do: func() { c.advance(time.Second) }, want: 2},
	} {
		step.do()
		if v, err := s.Value(t.Context()); err != nil || v != goodValue {
			t.Fatalf("%s: %q, %v", step.what, v, err)
		}
		if n := runs(); n != step.want {
			t.Errorf("%s: %d runs, want %d", step.what, n, step.want)
		}
	}
}

func TestFailedCommandIsNotRunByEachRequest(t *testing.T) {
	src, runs := counted(t, "exit 1")
	c := &clock{now: time.Unix(1e9, 0)}
	s := mustNew(t, src, Options{Now: c.Now})
	for range 3 {
		if _, err := s.Value(t.Context()); err == nil {
			t.Fatal("no error")
		}
	}
	if n := runs(); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	c.advance(retryAfter)
	if _, err := s.Value(t.Context()); err == nil || runs() != 2 {
		t.Errorf("%v after %d runs, want an error of the second", err, runs())
	}
}

// TestCommandRunsOnceForAll lets many ask at once, of whom one gives up.
func TestCommandRunsOnceForAll(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "go")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	src, runs := counted(t, fmt.Sprintf("cat '%s' > /dev/null; echo %s", fifo, goodValue))
	s := mustNew(t, src, Options{})
	impatient, giveUp := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() { _, err := s.Value(impatient); gaveUp <- err }()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if v, err := s.Value(t.Context()); err != nil || v != goodValue {
				t.Errorf("%q, %v", v, err)
			}
		})
	}
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits until the command runs
	if err != nil {
		t.Fatal(err)
	}
	giveUp()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	_ = f.Close()
	wg.Wait()
	if n := runs(); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}

func TestFileIsReadAgainWhenItChanged(t *testing.T) {
	path := writeFile(t, "f", goodValue, 0o600)
	s := mustNew(t, Source{File: path}, Options{})
	old := time.Now().Add(-time.Hour)
	for i, v := range []string{goodValue, goodValue + "1", goodValue + "2"} {
		if err := os.WriteFile(path, []byte(v), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second comes from the cache
			if got, err := s.Value(t.Context()); err != nil || got != v {
				t.Errorf("got %q, %v, want %q", got, err, v)
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Value(t.Context()); err == nil {
		t.Errorf("got %q from a file that is gone", v)
	}
}

func TestCheckHasNoEffect(t *testing.T) {
	src, runs := counted(t, "echo "+goodValue)
	if _, err := mustNew(t, src, Options{}).Check(); err != nil || runs() != 0 {
		t.Errorf("%v after %d runs", err, runs())
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		src     Source
		err     string
		warning string
	}{
		{"a variable that is set", Source{Env: "TOKEN"}, "", ""},
		{"a variable that is not", Source{Env: "NOT_THERE"}, "NOT_THERE is not set", ""},
		{"a variable that is too short", Source{Env: "SHORT"}, "too short", ""},
		{"a private file", Source{File: writeFile(t, "f", goodValue, 0o600)}, "", ""},
		{"a file that others read", Source{File: writeFile(t, "f", goodValue, 0o644)}, "", "chmod 600"},
		{"no file", Source{File: "/nonexistent/f"}, "no such file", ""},
		{"a pipe, which would block", Source{File: fifo}, "not a regular file", ""},
		{"no program", Source{Command: []string{"no-such-program-here"}}, "not found", ""},
		{"no program by this path", Source{Command: []string{"/nonexistent/tool"}}, "no such file", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mustNew(t, tt.src, Options{LookupEnv: env(map[string]string{"TOKEN": goodValue, "SHORT": "abc"})})
			warnings, err := s.Check()
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if got := strings.Join(warnings, "\n"); (tt.warning == "") != (got == "") || !strings.Contains(got, tt.warning) {
				t.Errorf("warned %q, want %q", got, tt.warning)
			}
		})
	}
}
