package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/usage"
)

// Budgets bound what one session sends and uses, until the server ends. The zero
// value bounds nothing; all is counted either way (Server.Spent).
//
// What is sent is counted where it leaves, before it does: URLs and headers, bodies,
// the messages of WebSockets, pushes and all else that the Gate sends, and what
// passes in connections that are not looked into. Frames and TLS are not.
type Budgets struct {
	// BytesOut bounds what the session sends, PerHost what it sends to any one host.
	BytesOut, PerHost int64
	// RequestsPerMinute bounds requests and connections, by the minutes of the clock.
	RequestsPerMinute int64
	// ModelTokens bounds the tokens that answers on routes of KindModel report, and
	// ModelCost what they cost by Prices. A model without a price has cost all of it.
	// Both are known when an answer ends, so the limit can be passed by what was under
	// way.
	ModelTokens int64
	ModelCost   float64
	// Prices are by model, in any currency, for a million tokens.
	Prices map[string]Price
	// NewHosts says what happens at the first request to a host that no route names:
	// one that is let through by a wildcard or by the default. "" is nothing.
	NewHosts NewHosts
	// Ask has the operator asked for as much again at a limit; otherwise it is a denial.
	Ask bool
}

// Tokens are those that a model's provider charges for, and Price what a million of
// them cost.
type (
	Tokens = usage.Tokens
	Price  = usage.Price
)

// NewHosts says what is done about hosts that no route names.
type NewHosts string

// The ways of NewHosts.
const (
	NewHostsWarn NewHosts = "warn"
	NewHostsAsk  NewHosts = "ask"
)

// The names of budgets, as in rules ("budget:bytes_out").
const (
	budgetBytesOut = "bytes_out"
	budgetPerHost  = "per_host"
	budgetRequests = "requests_per_minute"
	budgetTokens   = "model_tokens"
	budgetCost     = "model_cost"
	budgetNewHosts = "new_hosts"
)

// Spent is what a session has sent and used.
type Spent struct {
	BytesOut int64 `json:"bytes_out"`
	Requests int64 `json:"requests"` // since the start, that were let through
	// Models are the models that reported usage, by name.
	Models []SpentModel `json:"models,omitempty"`
	// Limits are those that are set, with the hosts that have sent most.
	Limits []Limit `json:"limits,omitempty"`
}

// SpentModel is what was used of one model.
type SpentModel struct {
	Model string `json:"model"`
	Tokens
	// Cost is by the prices that were in force; Unpriced says that there was none.
	Cost     float64 `json:"cost,omitempty"`
	Unpriced bool    `json:"unpriced,omitempty"`
}

// String says what was used of a model.
func (m *SpentModel) String() string {
	text := fmt.Sprintf("%s: %d tokens in, %d from its cache, %d into it, %d out", cmp.Or(m.Model, "a model without a name"), m.Input, m.CacheRead, m.CacheWrite, m.Output)
	switch {
	case m.Unpriced && m.Cost == 0:
		return text
	case m.Unpriced:
		text += ", in part without a price"
	}
	return text + fmt.Sprintf(", %.2f", m.Cost)
}

// Limit is how a budget stands.
type Limit struct {
	Name    string  `json:"name"`
	Host    string  `json:"host,omitempty"` // of per_host
	Used    float64 `json:"used"`
	Allowed float64 `json:"allowed"` // the limit, and what the operator gave on top
}

// Near reports whether a limit is so near that the agent is warned.
func (l Limit) Near() bool { return l.Used >= l.Allowed*warnFrom }

// String says how the limit stands, in units that people read.
func (l Limit) String() string {
	text := fmt.Sprintf("budgets.%s: %s of %s", l.Name, l.Show(l.Used), l.Show(l.Allowed))
	if l.Host != "" {
		text += " to " + l.Host
	}
	return text
}

// Show says a number of the limit's kind in the units that people read.
func (l Limit) Show(n float64) string {
	switch l.Name {
	case budgetBytesOut, budgetPerHost:
		return binarySize(n)
	case budgetCost:
		return fmt.Sprintf("%.2f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// words say what may be sent or used at most.
func (l Limit) words() string {
	n := l.Show(l.Allowed)
	switch l.Name {
	case budgetRequests:
		return grouped(n) + " requests a minute"
	case budgetTokens:
		return grouped(n) + " tokens of models"
	case budgetCost:
		return n + " for models"
	}
	return n + " sent"
}

// grouped puts commas into the digits of a number.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// binarySize shows bytes in the units of the manifest.
func binarySize(n float64) string {
	for _, unit := range [...]string{"B", "KiB", "MiB", "GiB"} {
		if n < 1024 {
			return fmt.Sprintf("%.4g %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.4g TiB", n)
}

// Spent returns what a session has sent and used so far.
func (s *Server) Spent(session string) Spent {
	b := s.current.Load().Budgets
	return s.accountOf(session).spent(&b, time.Now())
}

// accountOf returns the account of a session.
func (s *Server) accountOf(session string) *account {
	s.accountsMu.Lock()
	defer s.accountsMu.Unlock()
	l := s.accounts[session]
	if l == nil {
		l = newAccount()
		s.accounts[session] = l
	}
	return l
}

// payer is who pays for what leaves to a host.
type payer struct {
	s       *Server
	session string
	id      string
	target  Target // for the operator: its host is redacted, and it has no path
	host    string // canonical
}

// begin counts a request or a connection, of which n bytes leave at once; named says
// that the manifest names its host.
func (p *payer) begin(ctx context.Context, named bool, n int64) *denial {
	l := p.s.accountOf(p.session)
	if !named {
		if d := p.newHost(ctx, l); d != nil {
			return d
		}
	}
	return p.pay(ctx, l, charge{requests: 1, bytes: n})
}

// spend counts bytes that are about to leave.
func (p *payer) spend(ctx context.Context, n int64) *denial {
	return p.pay(ctx, p.s.accountOf(p.session), charge{bytes: n})
}

// bounded reports whether there is a limit to the bytes that leave.
func (p *payer) bounded() bool {
	b := &p.s.current.Load().Budgets
	return b.BytesOut > 0 || b.PerHost > 0
}

// pay takes a charge, or says why it cannot be. At a limit the operator gives as much
// again, or not.
func (p *payer) pay(ctx context.Context, l *account, c charge) *denial {
	for {
		b := p.s.current.Load().Budgets
		over, warn := l.take(&b, p.host, c, time.Now())
		p.warn(warn)
		if over == nil {
			return nil
		}
		if d := p.atLimit(ctx, l, over, b.Ask); d != nil {
			return d
		}
	}
}

// atLimit returns nil when the operator has given more.
func (p *payer) atLimit(ctx context.Context, l *account, over *overrun, ask bool) *denial {
	if !ask || l.wasRefused(over) {
		return denyBudget(over.Name, over.message()+", so this was not sent")
	}
	q := Question{ID: p.id, Session: p.session, Rule: ruleBudget(over.Name), Budget: over.Name, Length: -1, Detail: over.detail(), Over: over.words()}
	if over.Host != "" {
		q.Over += " to " + p.target.Host
		q.Target = Target{Scheme: p.target.Scheme, Host: p.target.Host, Port: p.target.Port}
	}
	return p.ask(ctx, q, func(no bool) {
		if no {
			l.refuse(over)
		} else {
			l.grant(over)
		}
	})
}

// ask asks, and has the answer taken down; no answer is none.
func (p *payer) ask(ctx context.Context, q Question, answered func(no bool)) *denial {
	d := p.s.ask(ctx, q)
	switch {
	case d == nil:
		answered(false)
		return nil
	case strings.Contains(d.message, AnswerNo):
		answered(true)
	}
	return denyBudget(q.Budget, strings.TrimSuffix(d.message, " "+advice))
}

// newHost raises the alarm about a host that no route names.
func (p *payer) newHost(ctx context.Context, l *account) *denial {
	how := p.s.current.Load().Budgets.NewHosts
	if how == "" || !l.isNew(p.host, how == NewHostsWarn) {
		return nil
	}
	if how == NewHostsWarn {
		p.note("the first request to a host that no route names: it is let through by a wildcard or by the default")
		return nil
	}
	if l.hostRefused(p.host) {
		return denyBudget(budgetNewHosts, "this bottle may not reach "+p.target.Host+", which no route names: the answer to that was no")
	}
	q := Question{ID: p.id, Session: p.session, Rule: ruleBudget(budgetNewHosts), Budget: budgetNewHosts, Length: -1,
		Target: Target{Scheme: p.target.Scheme, Host: p.target.Host, Port: p.target.Port},
		Detail: []string{"no route names this host: a wildcard or the default lets it through"}}
	return p.ask(ctx, q, func(no bool) { l.judgeHost(p.host, !no) })
}

// warn tells of limits that are near: the agent in its next answer, and the operator.
func (p *payer) warn(near []Limit) {
	for _, l := range near {
		if l.Host != "" {
			l.Host = p.target.Host
		}
		p.note("near a limit: " + l.String())
	}
}

// note tells the operator, in the journal and in the log.
func (p *payer) note(text string) {
	p.s.log.Warn(text, "host", p.target.Host, "session", p.session, "id", p.id)
	// A journal that cannot be written denies the request itself; this is a note.
	_ = p.s.record(&Event{Type: EventNote, ID: p.id, Session: p.session, Scheme: p.target.Scheme, Host: p.target.Host, Port: p.target.Port, Reason: text})
}

func ruleBudget(name string) string { return "budget:" + name }

// denyBudget is a denial at a limit. 400, as where the scanner stops: clients of
// model providers try again after 429 and 5xx, and some after 403.
func denyBudget(name, why string) *denial {
	return &denial{status: http.StatusBadRequest, rule: ruleBudget(name), message: why + ". Do not retry; tell the operator, who can set budgets." + name + " in bottle.yaml."}
}

// payer is who pays for the exchange.
func (x *exchange) payer() *payer {
	t := Target{Scheme: x.target.Scheme, Host: x.shownHost(), Port: x.target.Port}
	return &payer{s: x.s, session: x.session, id: x.id, host: x.target.Host, target: t}
}

// withinBudget counts the request, with what of it is ready to leave. What the proxy
// answers itself costs nothing: an agent can always ask how it stands.
func (x *exchange) withinBudget() *denial {
	if x.virtual() != nil || x.canned() != nil {
		return nil
	}
	x.purse = x.payer()
	// A small body is there in full; of others nothing was read yet.
	return x.purse.begin(x.ctx, named(x.route) || x.decision.Action == Ask, headSize(x.out)+x.body.count())
}

// named reports whether a route names one host.
func named(r *Route) bool { return r != nil && !strings.HasPrefix(r.Host, "*.") }

// spend counts bytes of the body or of messages that are about to leave.
func (x *exchange) spend(n int64) error {
	if x.purse == nil || n == 0 {
		return nil
	}
	if d := x.purse.spend(x.ctx, n); d != nil {
		return x.stopBody(d)
	}
	return nil
}

// headSize is what a head takes, about: HTTP/2 packs it.
func headSize(r *http.Request) int64 {
	n := len(r.Method) + len(r.URL.Path) + len(r.URL.RawQuery)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return int64(n)
}

// headerBudget is the header that warns the agent.
const headerBudget = "Bottle-Budget"

// warnAgent puts warnings that the agent has not had into an answer.
func (x *exchange) warnAgent(h http.Header) {
	h.Del(headerBudget) // only ours
	if text := x.takeWarnings(); text != "" {
		h.Set(headerBudget, headerText(text))
	}
}

func (x *exchange) takeWarnings() string {
	return x.snap.redactText(x.s.accountOf(x.session).takeWarnings())
}

// charged takes down what an answer of a model reports.
func (x *exchange) charged(r usage.Report) {
	b := x.s.current.Load().Budgets
	price, priced := usage.Prices(b.Prices).For(r.Model)
	cost := price.Cost(r.Tokens)
	r.Model = x.snap.redactText(r.Model) // the upstream's text, for the journal
	x.s.accountOf(x.session).charge(&b, r, cost, priced)
	x.usage.Model = cmp.Or(x.usage.Model, r.Model)
	x.usage.Tokens = x.usage.Plus(r.Tokens)
	x.usage.Cost += cost
	x.usage.Unpriced = x.usage.Unpriced || !priced
}

// stoppedBy returns the denial that ended a stream, nil for none.
func stoppedBy(err error) *denial {
	var b *blocked
	if errors.As(err, &b) {
		return b.denial
	}
	return nil
}

// limits lists the budgets that are set.
func (l *account) limits(b *Budgets, now time.Time) (list []Limit) {
	add := func(name, host string, used, limit float64) {
		if limit > 0 {
			list = append(list, Limit{Name: name, Host: host, Used: used, Allowed: limit * float64(1+l.granted[name+" "+host])})
		}
	}
	add(budgetBytesOut, "", float64(l.out), float64(b.BytesOut))
	add(budgetRequests, "", float64(l.inMinute(now)), float64(b.RequestsPerMinute))
	add(budgetTokens, "", float64(l.tokens), float64(b.ModelTokens))
	add(budgetCost, "", l.cost, b.ModelCost)
	most := slices.SortedFunc(func(yield func(string) bool) {
		for host := range l.hosts {
			if !yield(host) {
				return
			}
		}
	}, func(a, c string) int { return cmp.Or(cmp.Compare(l.hosts[c], l.hosts[a]), cmp.Compare(a, c)) })
	for _, host := range most[:min(len(most), shownHosts)] {
		add(budgetPerHost, host, float64(l.hosts[host]), float64(b.PerHost))
	}
	return list
}
