package replace

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// minBase64 is the shortest base64 text that Forms lists. A shorter one would
// turn up in other data by chance.
const minBase64 = 6

// Forms returns the pairs that replace value by placeholder in the spellings
// that a value has inside other formats: as it is, base64 (standard and URL
// alphabet, at each of the three alignments that it can have inside a longer
// text), percent-encoded and JSON-escaped by the rules of several encoders, in
// upper and lower hexadecimal digits. Each spelling comes once, and an empty
// value has none.
//
// When value and placeholder have the same length, so have From and To
// wherever the encoding can say the placeholder in that many bytes: percent
// and \u escapes stand for any character, base64 keeps lengths anyway. A value
// with a "/" that is written as "\/" needs a "/" in the placeholder.
//
// Inside a longer base64 text the characters on a value's border also hold
// bits of its neighbours. They are left as they are, so up to the first 4 and
// the last 4 bits of the value stay visible (the last only when something
// follows the value), and the bytes there may decode to something that is
// neither. Values that are encoded twice, or broken into lines, are not found.
func Forms(value, placeholder string) []Pair {
	if value == "" {
		return nil
	}
	seen := map[string]bool{}
	var pairs []Pair
	add := func(from, to string) {
		if !seen[from] {
			seen[from] = true
			pairs = append(pairs, Pair{From: from, To: to})
		}
	}
	add(value, placeholder)
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for shift := range 3 {
			for _, last := range []bool{true, false} {
				if from := base64Part(enc, value, shift, last); len(from) >= minBase64 {
					add(from, base64Part(enc, placeholder, shift, last))
				}
			}
		}
	}
	for _, e := range percentEncoders {
		from := e.encode(value, -1)
		add(from, e.encode(placeholder, len(from)))
	}
	for _, e := range jsonEscapers() {
		from := e.encode(value, -1)
		add(from, e.encode(placeholder, len(from)))
	}
	return pairs
}

// base64Part encodes s as it looks behind shift bytes of something else: only
// the characters that depend on s alone. With last, nothing follows s, so the
// character that holds its last bits is known too.
func base64Part(enc *base64.Encoding, s string, shift int, last bool) string {
	whole := enc.WithPadding(base64.NoPadding).EncodeToString(append(make([]byte, shift), s...))
	first, end := (shift*8+5)/6, (shift+len(s))*8/6
	if last {
		end = len(whole)
	}
	return whole[min(first, end):end]
}

// percentEncoder writes the bytes outside letters, digits and safe as %XX.
type percentEncoder struct {
	safe   string
	space  string // how a space is written
	digits string
}

const (
	upperHex = "0123456789ABCDEF"
	lowerHex = "0123456789abcdef"
)

var percentEncoders = []percentEncoder{
	{safe: "-_.~", space: "%20", digits: upperHex}, // RFC 3986, section 2.3
	{safe: "-_.~", space: "%20", digits: lowerHex},
	{safe: "-_.~", space: "+", digits: upperHex}, // Go's url.QueryEscape
	{safe: "-_.~", space: "+", digits: lowerHex},
	{safe: "-_.*", space: "+", digits: upperHex}, // forms of the WHATWG URL standard
	{safe: "-_.*", space: "+", digits: lowerHex},
	{safe: "-_.!~*'()", space: "%20", digits: upperHex}, // JavaScript's encodeURIComponent
	{safe: "-_.~/", space: "%20", digits: upperHex},     // Python's urllib.parse.quote
	{safe: "-_.~/", space: "%20", digits: lowerHex},
	{safe: "-_.~$&+=:@", space: "%20", digits: upperHex},          // Go's url.PathEscape
	{safe: "-_.~!$&'()*+,;=:@/?", space: "%20", digits: upperHex}, // RFC 3986, query and fragment
}

// encode writes s. While that is shorter than length it encodes more
// characters than it must.
func (e percentEncoder) encode(s string, length int) string {
	plain := func(c byte) bool {
		return alphanumeric(c) || strings.IndexByte(e.safe, c) >= 0 || c == ' ' && len(e.space) == 1
	}
	size := 0
	for i := range len(s) {
		size++
		if !plain(s[i]) {
			size += 2
		}
	}
	more := max(length-size, 0)
	if more%2 != 0 {
		more = 0
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case plain(c) && more >= 2:
			more -= 2
			fallthrough
		case !plain(c):
			b.Write([]byte{'%', e.digits[c>>4], e.digits[c&15]})
		case c == ' ':
			b.WriteString(e.space)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// jsonEscaper writes a text as the inside of a JSON string (RFC 8259, section
// 7). Beyond what must be escaped, encoders differ.
type jsonEscaper struct {
	also   string // characters written as \u00XX
	slash  bool   // "/" as "\/"
	ascii  bool   // all beyond ASCII as \uXXXX
	digits string
}

func jsonEscapers() (all []jsonEscaper) {
	for _, also := range []string{
		"",
		"<>&",      // Go
		"<>&'",     // Ruby on Rails, Jinja
		"<>&'\"`+", // .NET
	} {
		for _, slash := range []bool{false, true} { // PHP
			for _, ascii := range []bool{false, true} { // Python
				for _, digits := range []string{lowerHex, upperHex} {
					all = append(all, jsonEscaper{also, slash, ascii, digits})
				}
			}
		}
	}
	return all
}

// encode writes s. Where length is longer than it must be, and escapes can make
// up for the difference, it escapes more characters than it must.
func (e jsonEscaper) encode(s string, length int) string {
	parts := make([]string, 0, len(s))
	size := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		part := s[i : i+n]
		if r != utf8.RuneError || n > 1 {
			part = e.char(r, part)
		}
		parts = append(parts, part)
		size += len(part)
		i += n
	}
	// Every plain ASCII character can grow by 5 bytes, "/" by 1 as well.
	more := max(length-size, 0)
	slashes := more % 5
	if strings.Count(s, "/") < slashes || e.slash && slashes > 0 {
		return strings.Join(parts, "")
	}
	more -= slashes
	for i, p := range parts {
		switch {
		case p == "/" && slashes > 0:
			parts[i] = `\/`
			slashes--
		case len(p) == 1 && p[0] < utf8.RuneSelf && more >= 5:
			parts[i] = e.unicode(rune(p[0]))
			more -= 5
		}
	}
	return strings.Join(parts, "")
}

func (e jsonEscaper) char(r rune, plain string) string {
	const short = "\b\f\n\r\t"
	switch {
	case r < utf8.RuneSelf && strings.ContainsRune(e.also, r):
		return e.unicode(r)
	case r == '"' || r == '\\' || r == '/' && e.slash:
		return `\` + plain
	case r < ' ':
		if i := strings.IndexRune(short, r); i >= 0 {
			return `\` + "bfnrt"[i:i+1]
		}
		return e.unicode(r)
	case r == '\u2028' || r == '\u2029':
		if e.also != "" { // Go, Rails
			return e.unicode(r)
		}
	}
	if r >= utf8.RuneSelf && e.ascii {
		return e.unicode(r)
	}
	return plain
}

func (e jsonEscaper) unicode(r rune) string {
	format := `\u%04x`
	if e.digits == upperHex {
		format = `\u%04X`
	}
	if r < 0x10000 {
		return fmt.Sprintf(format, r)
	}
	r -= 0x10000 // a surrogate pair
	return fmt.Sprintf(format+format, 0xd800+r>>10, 0xdc00+r&0x3ff)
}
