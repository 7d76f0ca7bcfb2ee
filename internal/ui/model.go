// Package ui shows a running bottle to its operator: what it asks for as it
// happens, and the questions that wait. It reads the journal and the control socket,
// and nothing else. All text that an agent chose goes through package escape.
package ui

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// The limits of what is kept, whatever the journal holds.
const (
	maxRows  = 2000
	maxHosts = 256
	seconds  = 30 // of the rate and the sparkline
	topHosts = 3
)

// The messages that a feed sends.
type (
	eventsMsg    []proxy.Event
	questionsMsg []supervise.Question
	answeredMsg  struct{ text string }
	endedMsg     struct{ err error }
	tickMsg      time.Time
)

// model is the state of the view. It is changed by Update only.
type model struct {
	bottle string
	answer func(id string, v supervise.Verdict) tea.Cmd
	now    time.Time

	width, height int
	rows          []row // the latest last
	shown         []int // of rows, those that the filter lets through
	selected      int   // in shown; the last one follows
	details       bool
	filter        string
	typing        bool
	questions     []supervise.Question
	asked         int // the question that is answered next
	fresh         int // ticks until keys answer it
	status        string

	allowed, denied int64
	out, in         int64
	hosts           map[string]int64 // bytes
	rate            [seconds]int64   // requests, by second
	flow            [seconds]int64   // bytes, by second
	at              int64            // the second of rate and flow that is counted
}

type row struct {
	event proxy.Event
	line  string
}

func newModel(bottle string, now time.Time, answer func(string, supervise.Verdict) tea.Cmd) *model {
	return &model{bottle: bottle, answer: answer, now: now, at: now.Unix(), hosts: map[string]int64{}, width: 80, height: 24}
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return tick() }

func tick() tea.Cmd { return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) }) }

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case eventsMsg:
		for i := range msg {
			m.add(&msg[i])
		}
		m.trim()
	case questionsMsg:
		m.show(msg)
	case answeredMsg:
		m.status = msg.text
	case endedMsg:
		if m.status = "the bottle has ended; q quits"; msg.err != nil {
			m.status = msg.err.Error()
		}
	case tickMsg:
		m.fresh = max(0, m.fresh-1)
		m.turn(time.Time(msg))
		return m, tick()
	}
	return m, nil
}

// add counts an event and keeps it.
func (m *model) add(e *proxy.Event) {
	switch {
	case e.Verdict == proxy.Deny:
		m.denied++
	case e.Type == proxy.EventDecision:
		m.allowed++
	}
	second := e.Time.Unix()
	m.turn(e.Time)
	if age := m.at - second; age >= 0 && age < seconds {
		if e.Type == proxy.EventDecision {
			m.rate[second%seconds]++
		}
		m.flow[second%seconds] += max(0, e.BytesOut) + max(0, e.BytesIn)
	}
	m.out += max(0, e.BytesOut)
	m.in += max(0, e.BytesIn)
	if n := max(0, e.BytesOut) + max(0, e.BytesIn); n > 0 {
		if _, is := m.hosts[e.Host]; is || len(m.hosts) < maxHosts {
			m.hosts[e.Host] += n
		}
	}
	r := row{event: *e, line: journal.Line(e)}
	m.rows = append(m.rows, r)
	if !m.matches(&r) {
		return
	}
	follow := m.selected >= len(m.shown)-1
	m.shown = append(m.shown, len(m.rows)-1)
	if follow {
		m.selected = len(m.shown) - 1
	}
}

// turn lets time go on to now: the seconds between are empty.
func (m *model) turn(now time.Time) {
	if now.Before(m.now) {
		return // the clock was set back, or the event is an earlier one
	}
	m.now = now
	for steps := 0; m.at < now.Unix(); steps++ {
		if steps == seconds {
			m.at = now.Unix()
			return
		}
		m.at++
		m.rate[m.at%seconds], m.flow[m.at%seconds] = 0, 0
	}
}

// trim forgets the oldest rows.
func (m *model) trim() {
	gone := len(m.rows) - maxRows
	if gone <= 0 {
		return
	}
	m.rows = slices.Delete(m.rows, 0, gone)
	hidden := 0
	for hidden < len(m.shown) && m.shown[hidden] < gone {
		hidden++
	}
	m.shown = slices.Delete(m.shown, 0, hidden)
	for i := range m.shown {
		m.shown[i] -= gone
	}
	m.selected = max(0, m.selected-hidden)
}

func (m *model) matches(r *row) bool {
	return m.filter == "" || strings.Contains(strings.ToLower(r.line), strings.ToLower(m.filter))
}

func (m *model) refilter() {
	m.shown = m.shown[:0]
	for i := range m.rows {
		if m.matches(&m.rows[i]) {
			m.shown = append(m.shown, i)
		}
	}
	m.selected = max(0, len(m.shown)-1)
}

// key does what a key is for.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	if m.typing {
		m.typeFilter(k)
		return nil
	}
	m.status = ""
	switch name := k.String(); name {
	case "q", "ctrl+c":
		return tea.Quit
	case "/":
		m.typing = true
	case "esc":
		m.details, m.filter = false, ""
		m.refilter()
	case "enter":
		m.details = !m.details
	case "up", "k":
		m.selected = max(0, m.selected-1)
	case "down", "j":
		m.selected = max(0, min(m.selected+1, len(m.shown)-1))
	case "pgup":
		m.selected = max(0, m.selected-m.height/2)
	case "pgdown":
		m.selected = max(0, min(m.selected+m.height/2, len(m.shown)-1))
	case "end", "G":
		m.selected = max(0, len(m.shown)-1)
	case "tab":
		if n := len(m.questions); n > 0 {
			m.asked = (m.asked + 1) % n
		}
	default:
		return m.answerKey(name)
	}
	return nil
}

// freshTicks is for how many seconds, at least one, a question that took the place of
// another is not answered.
const freshTicks = 2

// show takes what waits. The question that is shown stays the one that is answered,
// wherever it stands by then; when it is gone, the keys wait for a moment. The agent
// can take a question back just as the person says yes to it, and the yes must not be
// one to the next.
func (m *model) show(list []supervise.Question) {
	before := ""
	if len(m.questions) > 0 {
		before = m.questions[m.asked].ID
	}
	m.questions = list
	if at := slices.IndexFunc(list, func(q supervise.Question) bool { return q.ID == before }); at >= 0 {
		m.asked = at
		return
	}
	m.asked = min(m.asked, max(0, len(list)-1))
	if before != "" {
		m.fresh = freshTicks
	}
}

// answers are the keys that answer the question.
var answers = map[string]supervise.Verdict{
	"y": {Allow: true}, "s": {Allow: true, Scope: supervise.Session}, "w": {Allow: true, Scope: supervise.Always},
	"n": {}, "S": {Scope: supervise.Session}, "W": {Scope: supervise.Always},
}

func (m *model) answerKey(name string) tea.Cmd {
	v, is := answers[name]
	if !is || len(m.questions) == 0 {
		return nil
	}
	if m.fresh > 0 {
		m.status = "this is another question than a moment ago: look at it, and press the key again"
		return nil
	}
	return m.answer(m.questions[m.asked].ID, v)
}

func (m *model) typeFilter(k tea.KeyPressMsg) {
	switch k.String() {
	case "enter":
		m.typing = false
	case "esc", "ctrl+c":
		m.typing, m.filter = false, ""
	case "backspace":
		if r := []rune(m.filter); len(r) > 0 {
			m.filter = string(r[:len(r)-1])
		}
	default:
		if text := k.Key().Text; len(m.filter)+len(text) < 100 {
			m.filter += text
		}
	}
	m.refilter()
}

// top are the hosts with the most bytes.
func (m *model) top() []string {
	names := slices.SortedFunc(maps.Keys(m.hosts), func(a, b string) int { return cmp.Or(cmp.Compare(m.hosts[b], m.hosts[a]), cmp.Compare(a, b)) })
	return names[:min(topHosts, len(names))]
}
