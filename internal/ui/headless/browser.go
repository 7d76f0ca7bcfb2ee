// Package headless drives a headless Chromium, for tests of the view in a browser.
package headless

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// StepTime bounds each step of a person.
const StepTime = 60 * time.Second

// T is the test that drives.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Browser is a headless Chromium with one page, driven by the DevTools protocol over a
// pair of pipes (--remote-debugging-pipe: JSON texts, each with a NUL behind it).
type Browser struct {
	T       T // may be set to a subtest
	in      io.Writer
	end     func()
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

// Find returns the program, "" where there is none.
func Find() string {
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Start starts the program with a profile in an empty folder. Close must follow.
func Start(ctx context.Context, t T, program, profile string) *Browser {
	t.Helper()
	commands, toBrowser, err := os.Pipe()
	if err != nil {
		t.Fatalf("%v", err)
	}
	fromBrowser, replies, err := os.Pipe()
	if err != nil {
		t.Fatalf("%v", err)
	}
	cmd := exec.CommandContext(ctx, program, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--user-data-dir="+filepath.Join(profile, "profile"), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+profile)
	cmd.ExtraFiles = []*os.File{commands, replies}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v", err)
	}
	_ = commands.Close()
	_ = replies.Close()
	b := &Browser{T: t, in: toBrowser, waiting: map[int]chan cdpReply{}}
	var reading sync.WaitGroup
	reading.Go(func() { b.read(fromBrowser) })
	b.end = func() {
		_, _ = b.try("Browser.close", nil)
		_ = cmd.Wait()
		_ = toBrowser.Close()
		reading.Wait()
	}
	var target struct{ TargetID string }
	b.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.Call(domain+".enable", nil, nil)
	}
	b.Call("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil)
	b.Size(1280, 900)
	return b
}

// Close ends the browser.
func (b *Browser) Close() { b.end() }

// read takes what the browser says until its end.
func (b *Browser) read(r io.Reader) {
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
func (b *Browser) try(method string, params any) (json.RawMessage, error) {
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
	case <-time.After(StepTime):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

func (b *Browser) Call(method string, params, out any) {
	b.T.Helper()
	r, err := b.try(method, params)
	if err == nil && out != nil {
		err = json.Unmarshal(r, out)
	}
	if err != nil {
		b.T.Fatalf("%v", err)
	}
}

// Eval returns the value of an expression in the page, as text; a promise is waited for.
func (b *Browser) Eval(expression string) string {
	b.T.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.Call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.T.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	if s, is := r.Result.Value.(string); is {
		return s
	}
	return fmt.Sprint(r.Result.Value)
}

// Wait lets the page wait until an expression is true in it.
func (b *Browser) Wait(expression string) {
	b.T.Helper()
	script := fmt.Sprintf(`new Promise((done, failed) => {
		const late = performance.now() + %d;
		const look = () => { try { if (%s) return done(true); } catch {} performance.now() > late ? failed("never so") : setTimeout(look, 20); };
		look();
	})`, StepTime.Milliseconds()/2, expression)
	var r struct{ ExceptionDetails json.RawMessage }
	b.Call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.T.Fatalf("the page never comes to %s; it shows\n%s\nproblems: %.1000s", expression, b.Eval("document.body.innerText"), fmt.Sprint(b.problems))
	}
}

// Open goes to an address and waits for the page.
func (b *Browser) Open(url string) {
	b.T.Helper()
	b.Call("Page.navigate", map[string]any{"url": url}, nil)
	b.Wait(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// Press presses keys by their names, as a person does.
func (b *Browser) Press(keys ...string) {
	b.T.Helper()
	for _, key := range keys {
		codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, " ": 32}
		down := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
		if len(key) == 1 {
			down["text"] = key
		}
		if key == "Enter" {
			down["text"] = "\r"
		}
		b.Call("Input.dispatchKeyEvent", down, nil)
		b.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
	}
}

// Click clicks on the middle of an element with the mouse.
func (b *Browser) Click(selector string) {
	b.T.Helper()
	var at struct{ X, Y float64 }
	place := b.Eval(fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return JSON.stringify({X: r.x + r.width/2, Y: r.y + r.height/2}); })(document.querySelector(%q))`, selector))
	if err := json.Unmarshal([]byte(place), &at); err != nil {
		b.T.Fatalf("%v", err)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.Call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// Size sets that of the window.
func (b *Browser) Size(width, height int) {
	b.T.Helper()
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Scheme sets what the person prefers: light or dark.
func (b *Browser) Scheme(name string) {
	b.T.Helper()
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": name}}}, nil)
}

// Shoot keeps what is seen, where BOTTLE_TEST_SHOTS names a folder, for a person to look at.
func (b *Browser) Shoot(name string) {
	b.T.Helper()
	dir := os.Getenv("BOTTLE_TEST_SHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.Call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.T.Fatalf("%v", err)
	}
}

// MustBeQuiet fails for what the page complained of.
func (b *Browser) MustBeQuiet() {
	b.T.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems[:min(len(b.problems), 3)] {
		b.T.Errorf("the browser's console: %s", p)
	}
	b.problems = nil
}

// Forget forgets what the page complained of so far.
func (b *Browser) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = nil
}
