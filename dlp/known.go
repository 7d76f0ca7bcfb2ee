package dlp

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

const (
	// MinKnown is the shortest known value in bytes: anything shorter stands in
	// ordinary text.
	MinKnown = 8
	// MaxKnown is the longest.
	MaxKnown = 64 << 10

	// wholeToken is the length below which a value has to stand between
	// boundaries, so that one such as "password" is not found in a longer word.
	wholeToken = 16
	// maxPiece bounds a literal. A longer text is looked for piece by piece, so
	// that only so much must be held to decide it.
	maxPiece = 384
)

// literal is a fixed beginning to look for: the prefix of a form, or a known
// value in one of its encodings.
type literal struct {
	text string
	// Of a form: its rule, how it is judged, the class of its body.
	rule string
	form *form
	body *class
	// Of a known value.
	kind Kind
	name string
	path string
	// bounded says that a boundary must stand before the literal; of a known
	// value, behind it too.
	bounded bool
	trigger trigger
	// header, of a needle that is part of the header of a form, is that form.
	header int32
}

// trigger is what makes the scanner look whether a literal is there.
type trigger uint8

const (
	byRun  trigger = iota // a run, which it starts in or before
	byGram                // a gram of its own
	byPart                // a needle, which is part of its header
)

// formatLiterals returns the beginnings of all forms.
func formatLiterals() []literal {
	var out []literal
	for i := range formats {
		f := &formats[i]
		for j := range f.forms {
			fm := &f.forms[j]
			l := literal{text: fm.prefix, rule: f.ID, form: fm, body: fm.body, bounded: true, trigger: fm.trigger}
			out = append(out, l)
			if header := int32(len(out) - 1); fm.trigger == byPart {
				for _, text := range pemNeedles {
					out = append(out, literal{text: text, rule: f.ID, trigger: byGram, header: header})
				}
			}
		}
	}
	return out
}

// knownLiterals returns the known values in all encodings. A text that several
// of them have is kept once for each name and kind.
func knownLiterals(known []Known) ([]literal, error) {
	type identity struct {
		text, name string
		kind       Kind
	}
	var out []literal
	seen := map[identity]bool{}
	kinds := map[string]KnownKind{}
	for _, k := range known {
		if n := len(k.Value); n < MinKnown || n > MaxKnown {
			return nil, fmt.Errorf("dlp: the known value %q has %d bytes; it must have %d to %d", k.Name, n, MinKnown, MaxKnown)
		}
		if kind, ok := kinds[k.Value]; ok && kind != k.Kind {
			return nil, fmt.Errorf("dlp: the known value %q is both a secret and a placeholder", k.Name)
		}
		kinds[k.Value] = k.Kind
		l := literal{rule: RuleKnown, kind: KindKnown, name: k.Name, trigger: byGram}
		if k.Kind == KnownPlaceholder {
			l.rule, l.kind = RulePlaceholder, KindPlaceholder
		}
		for _, enc := range encodings(k.Value) {
			l.path, l.bounded = enc.path, enc.path == "" && len(k.Value) < wholeToken
			for _, piece := range pieces(enc.text) {
				l.text = piece
				if id := (identity{piece, k.Name, l.kind}); !seen[id] {
					seen[id] = true
					out = append(out, l)
				}
			}
		}
	}
	return out, nil
}

type encoding struct{ path, text string }

// encodings returns a value as it is and in what it is commonly wrapped in.
// Texts may be equal.
func encodings(v string) []encoding {
	out := []encoding{{"", v}}
	for align := range 3 {
		std := base64Inside(v, align)
		out = append(out, encoding{"base64", std}, encoding{"base64", strings.NewReplacer("+", "-", "/", "_").Replace(std)})
	}
	query := url.QueryEscape(v)
	out = append(out, encoding{"percent", query}, encoding{"percent", url.PathEscape(v)}, encoding{"percent", scriptEscapes.Replace(query)})
	for _, html := range [...]bool{false, true} {
		once := jsonEscaped(v, html)
		out = append(out, encoding{"json", once}, encoding{"json", jsonEscaped(once, html)})
	}
	return out
}

// jsonEscaped returns a text as it stands in a string of JSON, with what HTML
// knows escaped or not.
func jsonEscaped(v string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if enc.Encode(v) != nil {
		return v
	}
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

// scriptEscapes turns a query escape into what encodeURIComponent of JavaScript
// gives.
var scriptEscapes = strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

// base64Inside returns the characters that v has wherever it starts at the
// given offset in a group of three bytes: those that hold bits of v only.
func base64Inside(v string, align int) string {
	text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", align) + v + "\x00\x00"))
	return text[(align*8+5)/6 : (align+len(v))*8/6]
}

// pieces cuts a text into parts of about the same length, at most maxPiece.
func pieces(text string) []string {
	n := (len(text) + maxPiece - 1) / maxPiece
	out := make([]string, 0, n)
	for i := range n {
		out = append(out, text[i*len(text)/n:(i+1)*len(text)/n])
	}
	return out
}

// judgeKnown compares a known text with b, of which done bytes are known to be
// equal. It returns how many are now.
func (l *literal) judgeKnown(b []byte, done int, final bool) (int, verdict) {
	n := min(len(b), len(l.text))
	if string(b[done:n]) != l.text[done:n] {
		return 0, miss
	}
	switch {
	case n < len(l.text):
		if final {
			return n, miss
		}
		return n, more
	case !l.bounded || len(b) > n && !word[b[n]] || len(b) == n && final:
		return n, match
	case len(b) == n:
		return n, more
	}
	return 0, miss
}
