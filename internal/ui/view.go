package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// The looks. Nothing is told by colour alone.
var (
	bold     = lipgloss.NewStyle().Bold(true)
	inverse  = lipgloss.NewStyle().Reverse(true)
	red      = lipgloss.NewStyle().Foreground(lipgloss.Red)
	faint    = lipgloss.NewStyle().Faint(true)
	question = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
)

// View implements tea.Model.
func (m *model) View() tea.View {
	v := tea.NewView(m.text())
	v.AltScreen = true
	v.WindowTitle = "bottle " + escape.Word(m.bottle)
	return v
}

// text is the screen: one line of numbers, the questions, the exchanges, the keys.
func (m *model) text() string {
	head := m.headLines()
	asked, _ := m.questionLines()
	head = append(head, asked...)
	foot := []string{m.keys()}
	if m.details {
		foot = append(m.detailLines(), foot...)
	}
	room := max(0, m.height-len(head)-len(foot))
	lines := append(head, m.rowLines(room)...)
	for len(lines) < m.height-len(foot) {
		lines = append(lines, "")
	}
	lines = append(lines, foot...)
	cut := lipgloss.NewStyle().MaxWidth(max(1, m.width))
	for i := range lines {
		lines[i] = cut.Render(lines[i])
	}
	return strings.Join(lines[:min(len(lines), max(1, m.height))], "\n")
}

// headLines stand above the question.
func (m *model) headLines() []string {
	head := append([]string{m.numbers()}, m.noticeLines()...)
	head = append(head, m.spentLines()...)
	if m.listing {
		head = append(head, m.bottleLines()...)
	}
	return head
}

func (m *model) numbers() string {
	s := fmt.Sprintf("%s  %d allowed  %d denied  %.1f/s  %s out  %s in  %s", bold.Render(escape.Word(m.bottle)), m.allowed, m.denied,
		float64(m.requests())/rateTime, bytes(m.out), bytes(m.in), m.spark())
	for _, host := range m.top(topHosts) {
		s += fmt.Sprintf("  %s %s", escape.HostMax(host, 30), bytes(m.hosts[host].sum()))
	}
	return s
}

// spark draws the bytes of the last seconds, the latest at the right.
func (m *model) spark() string {
	list, most := m.last(rateTime), int64(1)
	for _, s := range list {
		most = max(most, s.bytes)
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, s := range list {
		b.WriteRune(bars[int(float64(s.bytes)/float64(most)*float64(len(bars)-1))])
	}
	return b.String()
}

// detailLines is how much of a question's detail is shown at most. On a small screen
// it is less, so that the keys for the answer are on it, too.
const detailLines = 12

// questionLines show the question that is answered next, and how many there are. They
// are whole when there is room for all that a yes needs: the agent decides how long a
// host and its paths are, and what they push off the screen must not be agreed to.
func (m *model) questionLines() (lines []string, whole bool) {
	if len(m.questions) == 0 {
		return nil, true
	}
	q := &m.questions[m.asked]
	shown := words(q)
	wrap := func(indent, text string, look lipgloss.Style) {
		for part := range strings.SplitSeq(ansi.Wrap(text, max(20, m.width-len(indent)), ""), "\n") {
			lines = append(lines, indent+look.Render(part))
		}
	}
	wrap("", fmt.Sprintf("? %d of %d: %s", m.asked+1, len(m.questions), shown.subject), question)
	say := func(text string) { lines = append(lines, "    "+text) }
	say(standing(q, m.now))
	for i, line := range shown.detail {
		if i == min(detailLines, max(3, m.height-10)) {
			say(fmt.Sprintf("and %d lines more, which \"bottle ask ls\" shows", len(q.Detail)-i))
			break
		}
		say(line)
	}
	for _, line := range shown.about { // what a yes gives must be read to its end
		wrap("    ", line, lipgloss.NewStyle())
	}
	const rest = 2 // what answers it, and the keys of the view
	room := max(0, m.height-len(m.headLines())-rest)
	if whole = len(lines) <= room && m.width >= 20; !whole {
		lines = append(lines[:min(len(lines), max(0, room-1))], "    "+bold.Render(tooLong))
	}
	say(answerKeys(q))
	return lines, whole
}

// tooLong is said where a yes is not taken.
const tooLong = "too long for this screen: make it larger, or answer with \"bottle ask ls\" and \"bottle approve\"; n says no"

// answerKeys are those that answer a question, without what is not possible.
func answerKeys(q *supervise.Question) string {
	yes, no := []string{}, []string{"n no"}
	if q.Kind.Once() {
		yes = append(yes, "y yes")
	}
	if q.Effect == "" {
		yes = append(yes, "s for the session", "w written into the manifest")
		no = append(no, "S no for the session", "W no for good")
	}
	return strings.Join(slices.Concat(yes, no, []string{"tab next"}), "  ")
}

// bottleLines list the bottles, this one marked, as "bottle ls" does.
func (m *model) bottleLines() (lines []string) {
	for i := range m.bottles {
		b := &m.bottles[i]
		mark := " "
		if b.ID == m.bottle {
			mark = "*"
		}
		lines = append(lines, fmt.Sprintf("%s %s  %s  %s  %s", mark, b.ID, b.Status, m.now.Sub(b.Created).Round(time.Second), escape.TextMax(b.Workspace, 200)))
	}
	return append(lines, faint.Render("b puts the list away; \"bottle ui ID\" shows another bottle"))
}

// noticeLines are what the person should know.
func (m *model) noticeLines() (lines []string) {
	for _, b := range m.bottles {
		if b.ID != m.bottle {
			continue
		}
		for _, n := range b.Notices {
			lines = append(lines, red.Render("! "+n))
		}
	}
	if m.notice != "" {
		lines = append(lines, bold.Render("! "+m.notice))
	}
	return lines
}

func (m *model) rowLines(room int) (lines []string) {
	rows := m.shown.rows
	first := max(0, min(m.selected-room/2, len(rows)-room))
	for i := first; i < len(rows) && len(lines) < room; i++ {
		r := rows[i]
		line := r.text()
		if len(line) > len("2006-01-02 ") {
			line = line[len("2006-01-02 "):]
		}
		switch {
		case i == m.selected:
			line = inverse.Render(line)
		case r.event.Verdict == proxy.Deny:
			line = red.Render(line)
		case r.event.Type == proxy.EventEnd:
			line = faint.Render(line)
		}
		lines = append(lines, line)
	}
	return lines
}

// detailLines show all of the exchange that the selected row is of, in lines as wide as
// the screen.
func (m *model) detailLines() (lines []string) {
	if m.selected >= len(m.shown.rows) {
		return nil
	}
	var text []string
	for _, r := range m.exchange(m.shown.rows[m.selected], &m.shown) {
		for _, f := range journal.Fields(&r.event) {
			text = append(text, fmt.Sprintf("%9s  %s", f.Name, f.Value))
		}
	}
	for _, line := range text {
		for left := []rune(line); len(left) > 0 && len(lines) < m.height/2; {
			n := min(len(left), max(1, m.width))
			lines = append(lines, string(left[:n]))
			left = left[n:]
		}
	}
	return lines
}

func (m *model) keys() string {
	f := &m.shown.filter
	switch {
	case m.typing:
		return "filter: " + escape.Text(f.text) + "▏"
	case m.status != "":
		return bold.Render(escape.TextMax(m.status, 400))
	}
	s := "q quit  / filter  d denied  p pause  enter details  b bottles  ↑↓ choose"
	if f.text != "" || f.Denied {
		s = fmt.Sprintf("filter: %s (%d of %d; esc takes it off)  %s", f.String(), len(m.shown.rows), m.read, s)
	} else if m.earlier > 0 {
		s = fmt.Sprintf("%s  (%d earlier lines are not counted: \"bottle logs\" has them)", s, m.earlier)
	}
	if m.paused {
		s = fmt.Sprintf("paused, %d new (p goes on)  %s", len(m.held.rows)+m.held.missed, s)
	}
	return faint.Render(s)
}
