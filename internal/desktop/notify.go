// Package desktop tells the person at the desktop of this host that something waits.
package desktop

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
)

const (
	// pause is the time between two notifications. What comes meanwhile is counted in
	// the next: an agent decides how much it asks.
	pause = 5 * time.Second
	// runTime is how long the program that shows one may take.
	runTime = 10 * time.Second
	// maxColumns bounds each text.
	maxColumns = 120
)

// Question is what is told of one. Its path is not: the arguments of a program are there
// for every user of this host to see.
type Question struct {
	Bottle, ID   string
	Method, Host string // as the agent wrote them
	Over         string // the limit that it is about; "" for a request
	Sound        bool
}

// Runner runs a program without a shell and waits for it.
type Runner func(ctx context.Context, env []string, program string, args ...string) error

// Notifier shows notifications. The zero value and nil show none. Its methods may be
// called from any goroutine, and do not wait.
type Notifier struct {
	run  Runner
	goos string
	env  []string
	log  *slog.Logger

	program string

	mu     sync.Mutex
	busy   bool
	missed int
	off    string // why there will be none any more
}

// programs show notifications, by system. They are not looked for in PATH, in which a
// folder of the project may lie, where the agent writes.
var programs = map[string][]string{
	"linux":  {"/usr/bin/notify-send", "/usr/local/bin/notify-send", "/run/current-system/sw/bin/notify-send"},
	"darwin": {"/usr/bin/osascript"},
}

// New returns nil where there is no desktop or no program that shows notifications.
func New(goos string, getenv func(string) string, log *slog.Logger) *Notifier {
	return newOf(goos, getenv, log, programs[goos])
}

func newOf(goos string, getenv func(string) string, log *slog.Logger, programs []string) *Notifier {
	n := &Notifier{run: run, goos: goos, log: log}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	for _, name := range []string{"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY", "HOME", "LANG"} {
		if v := getenv(name); v != "" {
			n.env = append(n.env, name+"="+v)
		}
	}
	if goos == "linux" && getenv("DBUS_SESSION_BUS_ADDRESS") == "" && !there(filepath.Join(getenv("XDG_RUNTIME_DIR"), "bus")) {
		return nil
	}
	for _, path := range programs {
		if there(path) {
			n.program = path
			return n
		}
	}
	return nil
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil && filepath.IsAbs(path)
}

func run(ctx context.Context, env []string, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	cmd.WaitDelay = time.Second
	return cmd.Run()
}

// Ask tells of a question, or counts it for the next time.
func (n *Notifier) Ask(q Question) {
	if n == nil || n.run == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.off != "":
	case n.busy:
		n.missed++
	default:
		n.busy = true
		about := fmt.Sprintf("It wants %s %s.", shown(escape.TextMax(q.Method, 40)), shown(escape.HostMax(q.Host, maxColumns)))
		if q.Over != "" {
			about = fmt.Sprintf("It is over budget: %s.", shown(escape.TextMax(q.Over, maxColumns)))
		}
		go n.show(q, about+"\nAnswer with: bottle ui, or bottle approve "+shown(escape.WordMax(q.ID, 40)))
	}
}

// show shows a text, and after a pause how many questions have come meanwhile.
func (n *Notifier) show(q Question, body string) {
	title := shown(escape.WordMax(q.Bottle, 60)) + " asks"
	for {
		ctx, cancel := context.WithTimeout(context.Background(), runTime)
		err := n.run(ctx, n.env, n.program, n.args(title, body, q.Sound)...)
		cancel()
		if err == nil {
			time.Sleep(pause)
		}
		n.mu.Lock()
		missed := n.missed
		n.missed = 0
		if err != nil {
			n.off = fmt.Sprintf("%s: %v", n.program, err)
			n.log.Info("the desktop shows no notifications, and is asked for none any more: " + n.off)
		}
		if n.busy = err == nil && missed > 0; !n.busy {
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
		body = fmt.Sprintf("Questions that have come since: %d.\nAnswer with: bottle ui, or bottle ask ls", missed)
	}
}

// args are those of the program. What a text says is never part of a script.
func (n *Notifier) args(title, body string, sound bool) []string {
	if n.goos == "darwin" {
		script := "display notification (item 2 of argv) with title (item 1 of argv)"
		if sound {
			script += ` sound name "default"`
		}
		return []string{"-e", "on run argv", "-e", script, "-e", "end run", title, body}
	}
	hint := "--hint=boolean:suppress-sound:true"
	if sound {
		hint = "--hint=string:sound-name:dialog-question"
	}
	// notify-send reads escapes in the body (g_strcompress), and an octal one is any
	// character, those of markup too.
	return []string{"--app-name=bottle", "--icon=dialog-question", hint, "--", title, strings.ReplaceAll(body, `\`, `\\`)}
}

// shown is a text without what a desktop may take for markup, in the notation of package
// escape.
func shown(s string) string {
	return strings.NewReplacer("<", `\x3c`, ">", `\x3e`, "&", `\x26`).Replace(s)
}
