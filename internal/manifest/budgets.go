package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/proxy"
)

// defaultRequests is more than an agent with its package managers makes, and less than
// a loop that got out of hand.
const defaultRequests = 60_000

func (b *builder) budgets() {
	d := b.doc.Budgets
	out := &b.m.Budgets
	*out = proxy.Budgets{BytesOut: int64(d.BytesOut), PerHost: int64(d.PerHost), RequestsPerMinute: int64(d.RequestsPerMinute),
		ModelTokens: int64(d.ModelTokens), ModelCost: d.ModelCost, NewHosts: proxy.NewHosts(or(d.NewHosts, string(proxy.NewHostsWarn))), Ask: d.Action != "deny"}
	if out.NewHosts == "off" {
		out.NewHosts = ""
	}
	if b.root.dig("budgets", "requests_per_minute") == nil {
		out.RequestsPerMinute = defaultRequests
	}
	below := func(n float64, where ...any) {
		if n < 0 {
			b.fault(at(append([]any{"budgets"}, where...)...), "a limit or a price cannot be below nothing")
		}
	}
	below(float64(d.RequestsPerMinute), "requests_per_minute")
	below(float64(d.ModelTokens), "model_tokens")
	below(d.ModelCost, "model_cost")
	for _, name := range slices.Sorted(maps.Keys(d.Prices)) {
		p := d.Prices[name]
		for key, n := range map[string]float64{"input": p.Input, "cache_read": p.CacheRead, "cache_write": p.CacheWrite, "output": p.Output} {
			below(n, "prices", name, key)
		}
		if out.Prices == nil {
			out.Prices = map[string]proxy.Price{}
		}
		out.Prices[name] = proxy.Price{Input: p.Input, CacheRead: p.CacheRead, CacheWrite: p.CacheWrite, Output: p.Output}
	}
	if d.ModelCost > 0 && len(d.Prices) == 0 {
		b.fault(at("budgets", "model_cost"), "there are no prices to know it by: write them under budgets: prices, here or in your own config.yaml")
	}
}

// budgetLines say what the limits are, where they are not those of every bottle.
func (m *Manifest) budgetLines() (lines []string) {
	for _, l := range limitsOf(&m.Budgets) {
		if l.limit > 0 && !(l.name == "requests_per_minute" && l.limit == defaultRequests) {
			lines = append(lines, fmt.Sprintf("at most %s (%s)", l.show(l.limit), l.name))
		}
	}
	return lines
}

// namedLimit is a limit; 0 is none.
type namedLimit struct {
	name  string
	limit float64
	show  func(float64) string
}

func limitsOf(b *proxy.Budgets) []namedLimit {
	show := func(name string) func(float64) string {
		return func(n float64) string {
			if n == 0 {
				return "no limit"
			}
			return proxy.Limit{Name: name}.Show(n)
		}
	}
	list := []namedLimit{{name: "bytes_out", limit: float64(b.BytesOut)}, {name: "per_host", limit: float64(b.PerHost)},
		{name: "requests_per_minute", limit: float64(b.RequestsPerMinute)}, {name: "model_tokens", limit: float64(b.ModelTokens)}, {name: "model_cost", limit: b.ModelCost}}
	for i := range list {
		list[i].show = show(list[i].name)
	}
	return list
}

// newHostsRank orders the alarms from the strictest on.
var newHostsRank = []proxy.NewHosts{proxy.NewHostsAsk, proxy.NewHostsWarn, ""}

func (w *widening) budgets() {
	old, new := &w.old.Budgets, &w.new.Budgets
	was := limitsOf(old)
	for i, is := range limitsOf(new) {
		if was[i].limit > 0 && (is.limit == 0 || is.limit > was[i].limit) {
			w.say("budgets.%s is %s instead of %s", is.name, is.show(is.limit), was[i].show(was[i].limit))
		}
	}
	if new.Ask && !old.Ask {
		w.say("at a limit of budgets you are asked instead of nothing more being sent")
	}
	if looser(newHostsRank, new.NewHosts, old.NewHosts) {
		w.say("budgets.new_hosts is %s instead of %s", or(string(new.NewHosts), "off"), or(string(old.NewHosts), "off"))
	}
	if old.ModelCost == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(new.Prices)) {
		if p, had := old.Prices[name]; !had || p != new.Prices[name] {
			w.say("the price of the model %s is another, by which budgets.model_cost is known", escape.Text(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old.Prices)) {
		if _, has := new.Prices[name]; !has {
			w.say("the model %s has the price of another, by which budgets.model_cost is known, or none", escape.Text(name))
		}
	}
}

// narrowedBudgets are those of the new manifest, where none of them gives more.
func narrowedBudgets(old, new *Manifest) proxy.Budgets {
	w := &widening{old: old, new: new}
	if w.budgets(); len(w.found) > 0 || reflect.DeepEqual(old.Budgets, new.Budgets) {
		return old.Budgets
	}
	return new.Budgets
}
