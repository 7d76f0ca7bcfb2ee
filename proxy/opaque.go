package proxy

import "bytes"

// span is a stretch of a stream; to is 0 while it is open.
type span struct{ from, to int64 }

// The bounds of an opaqueFields. What is deeper, or further back, is not opaque.
const (
	maxOpaqueDepth = 64
	maxOpaqueSpans = 4096
	maxOpaqueKey   = 32 // bytes of a key that are looked at
)

// opaqueFields follows the JSON of a model's conversation and remembers where its
// signed and encoded fields stand: a provider answers 400 when one of them is not as
// it gave it out, and what looks like a credential in them is there by chance.
//
//   - Anthropic Messages: signature of a thinking block, data of a redacted_thinking
//     block and of a source (an image, a document);
//   - OpenAI Responses: encrypted_content, and image_url and file_data with a data URL.
//
// None of them counts below the arguments of a tool: those are the agent's own.
type opaqueFields struct {
	at       int64
	stack    []jsonLevel
	over     int // levels beyond maxOpaqueDepth
	inString bool
	escaped  bool
	isKey    bool
	isType   bool
	text     []byte // of a key, or of the value of "type"
	open     bool   // the string is opaque
	spans    []span
}

type jsonLevel struct {
	object    bool
	wantKey   bool
	key, kind string
}

// write takes the next bytes of the stream.
func (o *opaqueFields) write(p []byte) {
	for i := 0; i < len(p); i++ {
		if o.inString {
			// Most of a conversation is in strings.
			if n := bytes.IndexAny(p[i:], `"\`); !o.escaped && !o.isKey && !o.isType && n != 0 {
				if n < 0 {
					n = len(p) - i
				}
				o.at += int64(n)
				if i += n; i == len(p) {
					return
				}
			}
			o.inside(p[i])
		} else {
			o.outside(p[i], p[i+1:])
		}
		o.at++
	}
}

// endMessage makes ready for the next document of the stream.
func (o *opaqueFields) endMessage() {
	*o = opaqueFields{at: o.at, stack: o.stack[:0], text: o.text[:0], spans: o.spans}
}

func (o *opaqueFields) top() *jsonLevel {
	if len(o.stack) == 0 || o.over > 0 {
		return nil
	}
	return &o.stack[len(o.stack)-1]
}

func (o *opaqueFields) inside(c byte) {
	switch {
	case o.escaped:
		o.escaped = false
	case c == '\\':
		o.escaped = true
	case c == '"':
		o.endString()
		return
	}
	if (o.isKey || o.isType) && len(o.text) < maxOpaqueKey {
		o.text = append(o.text, c)
	}
}

func (o *opaqueFields) endString() {
	o.inString = false
	if o.open {
		o.open = false
		o.spans[len(o.spans)-1].to = o.at
	}
	if top := o.top(); top != nil {
		switch {
		case o.isKey:
			top.key = string(o.text)
		case o.isType:
			top.kind = string(o.text)
		}
	}
	o.isKey, o.isType = false, false
}

func (o *opaqueFields) outside(c byte, rest []byte) {
	top := o.top()
	switch c {
	case '{', '[':
		if len(o.stack) == maxOpaqueDepth {
			o.over++
			return
		}
		o.stack = append(o.stack, jsonLevel{object: c == '{', wantKey: c == '{'})
	case '}', ']':
		if o.over > 0 {
			o.over--
		} else if len(o.stack) > 0 {
			o.stack = o.stack[:len(o.stack)-1]
		}
	case ',':
		if top != nil {
			top.wantKey = top.object
		}
	case ':':
		if top != nil {
			top.wantKey = false
		}
	case '"':
		o.inString, o.text = true, o.text[:0]
		o.isKey = top != nil && top.object && top.wantKey
		o.isType = top != nil && !o.isKey && top.key == "type"
		if o.opaque(rest) {
			if len(o.spans) == maxOpaqueSpans {
				o.spans = append(o.spans[:0], o.spans[maxOpaqueSpans/2:]...)
			}
			o.open, o.spans = true, append(o.spans, span{from: o.at})
		}
	}
}

// opaque reports whether the string that begins is such a field.
func (o *opaqueFields) opaque(rest []byte) bool {
	top := o.top()
	if top == nil || !top.object || o.isKey {
		return false
	}
	for i := 1; i < len(o.stack); i++ {
		if o.stack[i].object && o.stack[i-1].object && o.stack[i-1].key == "input" {
			return false // of a tool
		}
	}
	switch top.key {
	case "signature", "encrypted_content":
		return true
	case "data":
		return top.kind == "redacted_thinking" || len(o.stack) > 1 && o.stack[len(o.stack)-2].key == "source"
	case "image_url", "file_data":
		const dataURL = "data:"
		return bytes.HasPrefix(rest, []byte(dataURL)) || len(rest) < len(dataURL)
	}
	return false
}

// covers reports whether an offset of the stream is in such a field.
func (o *opaqueFields) covers(offset int64) bool {
	for i := len(o.spans) - 1; i >= 0; i-- {
		s := o.spans[i]
		if offset >= s.from {
			return s.to == 0 || offset < s.to
		}
	}
	return false
}
