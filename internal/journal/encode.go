package journal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/proxy"
)

// Entry is one line of a journal.
type Entry struct {
	Seq  uint64 `json:"seq"`
	Prev Sum    `json:"prev"`
	proxy.Event

	// Cut names the fields that were too long for a line and are cut short.
	Cut []string `json:"cut,omitempty"`

	// Segment and Line say where it stands.
	Segment string `json:"-"`
	Line    int    `json:"-"`
}

// linePrefix is more than seq, prev and the line feed add to an event.
const linePrefix = 160

// What is left of the fields of a line that is too long. Even where each byte
// becomes an escape of six, the line is then shorter than MaxLine.
const (
	cutText = 4 << 10 // bytes of a text
	cutName = 256     // bytes of a text in a list
	cutList = 64      // entries
)

// encoder makes the part of a line that does not depend on the lines before it.
type encoder struct {
	raw bytes.Buffer
	out []byte
	enc *json.Encoder
}

func newEncoder() *encoder {
	e := &encoder{}
	e.enc = json.NewEncoder(&e.raw)
	e.enc.SetEscapeHTML(false)
	return e
}

// body returns the event as a JSON object. It is valid until the next call.
// Bytes of a text that are not UTF-8 are written as U+FFFD: JSON has no other way.
func (c *encoder) body(e *proxy.Event) ([]byte, error) {
	var ok bool
	if c.out, ok = appendPlain(c.out[:0], e); !ok {
		if err := c.encode(e); err != nil {
			return nil, err
		}
	}
	if len(c.out) > MaxLine-linePrefix {
		short, cut := shorten(e)
		if err := c.encode(struct {
			*proxy.Event
			Cut []string `json:"cut"`
		}{short, cut}); err != nil {
			return nil, err
		}
	}
	return c.out, nil
}

// keepBuffers bounds what an idle encoder holds.
const keepBuffers = 64 << 10

func (c *encoder) encode(v any) error {
	if c.raw.Cap() > keepBuffers {
		c.raw = bytes.Buffer{}
	}
	if cap(c.out) > keepBuffers {
		c.out = nil
	}
	c.raw.Reset()
	if err := c.enc.Encode(v); err != nil {
		return err
	}
	c.out = escape.JSON(c.out[:0], bytes.TrimSuffix(c.raw.Bytes(), []byte{'\n'}))
	return nil
}

// appendLine appends a line, with its line feed.
func appendLine(dst []byte, seq uint64, prev *Sum, body []byte) []byte {
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendUint(dst, seq, 10)
	dst = append(dst, `,"prev":"`...)
	dst = hex.AppendEncode(dst, prev[:])
	dst = append(dst, `",`...)
	dst = append(dst, body[1:]...)
	return append(dst, '\n')
}

// shorten returns a copy of an event that fits into a line, and the names of the
// fields that are not whole.
func shorten(e *proxy.Event) (*proxy.Event, []string) {
	s := *e
	var names []string
	note := func(name string, isCut bool) {
		if isCut && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	text := func(name string, p *string, limit int) {
		short := cutString(*p, limit)
		note(name, len(short) < len(*p))
		*p = short
	}
	list := func(name string, p *[]string) {
		note(name, len(*p) > cutList)
		*p = slices.Clone((*p)[:min(len(*p), cutList)])
		for i := range *p {
			text(name, &(*p)[i], cutName)
		}
	}
	verdict, kind := string(s.Verdict), string(s.Type)
	for _, f := range []struct {
		name string
		p    *string
	}{
		{"type", &kind}, {"id", &s.ID}, {"session", &s.Session}, {"proto", &s.Proto}, {"method", &s.Method},
		{"scheme", &s.Scheme}, {"host", &s.Host}, {"path", &s.Path}, {"verdict", &verdict}, {"rule", &s.Rule},
		{"reason", &s.Reason}, {"error", &s.Error}, {"ref", &s.Ref}, {"old", &s.Old}, {"new", &s.New},
	} {
		text(f.name, f.p, cutText)
	}
	s.Verdict, s.Type = proxy.Action(verdict), proxy.EventType(kind)
	list("secrets", &s.Secrets)
	list("inert", &s.Inert)
	note("findings", len(s.Findings) > cutList)
	s.Findings = slices.Clone(s.Findings[:min(len(s.Findings), cutList)])
	for i := range s.Findings {
		f := &s.Findings[i]
		for _, p := range []*string{&f.Rule, &f.Confidence, &f.Field, &f.Where, &f.Hash, &f.Action} {
			text("findings", p, cutName)
		}
	}
	return &s, names
}

// cutString cuts at the limit, or before a rune that would be cut in two.
func cutString(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for back := 1; back < utf8.UTFMax; back++ {
		if utf8.RuneStart(s[limit-back+1]) {
			return s[:limit-back+1]
		}
	}
	return s[:limit]
}
