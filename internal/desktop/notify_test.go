package desktop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// shows is a desktop that keeps what it is told.
type shows struct {
	texts []string
	err   error
}

func (s *shows) run(_ context.Context, _ []string, program string, args ...string) error {
	s.texts = append(s.texts, fmt.Sprintf("%s %q", program, args))
	return s.err
}

func TestAQuestionIsShown(t *testing.T) {
	q := Question{Bottle: "b-1", ID: "q-1", Method: "GET<b>&\x1b", Host: "xn--pple-43d.com"}
	loud := q
	loud.Sound = true
	body := `"It wants GET\\x3cb\\x3e\\x26\\x1b xn--pple-43d.com (\\u0430pple.com).\nAnswer with: bottle ui, or bottle approve q-1"`
	read := strings.ReplaceAll(body, `\\`, `\\\\`) // as notify-send reads it
	for _, tt := range []struct {
		goos, want string
		q          Question
	}{
		{"linux", `x ["--app-name=bottle" "--icon=dialog-question" "--hint=boolean:suppress-sound:true" "--" "b-1 asks" ` + read + `]`, q},
		{"linux", `x ["--app-name=bottle" "--icon=dialog-question" "--hint=string:sound-name:dialog-question" "--" "b-1 asks" ` + read + `]`, loud},
		{"darwin", `x ["-e" "on run argv" "-e" "display notification (item 2 of argv) with title (item 1 of argv)" "-e" "end run" "b-1 asks" ` + body + `]`, q},
		{"darwin", `x ["-e" "on run argv" "-e" "display notification (item 2 of argv) with title (item 1 of argv) sound name \"default\"" "-e" "end run" "b-1 asks" ` + body + `]`, loud},
	} {
		synctest.Test(t, func(t *testing.T) {
			var s shows
			n := &Notifier{run: s.run, goos: tt.goos, program: "x"}
			n.Ask(tt.q)
			synctest.Wait()
			if got := strings.Join(s.texts, "\n"); got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.goos, got, tt.want)
			}
			time.Sleep(pause)
		})
	}
}

// An agent that asks a lot does not fill the desktop.
func TestManyQuestionsAreFewNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shows
		n := &Notifier{run: s.run, goos: "linux", program: "x"}
		for i := range 1000 {
			n.Ask(Question{Bottle: "b-1", ID: fmt.Sprint(i), Host: "a.example"})
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(3 * pause)
		synctest.Wait()
		if len(s.texts) > 4 || len(s.texts) < 2 || !strings.Contains(s.texts[1], "Questions that have come since: ") {
			t.Errorf("got %d: %s", len(s.texts), s.texts)
		}
		n.Ask(Question{ID: "later"})
		synctest.Wait()
		if last := s.texts[len(s.texts)-1]; !strings.Contains(last, "approve later") {
			t.Errorf("the last is %s", last)
		}
		time.Sleep(pause)
	})
}

func TestADesktopThatShowsNothingIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := shows{err: errors.New("no daemon")}
		n := &Notifier{run: s.run, goos: "linux", program: "x", log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 3 {
			n.Ask(Question{})
			synctest.Wait()
		}
		if len(s.texts) != 1 || strings.Count(log.String(), "no daemon") != 1 {
			t.Errorf("asked %d times; %s", len(s.texts), log.String())
		}
	})
	var none *Notifier
	none.Ask(Question{}) // does nothing
	new(Notifier).Ask(Question{})
}

func TestNew(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "notify")
	bus := filepath.Join(dir, "bus")
	for _, path := range []string{program, bus} {
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, goos string
		env        map[string]string
		want       bool
	}{
		{"a bus that is named", "linux", map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:x", "SECRET": "s"}, true},
		{"a bus at its usual place", "linux", map[string]string{"XDG_RUNTIME_DIR": dir}, true},
		{"no bus", "linux", map[string]string{"DISPLAY": ":0"}, false},
		{"no folder", "linux", map[string]string{"XDG_RUNTIME_DIR": filepath.Join(dir, "none")}, false},
		{"another system", "plan9", map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:x"}, false},
	} {
		list := map[string][]string{"linux": {filepath.Join(dir, "none"), program}}[tt.goos]
		n := newOf(tt.goos, func(name string) string { return tt.env[name] }, nil, list)
		if (n != nil) != tt.want {
			t.Errorf("%s: %v", tt.name, n)
		}
		if n != nil && (n.program != program || strings.Contains(strings.Join(n.env, " "), "SECRET")) {
			t.Errorf("%s: %s %s", tt.name, n.program, n.env)
		}
	}
}

func TestTheRealRunner(t *testing.T) {
	if err := run(t.Context(), []string{"A=b"}, "/bin/sh", "-c", `[ "$A" = b ] && [ -z "$HOME" ]`); err != nil {
		t.Error(err)
	}
	if run(t.Context(), nil, "/bin/sh", "-c", "exit 1") == nil {
		t.Error("a program that fails is none that worked")
	}
}
