package supervise

import (
	"fmt"
	"strings"
)

// The operations on a bottle's control socket.
const (
	OpQuestions = "questions" // QuestionsCall to []Question, sent at each change when watched
	OpAnswer    = "answer"    // AnswerCall to AnswerReply
	OpSpent     = "spent"     // nothing to proxy.Spent
)

// QuestionsCall asks for what waits.
type QuestionsCall struct {
	Watch bool `json:"watch,omitempty"` // go on telling
}

// AnswerCall answers a question.
type AnswerCall struct {
	ID string `json:"id"`
	Verdict
}

// AnswerReply says what was answered, with the scope that was meant.
type AnswerReply struct {
	Question Question `json:"question"`
	Verdict  Verdict  `json:"verdict"`
}

// Subject says in one line what a question is about, as the agent wrote it:
// whoever shows it escapes it.
func (q *Question) Subject() string {
	var b strings.Builder
	if q.Kind == KindBudget {
		if q.Over != "" {
			return "over budget: " + q.Over
		}
		b.WriteString("a host that no route names: ")
	}
	if q.Kind == KindPushRule {
		return fmt.Sprintf("git pushes to %s/%s that %s %s", q.Host, q.Repository, strings.Join(q.Operations, ", "), q.Ref)
	}
	if q.Kind == KindSecret {
		fmt.Fprintf(&b, "the secret %s for ", q.Secret)
	}
	if len(q.Methods) > 0 {
		b.WriteString(strings.Join(q.Methods, ", ") + " ")
	}
	b.WriteString(q.Scheme + "://" + q.Host)
	if q.Port != map[string]int{"http": 80, "https": 443}[q.Scheme] {
		fmt.Fprintf(&b, ":%d", q.Port)
	}
	b.WriteString(q.Path)
	if len(q.Paths) > 0 {
		b.WriteString(" " + strings.Join(q.Paths, ", "))
	}
	return b.String()
}
