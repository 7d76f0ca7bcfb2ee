package desktop

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// shownAt is a notification as a desktop gets it (Desktop Notifications Specification
// 1.2, "Notify").
type shownAt struct {
	app, icon, summary, body string
	actions                  []string
	hints                    map[string]dbus.Variant
}

// daemon shows notifications, as far as programs can tell.
type daemon chan shownAt

func (d daemon) Notify(app string, _ uint32, icon, summary, body string, actions []string, hints map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	d <- shownAt{app, icon, summary, body, actions, hints}
	return 1, nil
}

func (d daemon) GetCapabilities() ([]string, *dbus.Error) {
	return []string{"body", "body-markup", "sound"}, nil
}

func (d daemon) GetServerInformation() (name, vendor, version, spec string, err *dbus.Error) {
	return "test", "test", "1", "1.2", nil
}

// startBus starts a bus of a session, and returns its address.
func startBus(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"dbus-daemon", "notify-send"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("%s is not installed: notifications are not tested with the real program", program)
		}
	}
	dir, err := os.MkdirTemp("", "bus") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := filepath.Join(dir, "bus.conf")
	text := fmt.Sprintf(`<busconfig><type>session</type><listen>unix:path=%s/bus</listen><policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "dbus-daemon", "--nofork", "--print-address", "--config-file="+config)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	return address
}

// startDaemon has a daemon on the bus.
func startDaemon(t *testing.T, address string) daemon {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d := make(daemon, 4)
	const name = "org.freedesktop.Notifications"
	if err := conn.Export(d, "/org/freedesktop/Notifications", name); err != nil {
		t.Fatal(err)
	}
	if r, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(r, err)
	}
	return d
}

func (d daemon) next(t *testing.T) shownAt {
	t.Helper()
	select {
	case s := <-d:
		return s
	case <-time.After(time.Minute):
		t.Fatal("the desktop is told nothing")
	}
	return shownAt{}
}

// notifier is one of a person at that bus.
func notifier(t *testing.T, address string, log *slog.Logger) *Notifier {
	t.Helper()
	n := New("linux", func(name string) string { return map[string]string{"DBUS_SESSION_BUS_ADDRESS": address}[name] }, log)
	if n == nil {
		t.Fatal("there is a desktop, and no notifier for it")
	}
	return n
}

// TestTheRealNotifySend has the program of Debian tell a desktop: without sound unless it
// is wanted, and with nothing that a desktop takes for markup.
func TestTheRealNotifySend(t *testing.T) {
	address := startBus(t)
	d := startDaemon(t, address)
	q := Question{Bottle: "-b-1", ID: "q-1", Method: `GET<b>&amp;\074i\076` + "\x1b\n", Host: `<a href="https://evil.example">bank</a>.example`}
	notifier(t, address, nil).Ask(q)
	s := d.next(t)
	want := `It wants GET\x3cb\x3e\x26amp;\\074i\\076\x1b\n \x3ca\x20href\x3d\x22https:\x2f\x2fevil.example\x22\x3ebank\x3c\x2fa\x3e.example.` + "\nAnswer with: bottle ui, or bottle approve q-1"
	if s.app != "bottle" || s.icon != "dialog-question" || s.summary != "-b-1 asks" || s.body != want || len(s.actions) != 0 {
		t.Errorf("got %+v\nwant %s", s, want)
	}
	if v, is := s.hints["suppress-sound"].Value().(bool); !is || !v || s.hints["sound-name"].Value() != nil {
		t.Errorf("it is not silent: %v", s.hints)
	}
	if strings.ContainsAny(s.summary+s.body, "<>&\x1b") {
		t.Errorf("what an agent wrote is markup: %s", s.body)
	}
	q.Sound = true
	notifier(t, address, nil).Ask(q)
	if s := d.next(t); s.hints["sound-name"].Value() != "dialog-question" || s.hints["suppress-sound"].Value() != nil {
		t.Errorf("no sound: %v", s.hints)
	}
}

// told is a log of which a line is waited for.
type told chan string

func (l told) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestABusWithoutADaemonIsLeftAlone is a person without a desktop that shows something.
func TestABusWithoutADaemonIsLeftAlone(t *testing.T) {
	log := make(told, 4)
	n := notifier(t, startBus(t), slog.New(slog.NewTextHandler(log, nil)))
	n.Ask(Question{Bottle: "b-1", ID: "q-1", Host: "a.example"})
	select {
	case line := <-log:
		if !strings.Contains(line, "the desktop shows no notifications, and is asked for none any more") {
			t.Errorf("it says %s", line)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing is said of it")
	}
	n.Ask(Question{Bottle: "b-1", ID: "q-2", Host: "a.example"})
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy || n.off == "" {
		t.Errorf("it tries again: %v %q", n.busy, n.off)
	}
}
