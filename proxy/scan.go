package proxy

import (
	"slices"

	"github.com/bot-bottle/bottle/dlp"
)

// blocked is what stops a stream: a finding whose action is block.
type blocked struct{ denial *denial }

func (b *blocked) Error() string { return b.denial.message }

// scanText judges one short text.
func (snap *snapshot) scanText(where, text, host string) ([]EventFinding, *denial) {
	v := snap.judge(snap.find(text), where, host)
	return v.events, v.stop
}

// find scans a text with a scanner of the pool. Nothing to find is shorter than
// a known value may be.
func (snap *snapshot) find(text string) []dlp.Finding {
	if len(text) < dlp.MinKnown {
		return nil
	}
	sc := snap.scanner()
	defer snap.scanners.Put(sc)
	return scanWhole(sc, []byte(text))
}

// scanWhole returns what is found in a text that is complete.
func scanWhole(sc *dlp.Scanner, text []byte) []dlp.Finding {
	sc.Reset()
	found := slices.Clone(sc.Write(text)) // valid until the next call only
	return append(found, sc.Close()...)
}

// scanHead scans what the agent wrote before the body: the URL, every header,
// and the names of the trailers that it announced, which leave with the head.
// Each part is decided whole, so nothing can hide on a border.
func (x *exchange) scanHead() *denial {
	sc := &lentScanner{x: x}
	defer sc.giveBack()
	if d := x.scanURL(sc); d != nil {
		return d
	}
	for _, part := range x.lineParts() {
		if _, d := x.scanPart(sc, spot{part: part.where}, part.text); d != nil {
			return d
		}
	}
	for name, values := range x.r.Header {
		if d := x.scanField(sc, "header", name, values); d != nil {
			return d
		}
	}
	for name := range x.r.Trailer {
		if d := x.scanField(sc, "trailer", name, nil); d != nil {
			return d
		}
	}
	return nil
}

// decideWhole scans a text that is complete and has its findings judged, in two
// parts: what a scanner returns is valid until its next call.
func decideWhole(sc *dlp.Scanner, text []byte, judge func([]dlp.Finding) *denial) *denial {
	sc.Reset()
	if findings := sc.Write(text); len(findings) > 0 {
		if d := judge(findings); d != nil {
			return d
		}
	}
	if findings := sc.Close(); len(findings) > 0 {
		return judge(findings)
	}
	return nil
}

// part is a text that the agent wrote into the head, and where.
type part struct{ where, text string }

// partURL is where the URL's parts are, in the journal.
const partURL = "url"

// scanURL scans the path and the query. Of the query, what is found may be
// replaced.
func (x *exchange) scanURL(sc *lentScanner) (d *denial) {
	path, query := x.r.URL.EscapedPath()+"?", x.r.URL.RawQuery
	at, place := spot{part: partURL}, cleanPlace{session: x.session, part: partURL}
	placeholders, known := x.snap.clean.has(place, path, query)
	if known {
		x.seen(placeholders)
		x.cleanURL = len(placeholders) == 0
		return nil
	}
	var had inPart
	if !x.snap.redacts || signed(x.r.Header) != "" {
		had, d = x.scanPart(sc, at, path, query)
	} else {
		x.r.URL.RawQuery, had, d = x.redactPart(sc, at, path, query, "&;#")
	}
	x.cleanURL = had.findings == 0
	if d == nil && had.clean() {
		x.snap.clean.add(place, path+query, had.placeholders)
	}
	return d
}

// lineParts are what stands in the head besides fields and the URL.
func (x *exchange) lineParts() (parts []part) {
	// A method of the agent's own making is text like any other.
	if len(x.r.Method) >= dlp.MinKnown {
		parts = append(parts, part{"method", x.r.Method})
	}
	// The host in the agent's own spelling goes upstream.
	if host := x.r.Host; host != x.target.Host && len(host) >= dlp.MinKnown {
		parts = append(parts, part{"host", host})
	}
	return parts
}

// keepFindings adds to the findings, up to maxFindings. Of the body's, the caller
// holds x.bodyMu.
func (x *exchange) keepFindings(events []EventFinding) {
	n := min(len(events), maxFindings-len(x.findings))
	x.findings = append(x.findings, events[:n]...)
	x.moreFindings += len(events) - n
}

// seen notes placeholders that the agent sent.
func (x *exchange) seen(names []string) {
	if len(names) == 0 {
		return
	}
	x.bodyMu.Lock()
	defer x.bodyMu.Unlock()
	for _, n := range names {
		if !slices.Contains(x.placeholders, n) {
			x.placeholders = append(x.placeholders, n)
		}
	}
}

// lentScanner is a scanner for what leaves, which is taken from the pool when
// something is to be scanned.
type lentScanner struct {
	x  *exchange
	sc *dlp.Scanner
}

func (l *lentScanner) get() *dlp.Scanner {
	if l.sc == nil {
		l.sc = l.x.scanner()
	}
	return l.sc
}

func (l *lentScanner) giveBack() {
	if l.sc != nil {
		l.x.snap.scanners.Put(l.sc)
	}
}

func (snap *snapshot) scanner() *dlp.Scanner {
	sc := snap.scanners.Get().(*dlp.Scanner)
	sc.Reset()
	sc.Attach(nil)
	return sc
}

// scanFilter lets bytes pass once the scanner has decided them.
type scanFilter struct {
	x    *exchange
	sc   *dlp.Scanner
	tail []byte // held: the last bytes written
	next int64  // stream offset of the first byte of tail
	out  []byte

	session *dlp.Session // that short bodies are put together in; may be nil
	short   shortBody
}

func (f *scanFilter) write(p []byte) ([]byte, error) {
	// The scanner's slice is only valid until its next call.
	if err := f.x.judgeBody(f.sc.Write(p)); err != nil {
		return nil, err
	}
	f.short.add(p)
	safe := f.sc.Safe()
	if len(f.tail) == 0 && safe == f.next+int64(len(p)) {
		f.next = safe
		return p, nil
	}
	f.out = append(append(f.out[:0], f.tail...), p...)
	return f.release(safe), nil
}

// release cuts out at the stream offset safe; the rest is held.
func (f *scanFilter) release(safe int64) []byte {
	n := safe - f.next
	f.tail = append(f.tail[:0], f.out[n:]...)
	f.next = safe
	return f.out[:n]
}

// flush is called where nothing follows for a while.
func (f *scanFilter) flush() ([]byte, error) { return f.decide(f.sc.Idle()) }
func (f *scanFilter) held() int              { return len(f.tail) }

func (f *scanFilter) close() ([]byte, error)      { return f.end(f.sc.Close()) }
func (f *scanFilter) endMessage() ([]byte, error) { return f.end(f.sc.Flush()) }

// end decides what is held at the end of a body, or of a message. What is stopped
// here has not left, and is not put together with what comes.
func (f *scanFilter) end(findings []dlp.Finding) ([]byte, error) {
	out, err := f.decide(findings)
	if err != nil {
		return nil, err
	}
	err = f.x.dripShort(f.session, &f.short)
	f.short = shortBody{}
	return out, err
}

func (f *scanFilter) decide(findings []dlp.Finding) ([]byte, error) {
	if err := f.x.judgeBody(findings); err != nil {
		return nil, err
	}
	f.out = append(f.out[:0], f.tail...)
	return f.release(f.sc.Safe()), nil
}

// bodyDenial is judgeBody for a body that is decided before it is sent.
func (x *exchange) bodyDenial(findings []dlp.Finding) *denial {
	if x.judgeBody(findings) != nil {
		return x.stopped
	}
	return nil
}

// judgeBody decides findings in the body. A placeholder of a secret that may
// stand in bodies is in a credential's place there.
func (x *exchange) judgeBody(findings []dlp.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	return x.bodyVerdict(x.snap.judge(findings, x.bodyPart(), x.target.Host))
}

// bodyPart is where the body's parts are, in the journal.
func (x *exchange) bodyPart() string {
	switch {
	case x.isRaw():
		return "stream"
	case x.socket != nil:
		return "messages"
	}
	return "body"
}

// judgeBodyRedactions is judgeBody for what a Redactor did.
func (x *exchange) judgeBodyRedactions(done []dlp.Redaction) error {
	if len(done) == 0 {
		return nil
	}
	return x.bodyVerdict(judgeRedactions(done, x.bodyPart(), x.bodyAction))
}

func (x *exchange) bodyVerdict(v verdict) error {
	x.note(&v)
	for _, name := range v.placeholders {
		if st := x.snap.secret(name); v.stop == nil && st != nil && st.Inject.Body && !x.isRaw() {
			v.stop = x.mayInject(st, x.inBody())
		}
	}
	if v.stop == nil {
		return nil
	}
	if v.stop.fixed {
		v.stop.message += x.fixedBody()
	}
	return x.stopBody(v.stop)
}

// stopBody has a denial answered in place of what the body is a part of.
func (x *exchange) stopBody(d *denial) error {
	x.bodyMu.Lock()
	x.stopped = d
	x.bodyMu.Unlock()
	return &blocked{d}
}

// note keeps what a verdict has for the journal, and for the injection.
func (x *exchange) note(v *verdict) {
	x.seen(v.placeholders)
	x.bodyMu.Lock()
	defer x.bodyMu.Unlock()
	x.keepFindings(v.events)
}
