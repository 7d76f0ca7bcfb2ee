package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// hostile is what an agent may write to look like more than it is.
const hostile = `<img src=x onerror="document.title='taken'"><b id=taken>` + "\u202e\x1b[2J"

// openPage opens the view by its link, in a browser.
func openPage(t *testing.T, r *webRig) *browser {
	t.Helper()
	b := startBrowser(t)
	b.Open(r.web.Link())
	b.Wait(`document.getElementById("connection").textContent === "live"`)
	return b
}

func (r *webRig) fill() {
	for i := range 6 {
		r.exchange(fmt.Sprintf("abcdefgh-%d", i), fmt.Sprintf("host-%d.example", i), fmt.Sprintf("/v1/messages/%d", i), int64(i*2000), int64(i*i*30_000))
	}
	r.record(proxy.Event{Type: proxy.EventDecision, ID: "abcdefgh-90", Method: "GET", Scheme: "https", Host: "denied.example", Port: 443, Path: "/" + hostile, Verdict: proxy.Deny, Rule: "default"})
}

// TestTheViewInABrowser is what a person does with the page, by mouse and by keys.
func TestTheViewInABrowser(t *testing.T) {
	r := newWebRig(t)
	r.fill()
	b := startBrowser(t)
	b.Open(r.page())
	if text := b.Eval("document.body.innerText"); !strings.Contains(text, "opens by the link") {
		t.Errorf("without the token: %s", text)
	}
	b.Open(r.web.Link())
	b.Wait(`document.getElementById("connection").textContent === "live"`)
	if at := b.Eval("location.href"); at != r.page() {
		t.Errorf("the page is at %s: the token is still in it", at)
	}
	if c := b.Eval("document.cookie"); c != "" {
		t.Errorf("scripts can read the cookie: %s", c)
	}
	b.Forget() // of the page that was refused
	t.Run("rows", func(t *testing.T) { b.T = t; testRows(t, r, b) })
	t.Run("charts", func(t *testing.T) { b.T = t; testCharts(t, r, b) })
	t.Run("questions", func(t *testing.T) { b.T = t; testQuestions(t, r, b) })
	t.Run("a flood", func(t *testing.T) { b.T = t; testFlood(t, r, b) })
	t.Run("the end", func(t *testing.T) { b.T = t; testEnd(t, r, b) })
}

// testRows filters, chooses and reads rows by keys.
func testRows(t *testing.T, r *webRig, b *browser) {
	b.Wait(`document.querySelectorAll("#rows tbody tr").length === 13`)
	r.exchange("abcdefgh-91", "live.example", "/now", 1, 2)
	b.Wait(`document.querySelector("#rows tbody tr td:nth-child(4)").textContent === "live.example"`)
	if b.Eval(`document.getElementById("taken") === null && document.title !== "taken"`) != "true" {
		t.Error("what an agent wrote became a part of the page")
	}
	if got := b.Eval(`[...document.querySelectorAll("#rows tbody td")].map(c => c.textContent).find(s => s.includes("onerror"))`); got != "/"+`<img src=x onerror="document.title='taken'"><b id=taken>\u202e\x1b[2J` {
		t.Errorf("it is shown as %s", got)
	}
	b.Press("/", "d", "e", "n", "i", "e", "d", ".", "Enter") // the filter, and back to the rows
	b.Wait(`document.querySelectorAll("#rows tbody tr").length === 1 && document.activeElement.closest("#rows")`)
	b.Press("Enter")
	b.Wait(`document.activeElement.id === "details-title" && document.getElementById("fields").textContent.includes("default")`)
	b.Press("Escape")
	b.Wait(`document.getElementById("details").hidden && document.activeElement.closest("tr")`)
	b.Press("Escape") // takes the filter off
	b.Wait(`document.querySelectorAll("#rows tbody tr").length === 15`)
	b.Press("d")
	b.Wait(`document.querySelectorAll("#rows tbody tr").length === 1 && document.getElementById("denied").checked`)
	b.Press("d")
	b.Wait(`document.querySelectorAll("#rows tbody tr").length === 15`)
	b.Press("e", "ArrowDown", "ArrowDown", "ArrowDown", "Enter")
	b.Wait(`document.querySelectorAll("#fields dl").length === 2`) // the decision and the end
	text := b.Eval(`document.getElementById("fields").innerText`)
	for _, want := range []string{"route bottle.yaml:4", "jwt(body@12+30:warn)", "bottle why abcdefgh-5", "/v1/messages/5"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the details:\n%s", want, text)
		}
	}
	b.Press("Escape", "p")
	r.exchange("abcdefgh-92", "later.example", "/", 1, 2)
	b.Wait(`document.getElementById("skipped").textContent.includes("2 new")`)
	if b.Eval(`document.getElementById("rows").textContent.includes("later.example")`) != "false" {
		t.Error("the rows go on while they are paused")
	}
	b.Press("p")
	b.Wait(`document.getElementById("rows").textContent.includes("later.example")`)
	b.MustBeQuiet()
}

func testCharts(t *testing.T, _ *webRig, b *browser) {
	b.Wait(`document.querySelector("#requests path.requests").getBBox().height > 40 && document.querySelector("#requests path.denied").getBBox().height > 0`)
	b.Wait(`document.querySelector("#bytes polygon").getBBox().height > 40`)
	b.Wait(`document.querySelectorAll("#hosts tbody tr").length === 7`)
	if got := b.Eval(`document.querySelector("#hosts tbody tr").innerText.replace(/\s+/g, " ") + document.querySelector("#hosts rect.received").getBoundingClientRect().width`); !strings.HasPrefix(got, "host-5.example 10kB 750kB") || strings.HasSuffix(got, "B 0") {
		t.Errorf("the first host is %s", got)
	}
	b.Click("#hosts tbody button")
	b.Wait(`document.getElementById("text").value === "host-5.example" && document.querySelectorAll("#rows tbody tr").length === 2`)
	b.Press("Escape")
	b.Wait(`document.querySelectorAll("#rows tbody tr").length > 2`)
	if got := b.Eval(`document.getElementById("totals").innerText.replace(/\s+/g, " ")`); !strings.Contains(got, "allowed 8 denied 1 ") {
		t.Errorf("totals: %s", got)
	}
	b.MustBeQuiet()
}

// testQuestions answers what waits, by the mouse and by keys.
func testQuestions(t *testing.T, r *webRig, b *browser) {
	var reach atomic.Value
	reach.Store("a new route")
	r.desk.Reach = func(supervise.Question) ([]string, error) { return []string{reach.Load().(string)}, nil }
	yes := r.ask("q-1", "asked.example", "please "+hostile)
	b.Wait(`document.querySelectorAll(".question").length === 1 && document.title === "(1) bottle b-1"`)
	text := b.Eval(`document.querySelector(".question").innerText`)
	for _, want := range []string{"GET https://asked.example/x/q-1", "asked by route bottle.yaml:6", `the agent says: "please <img src=x`, `\u202e\x1b[2J`, "found: jwt in the header", "create refs/heads/agent/x"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	// The mouse was on its way to something else as the question came.
	b.Click(".question .yes")
	b.Wait(`document.getElementById("said").textContent.includes("just moved")`)
	if n := len(r.desk.List()); n != 1 {
		t.Fatal("a click that was for something else was an answer")
	}
	b.Eval(`new Promise(done => setTimeout(done, 1600))`) // the page's own clock has to go on
	// So was one of which a yes gives something else by now.
	reach.Store("a new route, with key")
	r.desk.Refresh()
	b.Wait(`document.querySelector(".question").innerText.includes("a lasting yes: a new route, with key")`)
	b.Click(".question .yes")
	if n := len(r.desk.List()); n != 1 {
		t.Fatal("a click that was for less was an answer")
	}
	b.Eval(`new Promise(done => setTimeout(done, 1600))`)
	b.Click(".question .yes")
	if o := <-yes; !o.Allow || o.Scope != supervise.Once {
		t.Errorf("the mouse said %+v", o)
	}
	b.Wait(`document.querySelectorAll(".question").length === 0 && document.getElementById("said").textContent.startsWith("allowed (once): GET https://asked.example")`)

	no := r.ask("q-2", "b.example", "")
	b.Wait(`document.querySelectorAll(".question").length === 1`)
	session := r.ask("q-3", "c.example", "")
	b.Wait(`document.querySelectorAll(".question").length === 2`)
	always := r.ask("q-4", "d.example", "")
	b.Wait(`document.querySelectorAll(".question").length === 3`)
	b.Press("y") // no question has the focus, so it is for none
	b.Press("q", "n")
	if o := <-no; o.Allow {
		t.Errorf("the key n said %+v", o)
	}
	// The next question has taken its place, and not its keys.
	b.Wait(`document.querySelectorAll(".question").length === 2 && document.activeElement.id === "questions"`)
	b.Press("n")
	b.Press("q", "Tab", "Tab", "Tab", "Enter") // past the detail and the first button
	if o := <-session; !o.Allow || o.Scope != supervise.Session {
		t.Errorf("Enter on the second button said %+v", o)
	}
	b.Wait(`document.querySelectorAll(".question").length === 1`)
	b.Press("q", "W")
	if o := <-always; o.Allow || o.Scope != supervise.Always {
		t.Errorf("the key W said %+v", o)
	}
	if got := fmt.Sprint(r.applied); got != "[q-3 true session q-4 false always]" {
		t.Errorf("applied %s", got)
	}
	// What is asked beforehand holds nothing that a yes for once could let go.
	if _, err := r.desk.Post(supervise.Question{ID: "q-5", Kind: supervise.KindAccess, Scheme: "https", Host: "e.example", Port: 443, Methods: []string{"GET"}}, time.Hour); err != nil {
		t.Fatal(err)
	}
	b.Wait(`document.querySelector(".question .yes").disabled && !document.querySelector(".question .no").disabled`)
	b.Press("q", "y")
	b.Wait(`document.getElementById("said").textContent.includes("not possible")`)
	b.Press("s")
	b.Wait(`document.querySelectorAll(".question").length === 0`)
	b.MustBeQuiet()
}

// testFlood has the page bounded and alive while events come faster than it can show.
func testFlood(t *testing.T, r *webRig, b *browser) {
	for i := range 3000 {
		r.record(proxy.Event{Type: proxy.EventEnd, ID: fmt.Sprint(i), Method: "GET", Host: "flood.example", Port: 443, Path: "/", Status: 200, BytesIn: 10})
	}
	r.exchange("abcdefgh-93", "after.example", "/", 1, 1)
	b.Wait(`document.querySelector("#rows tbody tr td:nth-child(4)").textContent === "after.example" && document.getElementById("skipped").textContent.includes("too fast")`)
	if n := b.Eval(`document.querySelectorAll("#rows tbody tr").length <= 200`); n != "true" {
		t.Error("the page keeps more rows than it may")
	}
	b.MustBeQuiet()
}

// testEnd stops the view: the page says so.
func testEnd(t *testing.T, r *webRig, b *browser) {
	trouble := `the journal cannot be written \x1b`
	r.notice.Store(&trouble)
	b.Wait(`document.getElementById("notices").textContent.includes("the journal cannot be written")`)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	b.Wait(`document.getElementById("connection").textContent === "stopped" && document.getElementById("notices").textContent.includes("stopped at its terminal")`)
	b.MustBeQuiet()
}

// TestAnotherBottle goes to one that has ended.
func TestAnotherBottle(t *testing.T) {
	r := newWebRig(t)
	b := openPage(t, r)
	b.Eval(`(s => { s.value = "b-0"; s.dispatchEvent(new Event("change")); })(document.getElementById("bottle"))`)
	b.Wait(`document.title === "bottle b-0" && document.getElementById("bottle").value === "b-0" && location.hash === "#bottle=b-0"`)
	b.Open(r.page() + "#bottle=none")
	b.Call("Page.reload", nil, nil)
	b.Wait(`document.getElementById("notices").textContent.includes("there is no such bottle")`)
	b.MustBeQuiet()
}

// TestTheViewIsAccessible has axe-core look at the page in all its states, light and
// dark, wide and narrow, and follows the focus.
func TestTheViewIsAccessible(t *testing.T) {
	axe, err := os.ReadFile("../../testdata/agents/node_modules/axe-core/axe.min.js")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("axe-core is not there (make agents): the view's accessibility is not tested")
	}
	if err != nil {
		t.Fatal(err)
	}
	r := newWebRig(t)
	r.fill()
	r.ask("q-1", "asked.example", "please")
	if _, err := r.desk.Post(supervise.Question{ID: "q-2", Kind: supervise.KindAccess, Scheme: "https", Host: "xn--pple-43d.example", Port: 443, Methods: []string{"GET"}, Effect: "a route denies it"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	notice := "the manifest changed and is not in force"
	r.notice.Store(&notice)
	b := openPage(t, r)
	b.Wait(`document.querySelectorAll(".question").length === 2 && document.querySelectorAll("#rows tbody tr").length === 13 && document.querySelectorAll("#notices p").length === 1`)
	b.Eval(string(axe) + ";1")
	for _, scheme := range []string{"light", "dark"} {
		b.Scheme(scheme)
		for name, size := range map[string][2]int{"wide": {1280, 900}, "narrow": {400, 800}} {
			b.Size(size[0], size[1])
			b.Eval("scrollTo(0, 0)")
			b.Shoot(scheme + "-" + name)
			b.Press("e", "Enter")
			b.Wait(`!document.getElementById("details").hidden`)
			b.mustPass(scheme + ", " + name)
			if b.Eval(`document.documentElement.scrollWidth <= innerWidth`) != "true" {
				t.Errorf("%s, %s: the page is wider than the screen", scheme, name)
			}
			b.Shoot(scheme + "-" + name + "-details")
			b.Press("Escape")
		}
	}
	b.Size(1280, 900)
	b.mustShowFocus()
	b.MustBeQuiet()
}

// mustPass fails for what axe-core finds against WCAG 2.2 AA and good practice.
func (b *browser) mustPass(state string) {
	b.T.Helper()
	found := b.Eval(`axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + ": " + n.failureSummary)}))))`)
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.T.Fatalf("%v", err)
	}
	for _, v := range violations {
		b.T.Errorf("%s: %s (%s):\n%s", state, v.Help, v.ID, strings.Join(v.Nodes, "\n"))
	}
}

// mustShowFocus goes through the page by Tab: what can be used gets the focus, which is
// seen, and it comes out at the end.
func (b *browser) mustShowFocus() {
	b.T.Helper()
	b.Call("Page.reload", nil, nil) // so that it begins at the top
	b.Wait(`performance.now() < 20000 && document.querySelectorAll(".question").length === 2 && document.querySelectorAll("#rows tbody tr").length === 13`)
	var seen []string
	for range 60 {
		b.Press("Tab")
		at := b.Eval(`(e => e === document.body ? "" : (e.id || e.className || e.textContent).slice(0, 30) + "|" + getComputedStyle(e).outlineStyle + "|" + (e.getBoundingClientRect().width > 0))(document.activeElement)`)
		if at == "" {
			break
		}
		if !strings.HasSuffix(at, "|solid|true") {
			b.T.Errorf("the focus is not seen: %s", at)
		}
		seen = append(seen, strings.Split(at, "|")[0])
	}
	all := strings.Join(seen, ", ")
	for _, want := range []string{"skip, skip, bottle", "question", "yes", "no", "text", "denied", "pause", "shortcuts"} {
		if !strings.Contains(all, want) {
			b.T.Errorf("Tab comes not to %s: %s", want, all)
		}
	}
	if len(seen) > 50 {
		b.T.Errorf("Tab takes %d steps through the page: %s", len(seen), all)
	}
}

// TestNoMoreIsOpenThanMayBe has bounds for pages and for bottles.
func TestNoMoreIsOpenThanMayBe(t *testing.T) {
	r := newWebRig(t)
	for range maxStreams {
		if !r.web.enter() {
			t.Fatal("too few")
		}
	}
	resp, _ := r.get(r.web.Link(), nil)
	with := func(q *http.Request) { q.AddCookie(resp.Cookies()[0]) }
	if resp, text := r.get(r.page()+"events", with); resp.StatusCode != 503 || !strings.Contains(text, "close one") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	r.web.exit()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	list := r.web.o.Bottles(ctx)
	for i := range 2 * maxHubs {
		b := list[0]
		b.ID = fmt.Sprintf("b-%d", i+10)
		list = append(list, b)
	}
	r.web.o.Bottles = func(context.Context) []Bottle { return list }
	for i := range maxHubs {
		if _, err := r.web.hub(ctx, fmt.Sprintf("b-%d", i+10)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.web.hub(ctx, "b-16"); err == nil || !strings.Contains(err.Error(), "close one") {
		t.Errorf("one bottle more: %v", err)
	}
	r.web.leave(r.web.hubs[1])
	if _, err := r.web.hub(ctx, "b-16"); err != nil || len(r.web.hubs) != maxHubs {
		t.Errorf("in the place of another: %v, %d", err, len(r.web.hubs))
	}
}
