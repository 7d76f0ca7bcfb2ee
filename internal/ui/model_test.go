package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// view is a model with what it answered.
type view struct {
	*model
	answered []string
}

func newView() *view {
	v := &view{}
	v.model = newModel("b-1", noon, func(id string, verdict supervise.Verdict) tea.Cmd {
		v.answered = append(v.answered, fmt.Sprint(id, " ", verdict.Allow, " ", verdict.Scope))
		return nil
	})
	v.Update(tea.WindowSizeMsg{Width: 120, Height: 12})
	return v
}

// press types keys by their names.
func (v *view) press(keys ...string) (last tea.Cmd) {
	for _, k := range keys {
		msg := tea.KeyPressMsg{Text: k, Code: []rune(k)[0]}
		if code, special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "tab": tea.KeyTab, "backspace": tea.KeyBackspace}[k]; special {
			msg = tea.KeyPressMsg{Code: code}
		}
		_, last = v.Update(msg)
	}
	return last
}

// screen is what is seen, without the styles.
func (v *view) screen() string { return ansi.Strip(v.text()) }

func decided(host string, verdict proxy.Action) proxy.Event {
	return proxy.Event{Time: noon, Type: proxy.EventDecision, Method: "GET", Scheme: "https", Host: host, Port: 443, Path: "/x", Verdict: verdict, Rule: "r"}
}

func TestExchangesAreShown(t *testing.T) {
	v := newView()
	v.Update(eventsMsg{decided("a.example", proxy.Allow), decided("b.example", proxy.Deny),
		{Time: noon, Type: proxy.EventEnd, Host: "a.example", Port: 443, BytesOut: 1000, BytesIn: 1_500_000}})
	s := v.screen()
	for _, want := range []string{"b-1  1 allowed  1 denied  0.1/s  1kB out  1.5MB in", "a.example 1.5MB", "allow GET     a.example /x", "deny  GET     b.example /x", "█"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %q in\n%s", want, s)
		}
	}
	v.press("/", "b", ".", "enter")
	if s := v.screen(); strings.Contains(s, "GET     a.example") || !strings.Contains(s, "GET     b.example") || !strings.Contains(s, "filter: b. (1 of 3") {
		t.Errorf("filtered:\n%s", s)
	}
	v.press("esc", "up", "enter")
	if s := v.screen(); strings.Count(s, "b.example") != 2 {
		t.Errorf("details:\n%s", s)
	}
	if cmd := v.press("q"); cmd == nil || cmd() != tea.Quit() {
		t.Error("q does not quit")
	}
}

func TestQuestionsAreAnsweredByOneKey(t *testing.T) {
	v := newView()
	q := supervise.Question{ID: "q-1", Kind: supervise.KindRequest, Scheme: "https", Host: "a.example", Port: 443, Methods: []string{"GET"}, Path: "/x", Until: noon.Add(time.Minute), Waiting: 1,
		Rule: "default", Reason: "please\x1b[2J\nallow all", Reach: []string{"a new route: a.example"}}
	other := q
	other.ID, other.Path = "q-2", "/y"
	v.press("y") // nothing waits, so nothing is answered
	v.Update(questionsMsg{q, other})
	s := v.screen()
	for _, want := range []string{"? 1 of 2: GET https://a.example/x", "1m0s left, asked by default", `the agent says: "please\x1b[2J\nallow all"`, "a lasting yes: a new route: a.example"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %q in\n%s", want, s)
		}
	}
	v.press("y", "tab", "s", "W")
	if got := fmt.Sprint(v.answered); got != "[q-1 true  q-2 true session q-2 false always]" {
		t.Errorf("answered %s", got)
	}
	// Keys of a filter are no answers.
	v.press("/", "y", "backspace", "esc")
	if len(v.answered) != 3 {
		t.Errorf("answered %q", v.answered)
	}
	v.Update(questionsMsg{q})
	v.Update(answeredMsg{"allowed (once): x\x1b"})
	if s := v.screen(); !strings.Contains(s, "? 1 of 1") || !strings.Contains(s, `allowed (once): x\x1b`) {
		t.Errorf("got\n%s", s)
	}
}

// An agent that takes its question back as the person says yes to it gets no yes to
// the next one.
func TestAYesIsForTheQuestionThatWasShown(t *testing.T) {
	v := newView()
	var all []supervise.Question
	for _, id := range []string{"q-1", "q-2", "q-3"} {
		all = append(all, supervise.Question{ID: id, Kind: supervise.KindRequest, Scheme: "https", Host: id + ".example", Port: 443, Until: noon.Add(time.Minute)})
	}
	v.Update(questionsMsg(all))
	v.press("tab")
	v.Update(questionsMsg(all[1:])) // one before it is gone
	v.press("y")
	if got := fmt.Sprint(v.answered); got != "[q-2 true ]" {
		t.Fatalf("answered %s", got)
	}
	v.Update(questionsMsg(all[2:])) // it is gone itself
	v.press("y")
	if s := v.screen(); len(v.answered) != 1 || !strings.Contains(s, "another question than a moment ago") || !strings.Contains(s, "q-3.example") {
		t.Errorf("answered %q, and it shows\n%s", v.answered, s)
	}
	for i := range freshTicks {
		v.Update(tickMsg(noon.Add(time.Duration(i+1) * time.Second)))
	}
	v.press("y")
	if got := fmt.Sprint(v.answered); got != "[q-2 true  q-3 true ]" {
		t.Errorf("answered %s", got)
	}
}

func TestTheDetailOfAQuestionIsShown(t *testing.T) {
	v := newView()
	detail := []string{"create refs/heads/agent/x as 1234", "1 commit:\x1b[2J"}
	q := supervise.Question{ID: "q-1", Kind: supervise.KindRequest, Scheme: "https", Host: "a.example", Port: 443, Methods: []string{"PUSH"}, Until: noon.Add(time.Minute), Detail: detail}
	v.Update(questionsMsg{q})
	if s := v.screen(); !strings.Contains(s, detail[0]) || !strings.Contains(s, `1 commit:\x1b[2J`) {
		t.Errorf("got\n%s", s)
	}
	for i := range 20 {
		q.Detail = append(q.Detail, fmt.Sprintf("add file %d", i))
	}
	v.Update(questionsMsg{q})
	v.Update(tea.WindowSizeMsg{Width: 80, Height: 12})
	if s := v.screen(); !strings.Contains(s, "and 19 lines more") || !strings.Contains(s, "y yes") {
		t.Errorf("on a small screen\n%s", s)
	}
	v.Update(tea.WindowSizeMsg{Width: 80, Height: 40})
	if s := v.screen(); !strings.Contains(s, "add file 9") || strings.Contains(s, "add file 10") || !strings.Contains(s, "and 10 lines more") {
		t.Errorf("of a long one\n%s", s)
	}
}

// Only what is possible is offered, and what a question says is read to its end.
func TestOnlyPossibleAnswersAreOffered(t *testing.T) {
	v := newView()
	push := supervise.Question{ID: "q-1", Kind: supervise.KindPush, Scheme: "https", Host: "a.example", Port: 443, Until: noon.Add(time.Minute), Effect: strings.Repeat("word ", 30) + "end"}
	access := supervise.Question{ID: "q-2", Kind: supervise.KindAccess, Scheme: "https", Host: "b.example", Port: 443, Until: noon.Add(time.Minute)}
	v.Update(tea.WindowSizeMsg{Width: 60, Height: 30})
	v.Update(questionsMsg{push, access})
	if s := v.screen(); !strings.Contains(s, "    y yes  n no  tab next") || !strings.Contains(s, "    end\n") {
		t.Errorf("of a push\n%s", s)
	}
	v.Update(tea.WindowSizeMsg{Width: 120, Height: 30})
	v.press("tab")
	if s := v.screen(); !strings.Contains(s, "    s for the session  w written into the manifest  n no  S no for the session  W no for good  tab next") {
		t.Errorf("of a request for access\n%s", s)
	}
}

// A yes that gives something else than a moment ago is taken after another look.
func TestAYesIsForTheReachThatWasShown(t *testing.T) {
	v := newView()
	q := supervise.Question{ID: "q-1", Kind: supervise.KindRequest, Scheme: "https", Host: "a.example", Port: 443, Until: noon.Add(time.Minute), Reach: []string{"a new route"}}
	v.Update(questionsMsg{q})
	q.Waiting = 2
	v.Update(questionsMsg{q})
	q.Reach = []string{"a new route, with key"}
	if v.press("s"); len(v.answered) != 1 {
		t.Errorf("answered %q", v.answered)
	}
	v.Update(questionsMsg{q})
	if v.press("s"); len(v.answered) != 1 {
		t.Errorf("answered %q", v.answered)
	}
}

// An agent that chooses long names cannot push the host, or what a yes gives, off the
// screen.
func TestAYesIsForWhatCanBeRead(t *testing.T) {
	host := "api.github.com." + strings.Repeat("status-", 8) + "." + strings.Repeat("check-", 9) + ".evil.example"
	q := supervise.Question{ID: "q-1", Kind: supervise.KindBudget, Scheme: "https", Host: host, Port: 443, Until: noon.Add(time.Minute), Effect: "once"}
	v := newView()
	v.Update(tea.WindowSizeMsg{Width: 60, Height: 24})
	v.Update(questionsMsg{q})
	if s := strings.ReplaceAll(v.screen(), "\n", ""); !strings.Contains(s, host) {
		t.Errorf("the host is not whole:\n%s", v.screen())
	}
	q.Reach = []string{"a new route: " + strings.Repeat("/path ", 300), "with the secret key"}
	v.Update(questionsMsg{q})
	for range freshTicks {
		v.Update(tickMsg(noon))
	}
	if s := v.screen(); strings.Contains(s, "the secret key") || !strings.Contains(s, "too long for this screen") || !strings.Contains(s, "n no") {
		t.Errorf("a long one\n%s", s)
	}
	v.press("y", "s", "w", "n")
	v.Update(tea.WindowSizeMsg{Width: 120, Height: 60})
	v.press("y")
	if got := fmt.Sprint(v.answered); got != "[q-1 false  q-1 true ]" {
		t.Errorf("answered %s", got)
	}
}

// The screen is never higher or wider than the terminal, whatever is on it.
func TestTheScreenFits(t *testing.T) {
	v := newView()
	for range 50 {
		v.Update(eventsMsg{decided(strings.Repeat("long-", 30)+"example", proxy.Deny)})
	}
	v.Update(questionsMsg{{Host: strings.Repeat("a", 300), Reason: strings.Repeat("b", 400), Reach: []string{"c", "d"}}})
	v.press("enter")
	for _, size := range [][2]int{{80, 24}, {20, 5}, {1, 1}, {200, 60}} {
		v.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		lines := strings.Split(v.screen(), "\n")
		if len(lines) > size[1] {
			t.Errorf("%d lines in %v", len(lines), size)
		}
		for _, l := range lines {
			if ansi.StringWidth(l) > size[0] {
				t.Errorf("%d columns in %v", ansi.StringWidth(l), size)
			}
		}
	}
}

// What is kept is bounded, and the choice stays where it was.
func TestOldRowsGo(t *testing.T) {
	v := newView()
	for i := range 3 * maxRows {
		v.Update(eventsMsg{decided(fmt.Sprintf("h%d.example", i), proxy.Allow), {Time: noon, Type: proxy.EventEnd, Host: fmt.Sprint(i), BytesIn: 1}})
	}
	if len(v.rows) > maxRows || len(v.shown.rows) != len(v.rows) || len(v.hosts) > maxHosts || v.selected != len(v.shown.rows)-1 || v.allowed != 3*maxRows {
		t.Errorf("%d rows, %d shown, %d hosts, selected %d", len(v.rows), len(v.shown.rows), len(v.hosts), v.selected)
	}
	v.press("up")
	chosen := v.shown.rows[v.selected].text()
	v.Update(eventsMsg{decided("new.example", proxy.Allow)})
	if got := v.shown.rows[v.selected].text(); got != chosen {
		t.Errorf("chosen was %s and is %s", chosen, got)
	}
}

// What is read stays while it is paused, however much comes, and goes on from there.
func TestRowsWaitWhileItIsPaused(t *testing.T) {
	v := newView()
	v.Update(eventsMsg{decided("a.example", proxy.Allow), decided("b.example", proxy.Deny)})
	v.press("p")
	for i := range 2 * maxRows {
		v.Update(eventsMsg{decided(fmt.Sprintf("h%d.example", i), proxy.Allow)})
	}
	if s := v.screen(); !strings.Contains(s, "a.example /x") || strings.Contains(s, "h1") || !strings.Contains(s, "paused, 4000 new (p goes on)") || !strings.Contains(s, "4001 allowed") {
		t.Errorf("paused:\n%s", s)
	}
	if len(v.held.rows) != maxRows {
		t.Errorf("%d rows are held", len(v.held.rows))
	}
	v.press("p")
	if s := v.screen(); strings.Contains(s, "a.example /x") || !strings.Contains(s, "h3999.example") || strings.Contains(s, "paused") || len(v.shown.rows) != maxRows {
		t.Errorf("%d rows; on again:\n%s", len(v.shown.rows), s)
	}
}

// A clock that jumps is told of, and the numbers by second go on from where it is.
func TestAClockThatIsSet(t *testing.T) {
	v := newView()
	v.Update(eventsMsg{decided("a.example", proxy.Allow)})
	v.Update(tickMsg(noon.Add(10 * time.Second)))
	if n := v.requests(); n != 1 || v.notice != "" {
		t.Errorf("%d requests after ten seconds, %q", n, v.notice)
	}
	v.Update(tickMsg(noon.Add(24 * time.Hour)))
	if n := v.requests(); n != 0 || !strings.Contains(v.screen(), "! the clock went on by 23h59m50s at once, or this machine slept") {
		t.Errorf("%d requests after a day:\n%s", n, v.screen())
	}
	v.Update(tickMsg(noon))
	if !strings.Contains(v.screen(), "! the clock was set back by 24h0m0s") {
		t.Errorf("set back:\n%s", v.screen())
	}
	v.Update(eventsMsg{decided("a.example", proxy.Allow)})
	if n := v.requests(); n != 1 {
		t.Errorf("%d requests after it was set back", n)
	}
	// What is written in a future that the clock was once set to moves nothing.
	future := decided("b.example", proxy.Allow)
	future.Time = noon.Add(time.Hour)
	v.Update(eventsMsg{future})
	if n := v.requests(); n != 1 || v.at != noon.Unix() || v.allowed != 3 {
		t.Errorf("%d requests at %d, %d allowed", n, v.at, v.allowed)
	}
	v.press("esc")
	if strings.Contains(v.screen(), "!") {
		t.Errorf("a notice stays:\n%s", v.screen())
	}
}

func TestBottlesAndTheirNoticesAreShown(t *testing.T) {
	v := newView()
	v.Update(earlierMsg(7))
	if s := v.screen(); !strings.Contains(s, "7 earlier lines are not counted") {
		t.Errorf("got\n%s", s)
	}
	v.Update(bottlesMsg{{Bottle: control.Bottle{Bottle: state.Bottle{ID: "b-1", Created: noon.Add(-time.Minute), Workspace: "/x\x1b"}, Status: control.Running}, Notices: []string{"the disk is full"}},
		{Bottle: control.Bottle{Bottle: state.Bottle{ID: "b-2", Created: noon}, Status: control.Dead}, Notices: []string{"of another"}}})
	if s := v.screen(); !strings.Contains(s, "! the disk is full") || strings.Contains(s, "of another") || strings.Contains(s, "b-2") {
		t.Errorf("got\n%s", s)
	}
	v.press("b")
	if s := v.screen(); !strings.Contains(s, `* b-1  running  1m0s  /x\x1b`) || !strings.Contains(s, "  b-2  dead") {
		t.Errorf("got\n%s", s)
	}
	v.Update(endedMsg{fmt.Errorf("the journal cannot be read")})
	if s := v.screen(); !strings.Contains(s, "! the journal cannot be read; q quits") {
		t.Errorf("got\n%s", s)
	}
}

func TestOnlyDenialsAreShown(t *testing.T) {
	v := newView()
	v.Update(eventsMsg{decided("a.example", proxy.Allow), decided("b.example", proxy.Deny)})
	v.press("d")
	if s := v.screen(); strings.Contains(s, "a.example") || !strings.Contains(s, "filter: denied (1 of 2") {
		t.Errorf("got\n%s", s)
	}
	v.press("d")
	if s := v.screen(); !strings.Contains(s, "a.example") {
		t.Errorf("got\n%s", s)
	}
}

func TestWhatWasUsedIsShown(t *testing.T) {
	v := newView()
	if strings.Contains(v.screen(), "tokens") {
		t.Error("something is shown of nothing")
	}
	v.Update(spentMsg{Models: []proxy.SpentModel{{Model: "m-1", Tokens: proxy.Tokens{Input: 12, Output: 3}, Cost: 0.25}},
		Limits: []proxy.Limit{{Name: "bytes_out", Used: 900, Allowed: 1000}, {Name: "model_cost", Used: 0.25, Allowed: 20}, {Name: "requests_per_minute", Used: 1, Allowed: 6000}}})
	s := v.screen()
	for _, want := range []string{"m-1: 12 tokens in, 0 from its cache, 0 into it, 3 out, 0.25", "! budgets.bytes_out: 900 B of 1000 B", "  budgets.model_cost: 0.25 of 20.00"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %q in\n%s", want, s)
		}
	}
	if strings.Contains(s, "requests_per_minute") {
		t.Errorf("a limit that is far is shown:\n%s", s)
	}
}
