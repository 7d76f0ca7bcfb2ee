package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// AnswerNo stands in the reason of a denial that the operator spoke.
const AnswerNo = "the answer was no"

// askOperator holds the request while the operator decides.
func (x *exchange) askOperator() *denial {
	if x.decision.Action != Ask {
		return nil
	}
	x.bodyMu.Lock()
	findings := slices.Clone(x.findings)
	x.bodyMu.Unlock()
	return x.s.ask(x.ctx, Question{ID: x.id, Session: x.session, Target: x.shownTarget(), Path: x.shownPath(), Length: x.r.ContentLength,
		Rule: x.decision.Rule, Findings: findings, Route: x.route})
}

func (s *Server) ask(ctx context.Context, q Question) *denial {
	deny := func(why string) *denial {
		return &denial{status: http.StatusForbidden, rule: q.Rule, message: fmt.Sprintf("%s needs the operator's approval (%s), and %s. %s", q.subject(), q.Rule, why, advice)}
	}
	if s.opts.Ask == nil {
		return deny("there is no one to ask in this run")
	}
	ctx, cancel := context.WithTimeout(ctx, s.current.Load().AskTimeout)
	defer cancel()
	a, err := s.opts.Ask(ctx, q)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return deny("nobody answered in time")
	case errors.Is(err, context.Canceled):
		return deny("the request was given up")
	case err != nil:
		s.log.Error("ask", "error", err)
		return deny("the question could not be put: " + err.Error())
	case !a.Allow && a.Reason != "":
		return deny(AnswerNo + ": " + a.Reason)
	case !a.Allow:
		return deny(AnswerNo)
	}
	return nil
}

// subject says what needs an approval.
func (q *Question) subject() string {
	if q.Over != "" {
		return "over budget: " + q.Over + "; more"
	}
	return strings.TrimSpace(q.Target.Method + " " + describe(q.Target))
}
