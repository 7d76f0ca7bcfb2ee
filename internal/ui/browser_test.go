package ui

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browserTime bounds each step of a person at a browser.
const browserTime = 60 * time.Second

// browser is a headless Chromium with one page, driven by the DevTools protocol over a
// pair of pipes (--remote-debugging-pipe: JSON texts, each with a NUL behind it).
type browser struct {
	t       testing.TB
	in      io.Writer
	session string

	mu       sync.Mutex
	next     int
	waiting  map[int]chan cdpReply
	problems []string // of the page: errors and what was refused by its policy
	gone     error
}

type cdpReply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// need finds a program, which a test of CI has.
func need(t testing.TB, programs ...string) string {
	t.Helper()
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", programs[0])
	}
	t.Skipf("%s is not installed: this view is not tested", programs[0])
	return ""
}

func startBrowser(t testing.TB) *browser {
	t.Helper()
	program := need(t, "chromium-headless-shell", "chromium")
	commands, toBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromBrowser, replies, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--user-data-dir="+filepath.Join(profile, "profile"), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+profile)
	cmd.ExtraFiles = []*os.File{commands, replies}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	commands.Close()
	replies.Close()
	b := &browser{t: t, in: toBrowser, waiting: map[int]chan cdpReply{}}
	var reading sync.WaitGroup
	reading.Go(func() { b.read(fromBrowser) })
	t.Cleanup(func() {
		_, _ = b.try("Browser.close", nil)
		_ = cmd.Wait()
		toBrowser.Close()
		reading.Wait()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	b.call("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil)
	b.size(1280, 900)
	return b
}

// read takes what the browser says until its end.
func (b *browser) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		text, err := in.ReadBytes(0)
		b.mu.Lock()
		if err != nil {
			b.gone = err
			for _, c := range b.waiting {
				close(c)
			}
			b.waiting = nil
			b.mu.Unlock()
			return
		}
		var m cdpReply
		if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
			b.problems = append(b.problems, err.Error())
		}
		switch m.Method {
		case "":
			if c := b.waiting[m.ID]; c != nil {
				c <- m
				delete(b.waiting, m.ID)
			}
		case "Runtime.exceptionThrown", "Log.entryAdded":
			b.problems = append(b.problems, string(m.Params))
		case "Runtime.consoleAPICalled":
			if !strings.Contains(string(m.Params), `"type":"log"`) {
				b.problems = append(b.problems, string(m.Params))
			}
		}
		b.mu.Unlock()
	}
}

// try calls a method of the protocol.
func (b *browser) try(method string, params any) (json.RawMessage, error) {
	c := make(chan cdpReply, 1)
	b.mu.Lock()
	if b.gone != nil {
		b.mu.Unlock()
		return nil, b.gone
	}
	b.next++
	id := b.next
	b.waiting[id] = c
	b.mu.Unlock()
	m := map[string]any{"id": id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" && !strings.HasPrefix(method, "Browser.") {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		return nil, err
	}
	select {
	case r, ok := <-c:
		switch {
		case !ok:
			return nil, io.ErrUnexpectedEOF
		case r.Error != nil:
			return nil, fmt.Errorf("%s: %s", method, r.Error.Message)
		}
		return r.Result, nil
	case <-time.After(browserTime):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

func (b *browser) call(method string, params, out any) {
	b.t.Helper()
	r, err := b.try(method, params)
	if err == nil && out != nil {
		err = json.Unmarshal(r, out)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// eval returns the value of an expression in the page, as text; a promise is waited for.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	if s, is := r.Result.Value.(string); is {
		return s
	}
	return fmt.Sprint(r.Result.Value)
}

// wait lets the page wait until an expression is true in it.
func (b *browser) wait(expression string) {
	b.t.Helper()
	script := fmt.Sprintf(`new Promise((done, failed) => {
		const late = performance.now() + %d;
		const look = () => { try { if (%s) return done(true); } catch {} performance.now() > late ? failed("never so") : setTimeout(look, 20); };
		look();
	})`, browserTime.Milliseconds()/2, expression)
	var r struct{ ExceptionDetails json.RawMessage }
	b.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("the page never comes to %s; it shows\n%s\nproblems: %.1000s", expression, b.eval("document.body.innerText"), fmt.Sprint(b.problems))
	}
}

// open goes to an address and waits for the page.
func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.wait(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// press presses keys by their names, as a person does.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, " ": 32}
		down := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
		if len(key) == 1 {
			down["text"] = key
		}
		if key == "Enter" {
			down["text"] = "\r"
		}
		b.call("Input.dispatchKeyEvent", down, nil)
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
	}
}

// click clicks on the middle of an element with the mouse.
func (b *browser) click(selector string) {
	b.t.Helper()
	var at struct{ X, Y float64 }
	place := b.eval(fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return JSON.stringify({X: r.x + r.width/2, Y: r.y + r.height/2}); })(document.querySelector(%q))`, selector))
	if err := json.Unmarshal([]byte(place), &at); err != nil {
		b.t.Fatal(err)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

func (b *browser) size(width, height int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": name}}}, nil)
}

// shoot keeps what is seen, where BOTTLE_TEST_SHOTS names a folder, for a person to look at.
func (b *browser) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("BOTTLE_TEST_SHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// mustBeQuiet fails for what the page complained of.
func (b *browser) mustBeQuiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems[:min(len(b.problems), 3)] {
		b.t.Errorf("the browser's console: %s", p)
	}
	b.problems = nil
}
