package dlp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	// MaxCustom bounds Options.Custom.
	MaxCustom = 256
	// maxCustomBody is the longest body of a custom rule, and defaultPattern how
	// much a Pattern is shown of what is behind the prefix.
	maxCustomBody  = 4 << 10
	defaultPattern = 256
	minCustomRun   = minRun
)

// CustomRule is a format of one's own: a prefix in exact case with a body of one
// class, or one that a regular expression matches.
//
// Tokens are looked for where at least 15 letters, digits and + / - _ stand in a
// row, at most 48 bytes behind their start. A rule has to have that in all that it
// matches, so Prefix and the shortest body come to 15 or more such bytes.
//
// What it matches is a finding, also when it looks like an example.
type CustomRule struct {
	// ID is what findings and a Policy call the rule: small letters, digits and
	// dashes. It must not be that of another rule.
	ID          string
	Description string
	// Prefix is at least two printable ASCII bytes.
	Prefix string
	// Class is the bytes of the body, in brackets as in a regular expression:
	// [A-Za-z0-9_-]. No escapes and no ^ are known in it. Needed unless there is a
	// Pattern.
	Class string
	// Length is how many there are; or else Min and Max are the bounds.
	Length, Min, Max int
	// Pattern is a regular expression (RE2) for what follows the prefix, as far as
	// it matches from there, preferring the longest. It sees at most Max bytes, 256
	// if that is 0. Behind the match must be no letter, digit or underscore.
	Pattern string
}

// customFormats compiles rules.
func customFormats(rules []CustomRule) ([]format, error) {
	if len(rules) > MaxCustom {
		return nil, fmt.Errorf("dlp: there are %d custom rules; at most %d are allowed", len(rules), MaxCustom)
	}
	seen := map[string]bool{RulePlaceholder: true}
	for _, id := range RuleIDs() {
		seen[id] = true
	}
	var out []format
	for i := range rules {
		r := &rules[i]
		f, err := r.compile()
		if err == nil && seen[r.ID] {
			err = errors.New("there is another rule with this ID")
		}
		if err != nil {
			return nil, fmt.Errorf("dlp: custom rule %q: %w", r.ID, err)
		}
		seen[r.ID] = true
		out = append(out, f)
	}
	return out, nil
}

// Check returns what is wrong with the rule by itself, or nil.
func (r *CustomRule) Check() error {
	_, err := r.compile()
	return err
}

var ruleIDByte = newClass("a-z0-9-")

func (r *CustomRule) compile() (format, error) {
	f := format{Rule: Rule{ID: r.ID, Description: r.Description, Action: Block}}
	if r.ID == "" || len(r.ID) > maxName || ruleIDByte.span([]byte(r.ID), 0, len(r.ID)) < len(r.ID) {
		return f, fmt.Errorf("the ID must be 1 to %d small letters, digits and dashes", maxName)
	}
	if len(r.Prefix) < 2 || len(r.Prefix) > maxLead || leadByte.span([]byte(r.Prefix), 0, len(r.Prefix)) < len(r.Prefix) {
		return f, fmt.Errorf("the prefix must be 2 to %d letters, digits and _ + / : . $ -", maxLead)
	}
	var fm form
	var err error
	if r.Pattern != "" {
		fm, err = r.pattern()
	} else {
		fm, err = r.body()
	}
	f.forms = []form{fm}
	return f, err
}

// body is the form of a class and a length.
func (r *CustomRule) body() (form, error) {
	body, err := parseClass(r.Class)
	if err != nil {
		return form{}, err
	}
	least, most := r.Min, r.Max
	if r.Length != 0 {
		if r.Min != 0 || r.Max != 0 {
			return form{}, errors.New("length says how long the body is, so min and max have no place")
		}
		least, most = r.Length, r.Length
	}
	if most == 0 {
		most = maxCustomBody
	}
	if least < 1 || least > most || most > maxCustomBody {
		return form{}, fmt.Errorf("the length of the body must be given, from 1 to %d bytes, and min not above max", maxCustomBody)
	}
	inRun := true
	for c := range body {
		if body[c] && !runByte[c] {
			inRun = false
		}
	}
	run := tailRun(r.Prefix) + least
	switch {
	case !inRun:
		return form{}, errors.New("the class has bytes that do not stand in tokens: only letters, digits and + / - _ may be in it; use a pattern for others")
	case run < minCustomRun:
		return form{}, fmt.Errorf("the shortest match has %d letters, digits and + / - _ in a row; a rule needs %d", run, minCustomRun)
	}
	return form{prefix: r.Prefix, body: body, min: least, max: most, custom: true}, nil
}

// tailRun returns how many bytes at the end of a prefix are of a run.
func tailRun(prefix string) int {
	b := []byte(prefix)
	return len(b) - runByte.spanBack(b, len(b), 0)
}

// parseClass reads a class in brackets.
func parseClass(s string) (*class, error) {
	inner, ok := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	switch {
	case !ok || !closed || inner == "":
		return nil, fmt.Errorf("the class %q must be in brackets, such as [A-Za-z0-9]", s)
	case strings.ContainsAny(inner, `\^[]`):
		return nil, fmt.Errorf("the class %q has one of \\ ^ [ ] in it: name the bytes and ranges that it has", s)
	}
	for i := 0; i < len(inner); i++ {
		if inner[i] <= ' ' || inner[i] > '~' {
			return nil, fmt.Errorf("the class %q has something other than printable ASCII in it", s)
		}
		if i+2 < len(inner) && inner[i+1] == '-' && inner[i] > inner[i+2] {
			return nil, fmt.Errorf("the class %q has the range %s, which runs backwards", s, inner[i:i+3])
		}
	}
	return newClass(inner), nil
}

// pattern is the form of a regular expression.
func (r *CustomRule) pattern() (form, error) {
	if r.Class != "" || r.Length != 0 || r.Min != 0 {
		return form{}, errors.New("a pattern says what the body is, so class, length and min have no place")
	}
	window := r.Max
	if window == 0 {
		window = defaultPattern
	}
	if window < 1 || window > maxCustomBody-maxLead {
		return form{}, fmt.Errorf("max must be 1 to %d bytes", maxCustomBody-maxLead)
	}
	if _, err := regexp.Compile(r.Pattern); err != nil {
		return form{}, fmt.Errorf("the pattern does not compile: %w", err)
	}
	re, err := regexp.Compile("^(?:" + r.Pattern + ")")
	if err != nil {
		return form{}, fmt.Errorf("the pattern does not compile: %w", err)
	}
	if re.Match(nil) {
		return form{}, errors.New("the pattern matches nothing at all, and so every prefix")
	}
	re.Longest()
	return form{prefix: r.Prefix, body: dotted, shape: func(b []byte, body int, final bool) (int, int, verdict) {
		// Whether it matches must not depend on how much is there.
		if len(b) <= body+window && !final {
			return 0, 0, more
		}
		loc := re.FindIndex(b[body:min(len(b), body+window)])
		if loc == nil {
			return 0, 0, miss
		}
		end := body + loc[1]
		if word.has(byteAt(b, end)) {
			return 0, 0, miss
		}
		return 0, end, match
	}}, nil
}

// disabled are the rules that are not looked for.
func (o *Options) disabled() map[string]bool {
	out := map[string]bool{}
	for _, id := range o.Disable {
		out[id] = id != RuleKnown && id != RulePlaceholder && id != RuleCanary && id != RuleUnscanned
	}
	return out
}
