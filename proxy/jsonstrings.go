package proxy

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// jsonStrings copies a JSON document and has visit say what becomes of each string
// that is a value. visit gets where it stands ("choices[0].delta.content") and what is
// between its quotes, as it is written, and returns what stands there instead. Of
// a long path only the end is told. Every other byte stays; what is no JSON is copied
// as it is.
func jsonStrings(doc []byte, visit func(path string, raw []byte) []byte) []byte {
	w := &stringWalker{doc: doc, visit: visit}
	if !json.Valid(doc) {
		return doc
	}
	w.value("")
	return append(w.out, doc[w.copied:]...)
}

// stringWalker walks a document that is known to be valid.
type stringWalker struct {
	doc    []byte
	at     int
	copied int
	out    []byte
	visit  func(string, []byte) []byte
}

func (w *stringWalker) value(path string) {
	w.space()
	switch w.doc[w.at] {
	case '"':
		raw, from := w.text()
		if put := w.visit(path, raw); !bytes.Equal(put, raw) {
			w.out = append(append(w.out, w.doc[w.copied:from]...), put...)
			w.copied = from + len(raw)
		}
	case '{':
		w.each('}', func(int) {
			key, _ := w.text()
			w.space()
			w.at++ // the colon
			w.value(joinPath(path, key))
		})
	case '[':
		w.each(']', func(i int) { w.value(short(path) + "[" + strconv.Itoa(i) + "]") })
	default:
		for w.at < len(w.doc) && bytes.IndexByte([]byte(",]} \t\r\n"), w.doc[w.at]) < 0 {
			w.at++
		}
	}
}

func joinPath(path string, key []byte) string {
	if path == "" {
		return string(key)
	}
	return short(path) + "." + string(key)
}

// maxPath bounds what is told of where a string stands, but for its own key, in bytes.
// Each level of a document has a path, and each string of it one more.
const maxPath = 256

// short is a path to be gone on with.
func short(path string) string {
	if len(path) > maxPath {
		return "…"
	}
	return path
}

// each walks the members of an object or an array.
func (w *stringWalker) each(end byte, member func(i int)) {
	w.at++
	for i := 0; ; i++ {
		w.space()
		if w.doc[w.at] == end {
			w.at++
			return
		}
		if w.doc[w.at] == ',' {
			w.at++
			w.space()
		}
		member(i)
	}
}

// text is what stands between quotes, and where it begins.
func (w *stringWalker) text() (raw []byte, from int) {
	w.at++
	from = w.at
	for w.doc[w.at] != '"' {
		if w.doc[w.at] == '\\' {
			w.at++
		}
		w.at++
	}
	w.at++
	return w.doc[from : w.at-1], from
}

func (w *stringWalker) space() {
	for w.at < len(w.doc) && (w.doc[w.at] == ' ' || w.doc[w.at] == '\t' || w.doc[w.at] == '\n' || w.doc[w.at] == '\r') {
		w.at++
	}
}
