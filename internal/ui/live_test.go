package ui

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/procmem"
	"github.com/bot-bottle/bottle/internal/ui/headless"
	"github.com/bot-bottle/bottle/proxy"
)

var (
	liveRate   = flag.Int("rate", 10_000, "how many exchanges a second BenchmarkLive writes")
	liveBehind = flag.Int64("behind", 0, "how many `bytes` the journal of BenchmarkLive has before")
)

// liveRounds is how often a person filters while it goes on.
const liveRounds = 10

// The variables that make a process of this test a view.
const (
	envView  = "BOTTLE_TEST_VIEW"
	envState = "BOTTLE_TEST_STATE"
)

// TestMain runs the tests, or a view in a process of its own: that is what its memory is
// measured of.
func TestMain(m *testing.M) {
	switch os.Getenv(envView) {
	case "":
		os.Exit(m.Run())
	case "web":
		viewMain(webMain)
	case "terminal":
		viewMain(terminalMain)
	}
}

func viewMain(view func(context.Context, *bottleRig) error) {
	if err := view(context.Background(), &bottleRig{dir: os.Getenv(envState)}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (r *bottleRig) bottles(context.Context) []Bottle {
	return []Bottle{{Bottle: control.Bottle{Bottle: r.state(), Status: control.Running}}}
}

func webMain(ctx context.Context, r *bottleRig) error {
	w, err := NewWeb(ctx, WebOptions{Listen: "127.0.0.1:0", Bottles: r.bottles, Journal: func(string) (string, error) { return r.journalDir(), nil }})
	if err != nil {
		return err
	}
	fmt.Println(w.Link())
	return w.Serve(ctx)
}

func terminalMain(ctx context.Context, r *bottleRig) error {
	c, err := control.Dial(ctx, r.socket())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "pid"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	return Run(ctx, Options{Bottle: "b-1", Journal: r.journalDir(), Client: c, Bottles: r.bottles, In: os.Stdin, Out: os.Stdout})
}

// BenchmarkLive shows what each view takes to answer a person while a journal is written,
// and how much memory: it filters for what is seldom, and answers a question. With
// -behind the journal has been written to for long.
//
//	go test ./internal/ui -run '^$' -bench '^BenchmarkLive$' -benchtime 1x -args -behind 5000000000
func BenchmarkLive(b *testing.B) {
	for name, open := range map[string]func(*testing.B, *bottleRig) person{"web": openWeb, "terminal": openTerminal} {
		b.Run(name, func(b *testing.B) {
			r := newBottleRig(b, journal.Options{MaxBytes: 1 << 40})
			r.before(*liveBehind)
			for b.Loop() {
				live(b, r, open)
			}
		})
	}
}

// person sits at a view.
type person interface {
	shows(text string)  // waits until it is seen
	filter(text string) // types it
	unfilter()
	yes() // answers the question
	memory(b *testing.B)
}

func live(b *testing.B, r *bottleRig, open func(*testing.B, *bottleRig) person) {
	flood := r.flood(*liveRate)
	begun := time.Now()
	p := open(b, r)
	p.shows(floodPath)
	b.ReportMetric(time.Since(begun).Seconds(), "s-to-start")

	var slowest time.Duration
	step := func(do func()) {
		begun := time.Now()
		do()
		slowest = max(slowest, time.Since(begun))
	}
	for i := range liveRounds {
		host, path := fmt.Sprintf("rare-%d.example", i), fmt.Sprintf("/seldom/%d", i)
		step(func() {
			p.filter(host)
			r.exchange(fmt.Sprint("r-", i), host, path, 1, 2)
			p.shows(path)
		})
		time.Sleep(300 * time.Millisecond) // meanwhile thousands come
		step(func() {
			p.shows(path)
			p.unfilter()
			p.shows(floodPath)
		})
	}
	answered := r.ask("q-1", "asked.example", "")
	p.shows("asked.example")
	time.Sleep(2 * time.Second) // a question that just came takes no answer by the mouse
	step(func() { p.yes(); <-answered })
	written, took := flood()
	b.ReportMetric(float64(written)/took.Seconds(), "exchanges/s")
	b.ReportMetric(slowest.Seconds(), "s-slowest-answer")
	r.exchange("r-last", "last.example", "/the/last", 1, 2)
	p.shows("/the/last")
	p.memory(b)
}

// floodPath is that of what comes all the time.
const floodPath = "/v1/messages"

// flood writes exchanges at a rate until it is ended, and returns how many those were.
func (r *bottleRig) flood(rate int) (end func() (written int, took time.Duration)) {
	quit, done := make(chan struct{}), make(chan int)
	begun := time.Now()
	go func() {
		turn := time.NewTicker(10 * time.Millisecond)
		defer turn.Stop()
		n := 0
		for {
			for ; n < int(time.Since(begun).Seconds()*float64(rate)); n++ {
				r.exchange(fmt.Sprint("abcdefgh-", n), fmt.Sprintf("%d.flood.example", n%50), floodPath, 100, 2000)
			}
			select {
			case <-turn.C:
			case <-quit:
				done <- n
				return
			}
		}
	}()
	end = sync.OnceValues(func() (int, time.Duration) {
		close(quit)
		return <-done, time.Since(begun)
	})
	r.t.Cleanup(func() { end() })
	return end
}

// before writes so many bytes.
func (r *bottleRig) before(size int64) {
	path := "/" + strings.Repeat("p", 1<<10)
	for i := int64(0); i*2000 < size; i++ {
		r.record(proxy.Event{Time: noon, Type: proxy.EventDecision, ID: fmt.Sprint("before-", i), Method: "GET", Host: "before.example", Port: 443, Path: path, Verdict: proxy.Allow, Rule: "default"})
		r.record(proxy.Event{Time: noon, Type: proxy.EventEnd, ID: fmt.Sprint("before-", i), Method: "GET", Host: "before.example", Port: 443, Path: path, Status: 200, BytesIn: 10})
	}
}

// peak is the most memory that a process had, in bytes.
func peak(b *testing.B, pid int) float64 {
	size, err := procmem.Read(pid, "VmHWM")
	if err != nil {
		b.Fatal(err)
	}
	return float64(size)
}

type atWeb struct {
	*browser
	server int
}

func openWeb(b *testing.B, r *bottleRig) person {
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envView+"=web", envState+"="+r.dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	var link string
	if _, err := fmt.Fscanln(out, &link); err != nil {
		b.Fatal(err)
	}
	p := &atWeb{startBrowser(b), cmd.Process.Pid}
	p.Open(link)
	return p
}

// shows looks at the first rows and questions only: the text of all would keep the page
// from its work.
func (p *atWeb) shows(text string) {
	p.Wait(fmt.Sprintf(`[...document.querySelectorAll("#rows tbody tr:first-child, #rows tbody tr:nth-child(2), .question h3")].some(e => e.textContent.includes(%q))`, text))
}

func (p *atWeb) filter(text string) {
	p.Press("/")
	p.Press(strings.Split(text, "")...)
	p.Press("Enter")
	p.Wait(`document.querySelectorAll("#rows tbody tr").length === 0`)
}

func (p *atWeb) unfilter() { p.Press("Escape") }

func (p *atWeb) yes() { p.Press("q", "y") }

func (p *atWeb) memory(b *testing.B) {
	var m struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	p.Call("Performance.enable", nil, nil)
	p.Call("Performance.getMetrics", nil, &m)
	for _, one := range m.Metrics {
		switch one.Name {
		case "JSHeapTotalSize":
			b.ReportMetric(one.Value/1e6, "MB-JS-heap")
		case "Nodes":
			b.ReportMetric(one.Value, "nodes")
		}
	}
	b.ReportMetric(peak(b, p.server)/1e6, "MB-peak")
	p.MustBeQuiet()
}

type atTerminal struct {
	b      *testing.B
	dir    string
	socket string
}

func openTerminal(b *testing.B, r *bottleRig) person {
	p := &atTerminal{b, r.dir, filepath.Join(r.dir, "tmux")}
	needTmux(b)
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "30", fmt.Sprintf("%s=terminal %s=%s exec %s", envView, envState, r.dir, os.Args[0]))
	b.Cleanup(func() { p.tmux("kill-server") })
	return p
}

func (p *atTerminal) tmux(args ...string) string {
	cmd := exec.Command("tmux", append([]string{"-u", "-S", p.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.b.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (p *atTerminal) shows(text string) {
	for late := time.Now().Add(headless.StepTime); ; time.Sleep(10 * time.Millisecond) {
		screen := p.tmux("capture-pane", "-p")
		if strings.Contains(screen, text) {
			return
		}
		if time.Now().After(late) {
			p.b.Fatalf("the terminal never shows %q:\n%s", text, screen)
		}
	}
}

func (p *atTerminal) filter(text string) {
	p.tmux("send-keys", "-l", "/"+text)
	p.tmux("send-keys", "Enter")
	p.shows("filter: " + text + " (0 of")
}

func (p *atTerminal) unfilter() { p.tmux("send-keys", "Escape") }

func (p *atTerminal) yes() { p.tmux("send-keys", "y") }

func (p *atTerminal) memory(b *testing.B) {
	pid, err := os.ReadFile(filepath.Join(p.dir, "pid"))
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.Atoi(string(pid))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(peak(b, n)/1e6, "MB-peak")
}
