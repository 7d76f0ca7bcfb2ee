package proxy

import (
	"bytes"
	"slices"
	"strings"
)

// A text that is put back into code stands in a string of it: what ends a string, or a
// line, has to be escaped there, and a patch wants its sign in front of each line. So a
// table for code has a mark in front of each such byte, and coder, which follows where in
// the code it is, writes it as that place wants it.

// inserted is the mark. It stands in no text: it is no UTF-8.
const inserted = 0xFF

// coded is a text with its marks.
func coded(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == inserted || strings.IndexByte("\"'`\\$", c) >= 0 {
			b.WriteByte(inserted)
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// codeTool is the tool of Codex whose input is JavaScript, in which it calls all others.
const codeTool = "exec"

// What a coder is in, beside the three quotes of strings.
const (
	inCode    = 0
	inComment = '/' // to the end of the line
	inNote    = '*' // to its own end
	inText    = 'T' // no code: a patch, or what else a tool takes
)

const patchBegins, patchEnds = "*** Begin Patch", "*** End Patch"

// coder follows JavaScript, JSON (which is written as it), or a text. What it is given
// comes out again but for the marks and what stands behind them. It takes no note of
// regular expressions: a quote in one is over at the end of its line.
type coder struct {
	in      byte
	marked  bool   // a mark was the last byte
	escaped bool   // a backslash was
	raw     bool   // the template is one of String.raw
	before  []byte // the last of the code
	open    []int  // braces in expressions of templates that are open
	raws    []bool // of those templates
	line    []byte // how the line of the text begins
	patch   bool   // the text is a patch
}

// write takes a piece over, appended to dst.
func (c *coder) write(dst, p []byte) []byte {
	for _, b := range p {
		switch {
		case c.marked:
			c.marked = false
			dst = c.insert(dst, b)
		case b == inserted:
			c.marked = true
		default:
			c.follow(b)
			dst = append(dst, b)
		}
	}
	return dst
}

// insert writes a byte of what is put in.
func (c *coder) insert(dst []byte, b byte) []byte {
	if b == '\n' {
		sign := c.sign()
		c.line = append(c.line[:0], sign...)
		switch c.in {
		case '"', '\'':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, '\n')
		}
		return append(dst, sign...)
	}
	c.begin(b)
	switch {
	case c.in == '"' || c.in == '\'':
		if b == '\'' && c.in == '\'' {
			return append(dst, `\'`...)
		}
		return append(dst, quote(string([]byte{b}))...)
	case c.in == '`' && !c.raw && (b == '`' || b == '\\' || b == '$'):
		return append(dst, '\\', b)
	}
	return append(dst, b)
}

// sign is what a line of a patch begins with, and so the lines that are put in behind it.
func (c *coder) sign() []byte {
	if c.patch && len(c.line) > 0 && bytes.IndexByte([]byte("+- "), c.line[0]) >= 0 {
		return []byte{c.line[0]}
	}
	return nil
}

// begin notes a byte of a line.
func (c *coder) begin(b byte) {
	if len(c.line) > len(patchBegins) {
		return
	}
	c.line = append(c.line, b)
	switch string(c.line) {
	case patchBegins:
		c.patch = true
		if c.in == inCode { // the input itself is one
			c.in = inText
		}
	case patchEnds:
		c.patch = false
	}
}

// follow goes by one byte of the code.
func (c *coder) follow(b byte) {
	switch c.in {
	case inCode:
		c.code(b)
	case inComment, inText:
		c.text(b)
		if b == '\n' && c.in == inComment {
			c.in = inCode
		}
	case inNote:
		if c.last(b) == "*/" {
			c.in, c.before = inCode, c.before[:0]
		}
	default:
		c.literal(b)
	}
}

func (c *coder) text(b byte) {
	if b == '\n' {
		c.line = c.line[:0]
		return
	}
	c.begin(b)
}

// last is the last two bytes of the code.
func (c *coder) last(b byte) string {
	c.before = append(c.before, b)
	if n := len(c.before) - len(rawTag); n > 0 {
		c.before = slices.Delete(c.before, 0, n)
	}
	return string(c.before[max(0, len(c.before)-2):])
}

// rawTag stands in front of a template in which a backslash is one.
const rawTag = "String.raw"

func (c *coder) code(b byte) {
	switch {
	case b == '"' || b == '\'' || b == '`':
		c.in, c.raw, c.patch, c.line = b, b == '`' && string(c.before) == rawTag, false, c.line[:0]
		c.before = c.before[:0]
		return
	case b == '{' && len(c.open) > 0:
		c.open[len(c.open)-1]++
	case b == '}' && len(c.open) > 0:
		if n := len(c.open) - 1; c.open[n] == 0 {
			c.in, c.raw = '`', c.raws[n]
			c.open, c.raws = c.open[:n], c.raws[:n]
			return
		}
		c.open[len(c.open)-1]--
	}
	switch c.last(b) {
	case "//":
		c.in, c.before = inComment, c.before[:0]
	case "/*":
		c.in, c.before = inNote, c.before[:0]
	}
	if len(c.open) == 0 {
		c.text(b)
	}
}

// maxOpen bounds templates in templates.
const maxOpen = 32

func (c *coder) literal(b byte) {
	switch {
	case c.escaped:
		c.escaped = false
		switch {
		case c.in == '`' && c.raw:
			c.begin('\\')
			c.text(b)
		case b == 'n':
			c.line = c.line[:0]
		default:
			c.begin(b)
		}
	case b == '\\':
		c.escaped = true
	case b == c.in, b == '\n' && c.in != '`':
		c.in, c.line = inCode, c.line[:0]
	case b == '{' && c.in == '`' && len(c.line) > 0 && c.line[len(c.line)-1] == '$' && len(c.open) < maxOpen:
		c.in, c.open, c.raws = inCode, append(c.open, 0), append(c.raws, c.raw)
	default:
		c.text(b)
	}
}
