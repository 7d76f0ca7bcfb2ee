// Package ui shows a running bottle to its operator, at a terminal ([Run]) or in a
// browser ([Web]): what it asks for as it happens, and the questions that wait. Both
// views read the journal and the control socket, and nothing else, and decide nothing.
// All text that an agent chose goes through package escape.
package ui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

const topHosts = 3

// The messages of the terminal view's own.
type (
	answeredMsg struct{ text string }
	tickMsg     time.Time
)

// model is the state of the terminal view. It is changed by Update only.
type model struct {
	board
	bottle string
	answer func(id string, v supervise.Verdict) tea.Cmd

	width, height int
	shown         look
	selected      int // in shown; the last one follows
	paused        bool
	held          look // what comes while it is paused
	details       bool
	typing        bool
	questions     []supervise.Question
	asked         int // the question that is answered next
	fresh         int // ticks until keys answer it
	status        string
	notice        string // stays, unlike status
	bottles       []Bottle
	listing       bool // the bottles
	earlier       uint64
	spent         proxy.Spent
}

func newModel(bottle string, now time.Time, answer func(string, supervise.Verdict) tea.Cmd) *model {
	return &model{board: newBoard(now), bottle: bottle, answer: answer, width: 80, height: 24}
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
		m.take(msg)
	case earlierMsg:
		m.earlier = uint64(msg)
	case questionsMsg:
		m.show(msg)
	case bottlesMsg:
		m.bottles = msg
	case noticeMsg:
		m.notice = string(msg)
	case spentMsg:
		m.spent = proxy.Spent(msg)
	case answeredMsg:
		m.status = msg.text
	case endedMsg:
		m.notice = ended(msg.err) + "; q quits"
	case tickMsg:
		m.fresh = max(0, m.fresh-1)
		if told := m.tick(time.Time(msg)); told != "" {
			m.notice = told
		}
		return m, tick()
	}
	return m, nil
}

// take adds events, and forgets the oldest rows.
func (m *model) take(events []proxy.Event) {
	to, follow := &m.shown, m.selected >= len(m.shown.rows)-1
	if m.paused {
		to, follow = &m.held, false
	}
	for i := range events {
		to.add(m.add(&events[i]))
	}
	m.trim()
	gone := to.trim(maxRows)
	switch {
	case follow:
		m.selected = max(0, len(m.shown.rows)-1)
	case !m.paused:
		m.selected = max(0, m.selected-gone)
	}
}

// refilter begins to show what a filter lets through.
func (m *model) refilter(f filter) {
	m.shown.filter, m.held, m.paused = f, look{}, false
	m.shown.begin(&m.board)
	m.selected = max(0, len(m.shown.rows)-1)
}

// pause keeps new rows back, or shows what was kept.
func (m *model) pause() {
	if m.paused = !m.paused; m.paused {
		m.held = look{filter: m.shown.filter}
		return
	}
	m.shown.rows = append(m.shown.rows, m.held.rows...)
	m.shown.trim(maxRows)
	m.held, m.selected = look{}, max(0, len(m.shown.rows)-1)
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
		m.details, m.listing, m.notice = false, false, ""
		m.refilter(filter{})
	case "d":
		f := m.shown.filter
		f.Denied = !f.Denied
		m.refilter(f)
	case "p":
		m.pause()
	case "b":
		m.listing = !m.listing
	case "enter":
		m.details = !m.details
	case "up", "k":
		m.selected = max(0, m.selected-1)
	case "down", "j":
		m.selected = max(0, min(m.selected+1, len(m.shown.rows)-1))
	case "pgup":
		m.selected = max(0, m.selected-m.height/2)
	case "pgdown":
		m.selected = max(0, min(m.selected+m.height/2, len(m.shown.rows)-1))
	case "end", "G":
		m.selected = max(0, len(m.shown.rows)-1)
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
	before, reach := "", []string(nil)
	if len(m.questions) > 0 {
		before, reach = m.questions[m.asked].ID, m.questions[m.asked].Reach
	}
	m.questions = list
	if at := slices.IndexFunc(list, func(q supervise.Question) bool { return q.ID == before }); at >= 0 {
		if m.asked = at; !slices.Equal(list[at].Reach, reach) { // a yes is one to something else now
			m.fresh = freshTicks
		}
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
	if _, whole := m.questionLines(); v.Allow && !whole {
		m.status = tooLong
		return nil
	}
	return m.answer(m.questions[m.asked].ID, v)
}

func (m *model) typeFilter(k tea.KeyPressMsg) {
	f := m.shown.filter
	switch k.String() {
	case "enter":
		m.typing = false
		return
	case "esc", "ctrl+c":
		m.typing, f.text = false, ""
	case "backspace":
		if r := []rune(f.text); len(r) > 0 {
			f.text = string(r[:len(r)-1])
		}
	default:
		if text := k.Key().Text; len(f.text)+len(text) < maxFilter {
			f.text += text
		}
	}
	m.refilter(f)
}
