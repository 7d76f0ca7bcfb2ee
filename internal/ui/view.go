package ui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/bot-bottle/bottle/internal/escape"
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
	head := append([]string{m.numbers()}, m.questionLines()...)
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

func (m *model) numbers() string {
	s := fmt.Sprintf("%s  %d allowed  %d denied  %.1f/s  %s out  %s in  %s", bold.Render(escape.Word(m.bottle)), m.allowed, m.denied,
		float64(m.requests())/seconds, bytes(m.out), bytes(m.in), m.spark())
	for _, host := range m.top() {
		s += fmt.Sprintf("  %s %s", escape.HostMax(host, 30), bytes(m.hosts[host]))
	}
	return s
}

// requests are those of the last seconds.
func (m *model) requests() (n int64) {
	for _, of := range m.rate {
		n += of
	}
	return n
}

// spark draws the bytes of the last seconds, the latest at the right.
func (m *model) spark() string {
	most := int64(1)
	for _, n := range m.flow {
		most = max(most, n)
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for i := range int64(seconds) {
		n := m.flow[(m.at+1+i)%seconds]
		b.WriteRune(bars[n*int64(len(bars)-1)/most])
	}
	return b.String()
}

// bytes shows a number of bytes in three digits.
func bytes(n int64) string {
	v, unit := float64(n), 0
	for v >= 1000 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.3g%s", v, []string{"B", "kB", "MB", "GB", "TB"}[unit])
}

// detailLines is how much of a question's detail is shown at most. On a small screen
// it is less, so that the keys for the answer are on it, too.
const detailLines = 12

// questionLines show the question that is answered next, and how many there are.
func (m *model) questionLines() (lines []string) {
	if len(m.questions) == 0 {
		return nil
	}
	q := &m.questions[m.asked]
	lines = append(lines, question.Render(fmt.Sprintf("? %d of %d: %s", m.asked+1, len(m.questions), escape.TextMax(q.Subject(), 400))))
	say := func(format string, args ...any) { lines = append(lines, "    "+fmt.Sprintf(format, args...)) }
	say("%s, %d waiting, %s left, asked by %s", q.ID, q.Waiting, q.Until.Sub(m.now).Round(time.Second), escape.TextMax(q.Rule, 60))
	if q.Reason != "" {
		say("the agent says: \"%s\"", escape.TextMax(q.Reason, 300))
	}
	for i, line := range q.Detail {
		if i == min(detailLines, max(3, m.height-10)) {
			say("and %d lines more, which \"bottle ask ls\" shows", len(q.Detail)-i)
			break
		}
		say("%s", escape.TextMax(line, 200))
	}
	for _, f := range q.Findings {
		say("found: %s in the %s (%s)", escape.Text(f.Rule), escape.Text(f.Where), escape.Text(f.Action))
	}
	for _, r := range q.Reach {
		say("a lasting yes: %s", r)
	}
	if q.Effect != "" {
		say("no lasting yes: %s", escape.TextMax(q.Effect, 200))
	}
	say("y yes  s for the session  w written into the manifest  n no  S no for the session  W no for good  tab next")
	return lines
}

func (m *model) rowLines(room int) (lines []string) {
	first := max(0, min(m.selected-room/2, len(m.shown)-room))
	for i := first; i < len(m.shown) && len(lines) < room; i++ {
		r := &m.rows[m.shown[i]]
		line := r.line
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

// detailLines show all of the selected exchange, in lines as wide as the screen.
func (m *model) detailLines() (lines []string) {
	if m.selected >= len(m.shown) {
		return nil
	}
	text := []rune(m.rows[m.shown[m.selected]].line)
	for len(text) > 0 && len(lines) < m.height/2 {
		n := min(len(text), max(1, m.width))
		lines = append(lines, string(text[:n]))
		text = text[n:]
	}
	return lines
}

func (m *model) keys() string {
	switch {
	case m.typing:
		return "filter: " + escape.Text(m.filter) + "▏"
	case m.status != "":
		return bold.Render(escape.TextMax(m.status, 400))
	}
	s := "q quit  / filter  enter details  ↑↓ choose"
	if m.filter != "" {
		s = fmt.Sprintf("filter: %s (%d of %d; esc takes it off)  %s", escape.Text(m.filter), len(m.shown), len(m.rows), s)
	}
	return faint.Render(s)
}

// verdictText says what was answered.
func verdictText(q *supervise.Question, v supervise.Verdict) string {
	did := "denied"
	if v.Allow {
		did = "allowed"
	}
	return fmt.Sprintf("%s (%s): %s", did, v.Scope, q.Subject())
}
