// Package usage reads how many tokens a model's answer reports that it took, while
// the answer passes.
//
// It knows Anthropic Messages, OpenAI Responses and OpenAI Chat, as one JSON document,
// as server-sent events (HTML, section 9.2) and as messages of a WebSocket. Of an answer
// it keeps a few numbers and the name of the model, however long it is and however it is
// cut. What it cannot read it takes for an answer without a report.
package usage

import (
	"path"
	"strings"
)

// Tokens are those that a provider charges for, told apart by their price.
type Tokens struct {
	Input      int64 `json:"input,omitempty"` // not from a cache
	CacheRead  int64 `json:"cache_read,omitempty"`
	CacheWrite int64 `json:"cache_write,omitempty"`
	Output     int64 `json:"output,omitempty"` // reasoning included
}

// maxTokens is where numbers end: no answer has as many, and sums stay far from
// overflowing.
const maxTokens = 1 << 40

// Sum is how many they are.
func (t Tokens) Sum() int64 { return t.Input + t.CacheRead + t.CacheWrite + t.Output }

// Plus adds.
func (t Tokens) Plus(o Tokens) Tokens {
	return Tokens{Input: t.Input + o.Input, CacheRead: t.CacheRead + o.CacheRead, CacheWrite: t.CacheWrite + o.CacheWrite, Output: t.Output + o.Output}
}

// Report is what one answer says.
type Report struct {
	Model string // as the answer names it, "" where it does not
	Tokens
}

// Price is for a million tokens, in a currency of the user's choice.
type Price struct{ Input, CacheRead, CacheWrite, Output float64 }

// Cost is what so many tokens cost.
func (p Price) Cost(t Tokens) float64 {
	return (float64(t.Input)*p.Input + float64(t.CacheRead)*p.CacheRead + float64(t.CacheWrite)*p.CacheWrite + float64(t.Output)*p.Output) / 1e6
}

// Prices are by the name of the model, in which * stands for any text.
type Prices map[string]Price

// For returns the price of a model: that of its own name, or else of the longest name
// with * that fits.
func (p Prices) For(model string) (price Price, ok bool) {
	if price, ok = p[model]; ok {
		return price, true
	}
	best := ""
	for name, candidate := range p {
		if !strings.Contains(name, "*") || !fits(name, model) {
			continue
		}
		if !ok || len(name) > len(best) || len(name) == len(best) && name < best {
			best, price, ok = name, candidate, true
		}
	}
	return price, ok
}

// fits matches with * alone; slashes, as in the names of some gateways, are no
// boundary.
func fits(pattern, name string) bool {
	quote := strings.NewReplacer(`\`, `\\`, "?", `\?`, "[", `\[`, "/", "\x00")
	ok, err := path.Match(quote.Replace(pattern), strings.ReplaceAll(name, "/", "\x00"))
	return ok && err == nil
}

// number is a count of tokens from the digits of JSON; -1 for what is none.
func number(digits []byte) int64 {
	if len(digits) == 0 {
		return -1
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return -1 // a sign, a fraction, an exponent
		}
		if n = n*10 + int64(c-'0'); n > maxTokens {
			return maxTokens
		}
	}
	return n
}
