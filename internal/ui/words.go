package ui

import (
	"fmt"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/supervise"
)

// asked is a question in words that can be shown as they are.
type asked struct {
	subject string
	about   []string // what each of them says begins with a word of ours
	detail  []string
	lasting bool // a lasting yes is possible
}

// words shows a question. All that the agent wrote is escaped.
func words(q *supervise.Question) asked {
	a := asked{subject: escape.TextMax(q.Subject(), 400), about: []string{}, detail: []string{}, lasting: q.Effect == ""}
	say := func(format string, args ...any) { a.about = append(a.about, fmt.Sprintf(format, args...)) }
	if shown := escape.Host(q.Host); shown != q.Host {
		say("the host is %s", shown)
	}
	if q.Reason != "" {
		say("the agent says: \"%s\"", escape.TextMax(q.Reason, 300))
	}
	for _, line := range q.Detail {
		a.detail = append(a.detail, escape.TextMax(line, 200))
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
	return a
}

// standing says how a question stands.
func standing(q *supervise.Question, now time.Time) string {
	return fmt.Sprintf("%s, %d waiting, %s left, asked by %s", q.ID, q.Waiting, q.Until.Sub(now).Round(time.Second), escape.TextMax(q.Rule, 60))
}

// verdictText says what was answered.
func verdictText(q *supervise.Question, v supervise.Verdict) string {
	did := "denied"
	if v.Allow {
		did = "allowed"
	}
	return fmt.Sprintf("%s (%s): %s", did, v.Scope, escape.TextMax(q.Subject(), 300))
}

// bytes shows a number of bytes in three digits.
func bytes(n int64) string {
	v, unit := float64(n), 0
	for v >= 1000 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.3g%s", v, []string{"B", "kB", "MB", "GB", "TB"}[unit])
}

// ended says why nothing more comes.
func ended(err error) string {
	if err != nil {
		return escape.TextMax(err.Error(), 400)
	}
	return "the bottle has ended, and with it all questions"
}
