package proxy

import (
	"bytes"
	"mime"
	"net/http"
)

// maxEvent is the longest event of an answer, and the longest answer without events,
// that markers are replaced in, in bytes. A longer one passes as it is, and so does one
// for which there is no room.
const maxEvent = 8 << 20

// restoreFilter returns what turns markers in an answer into their texts, nil for
// nothing: the session has none, or it is no answer of a model's.
func (x *exchange) restoreFilter(h http.Header) (filter, error) {
	r, err := x.restorer()
	if r == nil {
		return nil, err
	}
	switch typ, _, _ := mime.ParseMediaType(h.Get("Content-Type")); typ {
	case "text/event-stream":
		return &restoreEvents{x: x, r: r}, nil
	case "application/json":
		return &restoreDocument{x: x, r: r}, nil
	}
	return nil, nil
}

// restorer returns a new one, nil for nothing to restore.
func (x *exchange) restorer() (*restorer, error) {
	if !x.isModel() {
		return nil, nil
	}
	tables, err := x.s.markersOf(x.session).get()
	x.useTables(tables)
	if tables == nil {
		return nil, err
	}
	return newRestorer(tables, x.holdText, x.dropText), nil
}

// restoreDocument holds an answer until it is there in full.
type restoreDocument struct {
	x    *exchange
	r    *restorer
	doc  []byte
	long bool
}

func (f *restoreDocument) write(p []byte) ([]byte, error) {
	if f.long {
		return p, nil
	}
	f.doc = append(f.doc, p...)
	if f.long = len(f.doc) > maxEvent || !f.x.holds(len(f.doc)); !f.long {
		return nil, nil
	}
	out := f.doc
	f.doc = nil
	return out, nil
}

func (f *restoreDocument) flush() ([]byte, error) { return nil, nil }
func (f *restoreDocument) held() int              { return 0 } // nothing of it is of use before its end

func (f *restoreDocument) close() ([]byte, error) {
	_, out := f.r.document(f.doc)
	f.x.restored += f.r.count
	return out, nil
}

// restoreEvents takes server-sent events (HTML, section 9.2), one at a time.
type restoreEvents struct {
	x    *exchange
	r    *restorer
	buf  []byte // of the event that has not ended
	seen int    // of buf, without an end
	long bool   // it is longer than maxEvent, and passes
	out  []byte
}

func (f *restoreEvents) write(p []byte) ([]byte, error) {
	f.buf, f.out = append(f.buf, p...), f.out[:0]
	for {
		n := eventEnd(f.buf, f.seen)
		if n < 0 {
			break
		}
		if f.long {
			f.out = append(f.out, f.buf[:n]...)
		} else {
			f.event(f.buf[:n])
		}
		f.buf, f.seen, f.long = append(f.buf[:0], f.buf[n:]...), 0, false
	}
	f.seen = max(0, len(f.buf)-3)
	if len(f.buf) > maxEvent || !f.x.holds(len(f.buf)) {
		f.long = true
	}
	if f.long {
		keep := max(0, len(f.buf)-3)
		f.out = append(f.out, f.buf[:keep]...)
		f.buf, f.seen = append(f.buf[:0], f.buf[keep:]...), 0
	}
	return f.out, nil
}

// eventEnd is where the event ends that b begins with: behind an empty line. It is
// looked for from an offset on.
func eventEnd(b []byte, from int) int {
	end := -1
	for _, mark := range [...]string{"\n\n", "\r\n\r\n", "\n\r\n"} {
		if i := bytes.Index(b[from:], []byte(mark)); i >= 0 && (end < 0 || from+i+len(mark) < end) {
			end = from + i + len(mark)
		}
	}
	return end
}

// event puts out one event. One with data in more than one line passes as it is: no
// provider sends such.
func (f *restoreEvents) event(e []byte) {
	from := bytes.Index(e, []byte("data:"))
	if from < 0 || from > 0 && e[from-1] != '\n' || bytes.Count(e, []byte("\ndata:")) > min(from, 1) {
		f.out = append(f.out, e...)
		return
	}
	from += len("data:")
	if from < len(e) && e[from] == ' ' {
		from++
	}
	to := from + bytes.IndexAny(e[from:], "\r\n")
	before, doc := f.r.document(e[from:to])
	f.end(before)
	f.out = append(append(append(f.out, e[:from]...), doc...), e[to:]...)
}

// end puts out events with what was held back.
func (f *restoreEvents) end(docs [][]byte) {
	for _, doc := range docs {
		if kind := typeOf(doc); kind != "" {
			f.out = append(f.out, "event: "+kind+"\n"...)
		}
		f.out = append(append(append(f.out, "data: "...), doc...), "\n\n"...)
	}
}

func (f *restoreEvents) flush() ([]byte, error) { return nil, nil }
func (f *restoreEvents) held() int              { return 0 } // half an event is of use to nobody

func (f *restoreEvents) close() ([]byte, error) {
	f.out = f.out[:0]
	f.end(f.r.close())
	f.out = append(f.out, f.buf...)
	f.x.restored += f.r.count
	return f.out, nil
}
