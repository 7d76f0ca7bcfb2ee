package dlp

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
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
	// weak says that it must stand in the place of a credential, plain that any
	// name will do there.
	weak, plain bool
	trigger     trigger
	// confidence is that of its findings, at least.
	confidence Confidence
	// cut says that it is a part of the text of a long one.
	cut bool
	// hash is that of the text, or "" where it is made when it is needed.
	hash string
}

// hashPlaceholders makes the hashes of what stands in most requests of an agent.
func (e *Engine) hashPlaceholders() {
	for i := range e.literals {
		if l := &e.literals[i]; l.form == nil && l.kind == KindPlaceholder {
			l.hash = e.hash([]byte(l.text))
		}
	}
}

// trigger is what makes the scanner look whether a literal is there.
type trigger uint8

const (
	byRun  trigger = iota // a run, which it starts in or before
	byGram                // a gram of its own
	byPart                // the dashes at the end of its header
)

// formatLiterals returns the beginnings of all forms but those of some rules.
func formatLiterals(formats []format, disabled map[string]bool) []literal {
	var out []literal
	for i := range formats {
		f := &formats[i]
		for j := range f.forms {
			if disabled[f.ID] {
				break
			}
			fm := &f.forms[j]
			out = append(out, literal{text: fm.prefix, rule: f.ID, form: fm, body: fm.body, bounded: true, trigger: fm.trigger, confidence: f.confidence(fm)})
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
			return nil, fmt.Errorf("dlp: the known value %q is given as two kinds, such as both a secret and a placeholder", k.Name)
		}
		kinds[k.Value] = k.Kind
		l := literal{rule: k.rule(), kind: KindKnown, name: k.Name, trigger: byGram, confidence: High}
		if k.Kind == KnownPlaceholder {
			l.kind = KindPlaceholder
		}
		if _, weak := Weak(k.Value); weak && k.Kind == KnownSecret {
			l.weak, l.plain = true, isPlainKey(k.Value)
		}
		for _, enc := range encodings(k.Value) {
			l.path, l.bounded = enc.path, enc.path == "" && len(k.Value) < wholeToken
			if l.weak {
				if !enc.keeps {
					continue // a layer reads it there, with what stands around it
				}
				l.bounded = true
			}
			all := pieces(enc.text)
			for _, piece := range all {
				l.text, l.cut = piece, len(all) > 1
				if id := (identity{piece, k.Name, l.kind}); !seen[id] {
					seen[id] = true
					out = append(out, l)
				}
			}
		}
	}
	return out, nil
}

// outOfRuns reports whether a known value is not of a run.
func (l literal) outOfRuns() bool {
	n := 0
	for i := range len(l.text) {
		if n++; !runByte[l.text[i]] {
			n = 0
		}
		if n == minRun {
			return false
		}
	}
	return l.path == ""
}

// encoding is a value as it is written somewhere. With keeps, what stands around
// it is as it is.
type encoding struct {
	path, text string
	keeps      bool
}

// encodings returns a value as it is and in what it is commonly wrapped in.
// Texts may be equal.
func encodings(v string) []encoding {
	out := []encoding{{"", v, true}}
	for align := range 3 {
		std := base64Inside(v, align)
		out = append(out, encoding{pathBase64, std, false}, encoding{pathBase64, base64URL.Replace(std), false})
	}
	query := url.QueryEscape(v)
	out = append(out, encoding{"percent", query, true}, encoding{"percent", url.PathEscape(v), true}, encoding{"percent", scriptEscapes.Replace(query), true})
	for _, html := range [...]bool{false, true} {
		once := jsonEscaped(v, html)
		out = append(out, encoding{"json", once, true}, encoding{"json", jsonEscaped(once, html), true})
	}
	text := hex.EncodeToString([]byte(v))
	back := string(reverse(nil, []byte(v)))
	out = append(out, encoding{pathHex, text, false}, encoding{pathHex, strings.ToUpper(text), false}, encoding{pathReversed, back, false})
	for _, html := range [...]bool{false, true} {
		once := jsonEscaped(back, html)
		out = append(out, encoding{pathJSONReversed, once, false}, encoding{pathJSONReversed, jsonEscaped(once, html), false})
	}
	if plainByte.span([]byte(v), 0, len(v)) == len(v) {
		return out // to a view, each escape of it is a sign
	}
	for _, format := range [...]string{"%%%02x", "%%%02X"} {
		var b strings.Builder
		for i := range len(v) {
			fmt.Fprintf(&b, format, v[i])
		}
		out = append(out, encoding{"percent", b.String(), true})
	}
	for _, format := range [...]string{`\u%04x`, `\u%04X`} {
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(v)) {
			fmt.Fprintf(&b, format, unit)
		}
		out = append(out, encoding{"json", b.String(), true})
	}
	return out
}

// base64URL turns base64 into that for URLs.
var base64URL = strings.NewReplacer("+", "-", "/", "_")

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
