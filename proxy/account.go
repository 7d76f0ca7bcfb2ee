package proxy

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/usage"
)

const (
	// warnFrom is the part of a limit from which on the agent is warned.
	warnFrom = 0.8
	// maxAccountHosts bounds the hosts, and maxAccountModels the models, that are told
	// apart in one session. All others share one count, and so one limit.
	maxAccountHosts  = 4096
	maxAccountModels = 64
	// shownHosts is how many hosts Spent tells of.
	shownHosts = 8
)

// others is the name that hosts and models beyond the bounds are counted under.
const others = "others"

// account is what one session has sent and used, and what it was given beyond its
// limits.
type account struct {
	mu       sync.Mutex
	out      int64
	hosts    map[string]int64
	requests int64
	minute   int64 // of the clock, that lately is of
	lately   int64 // requests
	tokens   int64
	cost     float64
	models   map[string]*SpentModel

	granted  map[string]int64 // by Limit.key: how often as much again
	refused  map[string]int64 // by Limit.key: the stage that the answer was no at
	warned   map[string]bool  // by Limit.key, and at which stage
	seen     map[string]bool  // hosts that no route names; false: the answer was no
	warnings []string         // that the agent has not had
}

func newAccount() *account {
	return &account{hosts: map[string]int64{}, models: map[string]*SpentModel{}, granted: map[string]int64{}, refused: map[string]int64{},
		warned: map[string]bool{}, seen: map[string]bool{}}
}

// charge is what is about to be sent.
type charge struct{ requests, bytes int64 }

// overrun is a limit that a charge would pass.
type overrun struct {
	Limit
	granted int64 // how often as much again was given by then
	stage   int64 // that a no is about: it is not asked again
}

func (o *overrun) key() string { return o.Name + " " + o.Host }

func (o *overrun) message() string {
	return "this bottle has come to a limit of what it may send and use (" + o.String() + ")"
}

// detail says it to the operator. It is the same for all who wait at the limit.
func (o *overrun) detail() []string {
	text := "as much again of budgets." + o.Name + ": all of " + o.Show(o.Allowed) + " is used"
	if o.Host != "" {
		text += " to this host"
	}
	return []string{text}
}

// take counts a charge. Nothing is counted of one that would pass a limit. Limits
// that are near for the first time are returned, too.
func (l *account) take(b *Budgets, host string, c charge, now time.Time) (over *overrun, near []Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.hosts[host]; !known && len(l.hosts) >= maxAccountHosts {
		host = others
	}
	l.turn(now)
	stands := func(name, host string, used, limit float64, reached bool) {
		lim := Limit{Name: name, Host: host, Used: used, Allowed: limit * float64(1+l.granted[name+" "+host])}
		switch {
		case limit <= 0 || over != nil:
		case used > lim.Allowed || reached && used >= lim.Allowed:
			over = &overrun{Limit: lim, granted: l.granted[name+" "+host]}
			over.stage = over.granted
			if name == budgetRequests {
				over.stage = l.minute
			}
		case lim.Near() && l.warnOnce(lim):
			near = append(near, lim)
		}
	}
	stands(budgetRequests, "", float64(l.lately+c.requests), float64(b.RequestsPerMinute), false)
	stands(budgetBytesOut, "", float64(l.out+c.bytes), float64(b.BytesOut), false)
	stands(budgetPerHost, host, float64(l.hosts[host]+c.bytes), float64(b.PerHost), false)
	stands(budgetTokens, "", float64(l.tokens), float64(b.ModelTokens), true)
	stands(budgetCost, "", l.cost, b.ModelCost, true)
	if over != nil {
		return over, near
	}
	l.lately += c.requests
	l.requests += c.requests
	l.out += c.bytes
	l.hosts[host] += c.bytes
	return nil, near
}

// warnOnce reports whether nobody was warned yet that a limit is near.
func (l *account) warnOnce(lim Limit) bool {
	at := lim.Name + " " + lim.Host + " " + lim.Show(lim.Allowed)
	if l.warned[at] {
		return false
	}
	l.warned[at] = true
	if len(l.warnings) < shownHosts {
		l.warnings = append(l.warnings, lim.String())
	}
	return true
}

// takeWarnings returns the warnings that the agent has not had, once.
func (l *account) takeWarnings() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.Join(l.warnings, "; ")
	l.warnings = nil
	return text
}

// turn begins the minute of now. A clock that was set back begins one, too.
func (l *account) turn(now time.Time) {
	if minute := now.Unix() / 60; minute != l.minute {
		l.minute, l.lately = minute, 0
	}
}

func (l *account) inMinute(now time.Time) int64 {
	if now.Unix()/60 != l.minute {
		return 0
	}
	return l.lately
}

// grant gives as much again, once for all who waited at the same limit.
func (l *account) grant(o *overrun) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.granted[o.key()] == o.granted { // else somebody who waited, too, has it already
		l.granted[o.key()]++
	}
}

// refuse keeps a no, so that the next request is not asked about again.
func (l *account) refuse(o *overrun) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[o.key()] = o.stage + 1 // 0 is none
}

func (l *account) wasRefused(o *overrun) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused[o.key()] == o.stage+1
}

// isNew reports whether a host is not known, and with once remembers it. When too many
// are known, no further one is told of.
func (l *account) isNew(host string, once bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[host] {
		return false
	}
	if !once {
		return true
	}
	if len(l.seen) >= maxAccountHosts {
		return false
	}
	l.seen[host] = true
	return true
}

// judgeHost keeps the answer about a host. Of too many the latest is asked about again.
func (l *account) judgeHost(host string, allowed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) < maxAccountHosts {
		l.seen[host] = allowed
	}
}

func (l *account) hostRefused(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed, judged := l.seen[host]
	return judged && !allowed
}

// charge takes down what an answer of a model reports. Where the cost is bounded, a
// model without a price has cost all of it.
func (l *account) charge(b *Budgets, r usage.Report, cost float64, priced bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := r.Model
	if _, known := l.models[name]; !known && len(l.models) >= maxAccountModels {
		name = others
	}
	m := l.models[name]
	if m == nil {
		m = &SpentModel{Model: name}
		l.models[name] = m
	}
	m.Tokens = m.Plus(r.Tokens)
	m.Cost += cost
	m.Unpriced = m.Unpriced || !priced
	l.tokens += r.Sum()
	if !priced && b.ModelCost > 0 {
		cost = b.ModelCost * float64(1+l.granted[budgetCost+" "])
	}
	l.cost += cost
}

func (l *account) spent(b *Budgets, now time.Time) Spent {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Spent{BytesOut: l.out, Requests: l.requests, Limits: l.limits(b, now)}
	for _, m := range l.models {
		s.Models = append(s.Models, *m)
	}
	slices.SortFunc(s.Models, func(a, c SpentModel) int { return cmp.Compare(a.Model, c.Model) })
	return s
}
