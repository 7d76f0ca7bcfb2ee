package usage

import "bytes"

// The bounds of what is kept of an answer.
const (
	maxDepth  = 8   // levels of JSON that are followed; deeper there is no report
	maxKey    = 40  // bytes of a key
	maxModel  = 100 // bytes of a model's name
	maxNumber = 20  // bytes of a number
)

// Reader reads one answer, or the messages of one WebSocket. It is not for concurrent
// use.
type Reader struct {
	events bool
	done   func(Report)

	// Of server-sent events: where in a line it is.
	line  []byte // its beginning, up to "data:"
	state lineState

	doc document
}

type lineState int

const (
	lineBegins lineState = iota
	lineData             // of JSON
	lineOther            // that is skipped
)

// NewReader returns a reader of an answer; events says that it is one of server-sent
// events. done is called with each report: at the end of an answer, or of a message.
func NewReader(events bool, done func(Report)) *Reader { return &Reader{events: events, done: done} }

// Write takes the next bytes.
func (r *Reader) Write(p []byte) {
	if !r.events {
		r.doc.write(p)
		return
	}
	for len(p) > 0 {
		p = r.writeLine(p)
	}
}

// writeLine takes a part of a line, and returns what is behind it.
func (r *Reader) writeLine(p []byte) []byte {
	const data = "data:"
	if c := p[0]; c == '\n' || c == '\r' {
		r.line, r.state = r.line[:0], lineBegins
		return p[1:]
	}
	if r.state == lineBegins {
		r.line = append(r.line, p[0])
		switch {
		case string(r.line) == data:
			r.state = lineData
			r.doc.begin() // no provider has a document in more than one line
		case !bytes.HasPrefix([]byte(data), r.line):
			r.state = lineOther
		}
		return p[1:]
	}
	end := bytes.IndexAny(p, "\r\n")
	if end < 0 {
		end = len(p)
	}
	if r.state == lineData {
		r.doc.write(p[:end])
	}
	return p[end:]
}

// Close ends the answer, or the message of a WebSocket. The reader can be used for the
// next one.
func (r *Reader) Close() {
	report, ok := r.doc.report()
	r.doc = document{stack: r.doc.stack[:0], text: r.doc.text[:0]}
	r.line, r.state = r.line[:0], lineBegins
	if ok {
		r.done(report)
	}
}

// document follows JSON and keeps the numbers of a report. Each event of an answer
// repeats those that it knows, with their newest state, so the last of each counts.
type document struct {
	stack    []level
	over     int // levels beyond maxDepth
	inString bool
	escaped  bool
	isKey    bool
	value    *int64 // that the number which is being read is for
	model    bool   // the string is the name of the model
	text     []byte
	long     bool // the text is longer than what is kept

	name    string
	numbers [fields]int64
	seen    bool
}

type level struct {
	object  bool
	wantKey bool
	key     string
}

// The numbers of a report.
const (
	fieldInput = iota
	fieldCacheRead
	fieldCacheWrite
	fieldCached
	fieldOutput
	fields
)

// names are where the numbers stand below "usage".
var names = map[string]int{
	"input_tokens":                        fieldInput, // Anthropic; OpenAI Responses, cached ones included
	"cache_read_input_tokens":             fieldCacheRead,
	"cache_creation_input_tokens":         fieldCacheWrite,
	"output_tokens":                       fieldOutput,
	"prompt_tokens":                       fieldInput, // OpenAI Chat
	"completion_tokens":                   fieldOutput,
	"input_tokens_details.cached_tokens":  fieldCached,
	"prompt_tokens_details.cached_tokens": fieldCached,
}

// begin makes ready for a next event of the same answer.
func (d *document) begin() {
	d.stack, d.over = d.stack[:0], 0
	d.inString, d.escaped, d.isKey, d.value, d.model, d.text, d.long = false, false, false, nil, false, d.text[:0], false
}

func (d *document) report() (Report, bool) {
	d.endNumber()
	n := &d.numbers
	r := Report{Model: d.name, Tokens: Tokens{Input: n[fieldInput], CacheRead: n[fieldCacheRead], CacheWrite: n[fieldCacheWrite], Output: n[fieldOutput]}}
	if cached := min(n[fieldCached], r.Input); cached > 0 {
		r.Input -= cached
		r.CacheRead += cached
	}
	return r, d.seen
}

func (d *document) write(p []byte) {
	for i := 0; i < len(p); i++ {
		if !d.inString {
			d.outside(p[i])
			continue
		}
		// Most of an answer is in strings.
		if !d.escaped && !d.isKey && !d.model {
			n := bytes.IndexAny(p[i:], `"\`)
			if n < 0 {
				return
			}
			i += n
		}
		d.inside(p[i])
	}
}

func (d *document) inside(c byte) {
	switch {
	case d.escaped:
		d.escaped = false
	case c == '\\':
		d.escaped = true
	case c == '"':
		d.endString()
		return
	}
	d.keep(c, maxModel)
}

func (d *document) keep(c byte, most int) {
	if len(d.text) < most {
		d.text = append(d.text, c)
	} else {
		d.long = true
	}
}

func (d *document) endString() {
	d.inString = false
	switch top := d.top(); {
	case d.isKey && top != nil:
		top.key = ""
		if len(d.text) <= maxKey && !d.long {
			top.key = string(d.text)
		}
	case d.model && !d.long && len(d.text) > 0 && !bytes.ContainsRune(d.text, '\\'):
		d.name = string(d.text)
	}
	d.isKey, d.model = false, false
}

func (d *document) top() *level {
	if len(d.stack) == 0 || d.over > 0 {
		return nil
	}
	return &d.stack[len(d.stack)-1]
}

func (d *document) outside(c byte) {
	if d.value != nil {
		if c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E' {
			d.keep(c, maxNumber)
			return
		}
		if len(d.text) == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			return
		}
		d.endNumber()
	}
	top := d.top()
	switch c {
	case '{', '[':
		if len(d.stack) == maxDepth {
			d.over++
			return
		}
		d.stack = append(d.stack, level{object: c == '{', wantKey: c == '{'})
	case '}', ']':
		if d.over > 0 {
			d.over--
		} else if len(d.stack) > 0 {
			d.stack = d.stack[:len(d.stack)-1]
		}
	case ',':
		if top != nil {
			top.wantKey = top.object
		}
	case ':':
		if top != nil && top.wantKey {
			top.wantKey = false
			d.beginValue()
		}
	case '"':
		d.inString, d.text, d.long = true, d.text[:0], false
		d.isKey = top != nil && top.object && top.wantKey
		d.model = !d.isKey && top != nil && top.object && d.isModel()
		d.value = nil
	}
}

// beginValue looks whether the value of a key is a number of a report.
func (d *document) beginValue() {
	below, ok := d.below("usage")
	if !ok {
		return
	}
	if i, is := names[below]; is {
		d.value, d.text, d.long = &d.numbers[i], d.text[:0], false
	}
}

func (d *document) endNumber() {
	if d.value == nil {
		return
	}
	switch n := number(d.text); {
	case n >= 0 && d.long:
		*d.value, d.seen = maxTokens, true
	case n >= 0:
		*d.value, d.seen = n, true
	}
	d.value = nil
}

// below returns the keys behind one, joined by dots, when it stands at the top of the
// document, or in the object of the answer that an event brings. Nothing in a list is
// it, nor in what a model wrote.
func (d *document) below(key string) (string, bool) {
	if d.over > 0 {
		return "", false
	}
	at := 0
	if len(d.stack) > 0 && (d.stack[0].key == "message" || d.stack[0].key == "response") {
		at = 1
	}
	if len(d.stack) <= at || d.stack[at].key != key {
		return "", false
	}
	rest := ""
	for i := range d.stack {
		switch {
		case !d.stack[i].object:
			return "", false
		case i > at+1:
			rest += "." + d.stack[i].key
		case i > at:
			rest = d.stack[i].key
		}
	}
	return rest, true
}

func (d *document) isModel() bool {
	rest, ok := d.below("model")
	return ok && rest == ""
}
