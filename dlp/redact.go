package dlp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	// MaxRedactorHeld bounds how many bytes of a stream a Redactor holds back.
	MaxRedactorHeld = MaxHeld + maxHeldRun + lookBehind

	// maxHeldRun is how much of a run that may become an encoding is held, so that
	// all of it can be replaced when something is found in it.
	maxHeldRun = 1 << 10
	// lookBehind is how far back is looked for an escape, maxSlashes how many
	// backslashes are one.
	lookBehind = 64
	maxSlashes = 56
	// maxReplaced bounds the text that Replaced gets.
	maxReplaced = 64 << 10
)

// A Redactor copies a stream and replaces what is found in it, a finding at a
// time, by a marker of its value (see [Engine.Marker]). Of a match in an
// encoding, all of the run that holds it is replaced, but for what is more than
// 1 KiB before it. Matches that overlap get one marker, that of the first.
//
// Text stays what it is: an escape of JSON or a URL is replaced whole or not at
// all, and a number in the place of a JSON value is replaced by a number of 15
// digits. How the stream is cut into chunks changes nothing about the output.
//
// A Redactor is not safe for concurrent use. The redactions that a method
// returns are valid until the next call.
type Redactor struct {
	scanner interface {
		Write(p []byte) []Finding
		Flush() []Finding
		Idle() []Finding
		Close() []Finding
		Safe() int64
		Reset()
	}
	engine *Engine
	opts   RedactOptions

	buf     []byte // the end of the stream
	base    int64  // stream offset of buf[0]
	done    int64  // offset up to which the stream was copied or replaced
	safe    int64  // of the scanner, as of the last release
	run     int64  // where the run begins that ends at safe
	waiting []redacted
	open    replacement
	text    []byte // what is being replaced, for opts.Replaced
	results []Redaction
	err     error
}

// RedactOptions say what a Redactor does with findings.
type RedactOptions struct {
	// Decide returns the action for a finding; nil is that of the zero Policy,
	// without a host.
	Decide func(Finding) Action
	// Strict blocks what cannot be replaced for sure: a finding of which some has
	// gone out already, as behind an Idle, or that is only a part of a secret, such
	// as the first line of a private key or a piece that a Session told, or that
	// stands in compressed data inside of another encoding.
	Strict bool
	// Marker returns what is put in place of a finding instead of its marker,
	// such as the placeholder of a known value. It may be nil.
	Marker func(Finding) (text string, ok bool)
	// Replaced, if not nil, is called with each marker that went out and what it
	// stands for, so that it can be turned back. The text is only valid during
	// the call, and is nil if it is longer than 64 KiB.
	Replaced func(marker string, text []byte)
}

// Redaction is a finding and what was done with it.
type Redaction struct {
	Finding
	Action Action
	// Marker is what was put in its place, perhaps for a finding that it overlaps
	// with. It is "" if nothing was replaced, as after a Flush that let it pass.
	Marker string
}

// BlockedError says that a finding stopped the stream.
type BlockedError struct{ Finding Finding }

func (e *BlockedError) Error() string {
	return fmt.Sprintf("dlp: %s at offset %d is blocked", e.Finding.Rule, e.Finding.Offset)
}

// redacted is a finding whose replacement has not begun, and the stretch of the
// stream that it is replaced in.
type redacted struct {
	Finding
	start, end int64
}

// replacement is what is being replaced.
type replacement struct {
	active bool
	end    int64
	run    *class // more of it belongs to the match
	pads   int
	marker string
}

// NewRedactor returns a Redactor of the stream that sc is at the start of. No
// one else may use sc.
func NewRedactor(sc *Scanner, opts RedactOptions) *Redactor {
	if opts.Decide == nil {
		opts.Decide = func(f Finding) Action { return Policy{}.Decide(f, "") }
	}
	return &Redactor{scanner: sc, engine: sc.engine, opts: opts, buf: make([]byte, 0, lookBehind+MaxRedactorHeld+pieceBytes)}
}

// Reset makes the Redactor ready for another stream.
func (r *Redactor) Reset() {
	r.scanner.Reset()
	*r = Redactor{scanner: r.scanner, engine: r.engine, opts: r.opts, buf: r.buf[:0], waiting: r.waiting[:0], text: r.text[:0], results: r.results[:0]}
}

// Write takes the next bytes of the stream, appends to dst what may go out and
// returns what was decided. It does not keep p. The error is a *BlockedError
// for a finding whose action is Block, or Redact where that is not possible: in
// compressed data and UTF-16. Then nothing goes out any more.
func (r *Redactor) Write(dst, p []byte) ([]byte, []Redaction, error) {
	r.results = r.results[:0]
	before := len(dst)
	for len(p) > 0 && r.err == nil {
		n := min(len(p), pieceBytes)
		found := r.scanner.Write(p[:n])
		r.buf = append(r.buf, p[:n]...)
		p = p[n:]
		dst = r.take(dst, found, r.limit)
	}
	return r.result(dst, before)
}

// Flush appends all that is held, decided as if the stream ended. The stream goes
// on: of a match that continues, what comes behind the flush is replaced. A
// flush inside of an escape may split it.
func (r *Redactor) Flush(dst []byte) ([]byte, []Redaction, error) {
	return r.end(dst, r.scanner.Flush, r.written)
}

// Idle is Flush for a stream of which nobody knows whether a message ended, see
// [Scanner.Idle].
func (r *Redactor) Idle(dst []byte) ([]byte, []Redaction, error) {
	return r.end(dst, r.scanner.Idle, func() int64 { return max(r.scanner.Safe(), r.done) })
}

// Close appends the rest of the stream.
func (r *Redactor) Close(dst []byte) ([]byte, []Redaction, error) {
	dst, results, err := r.end(dst, r.scanner.Close, r.written)
	if err == nil && r.open.active {
		r.finish()
	}
	return dst, results, err
}

func (r *Redactor) end(dst []byte, decide func() []Finding, limit func() int64) ([]byte, []Redaction, error) {
	r.results = r.results[:0]
	before := len(dst)
	if r.err == nil {
		dst = r.take(dst, decide(), limit)
	}
	return r.result(dst, before)
}

// Held returns how many bytes are held.
func (r *Redactor) Held() int { return int(r.written() - r.done) }

func (r *Redactor) result(dst []byte, before int) ([]byte, []Redaction, error) {
	if r.err != nil {
		dst = dst[:before]
	}
	return dst, r.results, r.err
}

func (r *Redactor) written() int64 { return r.base + int64(len(r.buf)) }

// take decides findings and releases what may go out: up to limit.
func (r *Redactor) take(dst []byte, found []Finding, limit func() int64) []byte {
	for i := range found {
		f := &found[i]
		action := r.opts.Decide(*f)
		if action == Redact && !replaceable(f) || strictness[action] == 0 {
			action = Block
		}
		if action == Redact {
			w := r.place(f)
			switch {
			case r.opts.Strict && (r.begun(f, &w) || isPartial(f) && !r.covered(found, &w) || r.isCut(&w)):
				action = Block
			case w.end > r.done:
				r.waiting = append(r.waiting, w)
				continue
			}
		}
		r.results = append(r.results, Redaction{Finding: *f, Action: action})
		if action == Block && r.err == nil {
			r.err = &BlockedError{*f}
		}
	}
	if r.err != nil {
		return dst
	}
	if len(found) > 0 {
		slices.SortStableFunc(r.waiting, first)
	}
	return r.release(dst, limit())
}

// first orders what waits, so that the one whose marker counts is the first.
func first(a, b redacted) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.Offset, b.Offset), -cmp.Compare(a.Kind, b.Kind),
		-cmp.Compare(a.Length, b.Length), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Name, b.Name))
}

// place returns where a finding is replaced.
func (r *Redactor) place(f *Finding) redacted {
	w := redacted{*f, f.Offset, max(f.Offset+int64(f.Length), f.End)}
	run := runOf(f.Path)
	switch {
	case f.Start < f.Offset && f.End > 0: // or else they are not known
		w.start = f.Start
		if run != nil {
			w.start = max(w.start, r.runBefore(f.Offset, runBytes))
		}
	case run != nil:
		w.start = r.runBefore(f.Offset, run)
	}
	w.start = max(w.start, r.done)
	w.start = max(r.base+int64(escapeBefore(r.buf, int(w.start-r.base), false)), r.done)
	return w
}

// begun reports whether some of a finding has gone out, or of an escape that its
// place begins in.
func (r *Redactor) begun(f *Finding, w *redacted) bool {
	return f.Offset < r.done || r.base+int64(escapeBefore(r.buf, int(w.start-r.base), false)) < r.done
}

// isCut reports whether a bearer token may go on behind its match, which has an
// end in any case.
func (r *Redactor) isCut(w *redacted) bool {
	if w.Rule != "bearer-token" || w.Length < runContext || runOf(w.Path) != nil {
		return false
	}
	i := int(w.end - r.base)
	return i >= len(r.buf) || tokenBody[r.buf[i]] || r.buf[i] == '\\' || r.buf[i] == '%'
}

// covered reports whether a piece of a known value is in the place of the whole
// value, which has an escape in it.
func (r *Redactor) covered(found []Finding, w *redacted) bool {
	if !w.isPiece() {
		return false
	}
	covers := func(c *redacted) bool {
		return c.Kind == KindKnown && c.Name == w.Name && !isPartial(&c.Finding) && c.start <= w.start && w.end <= c.end
	}
	for i := range r.waiting {
		if covers(&r.waiting[i]) {
			return true
		}
	}
	for i := range found {
		if c := r.place(&found[i]); covers(&c) && r.opts.Decide(found[i]) == Redact {
			return true
		}
	}
	return false
}

// runBefore returns the beginning of the run of a class that ends at an offset, as
// far as it is held in any case.
func (r *Redactor) runBefore(offset int64, run *class) int64 {
	i := int(offset - r.base)
	for least := max(0, i-maxHeldRun); i > least && run[r.buf[i-1]]; i-- {
	}
	return r.base + int64(i)
}

// limit returns the offset up to which the stream may be copied: nothing that is
// not known yet will have to be replaced from before it.
func (r *Redactor) limit() int64 {
	safe := r.scanner.Safe()
	i := int(safe - r.base)
	for least := int(max(r.safe, r.base) - r.base); i > least && runBytes[r.buf[i-1]]; i-- {
	}
	if at := r.base + int64(i); at > r.safe {
		r.run = at
	}
	r.safe = safe
	limit := max(r.run, safe-maxHeldRun, r.done)
	return max(r.base+int64(escapeBefore(r.buf, int(limit-r.base), true)), r.done)
}

// release copies and replaces up to limit.
func (r *Redactor) release(dst []byte, limit int64) []byte {
	for r.done < limit {
		if r.open.active {
			r.drop(limit)
			continue
		}
		next := limit
		if len(r.waiting) > 0 {
			next = min(limit, max(r.waiting[0].start, r.done))
		}
		dst = append(dst, r.buf[r.done-r.base:next-r.base]...)
		r.done = next
		if next < limit {
			dst = r.begin(dst)
		}
	}
	if cut := int(r.done-r.base) - lookBehind; cut > 0 {
		r.buf = r.buf[:copy(r.buf, r.buf[cut:])]
		r.base += int64(cut)
	}
	return dst
}

// begin puts the marker of the first that waits into dst.
func (r *Redactor) begin(dst []byte) []byte {
	w := &r.waiting[0]
	marker, ok := "", false
	if r.opts.Marker != nil {
		marker, ok = r.opts.Marker(w.Finding)
	}
	switch {
	case ok:
	case r.isNumber(w):
		marker = r.engine.numberMarker(w.Finding)
	default:
		marker = r.engine.Marker(w.Finding)
	}
	r.open = replacement{active: true, end: r.done, marker: marker}
	r.join(r.done + 1)
	return append(dst, marker...)
}

// join has what begins before an offset replaced with what is open.
func (r *Redactor) join(before int64) {
	n := 0
	for ; n < len(r.waiting) && r.waiting[n].start < before; n++ {
		w := &r.waiting[n]
		r.open.end = max(r.open.end, w.end)
		if c := runOf(w.Path); c != nil {
			r.open.run, r.open.pads = c, 0
		}
		r.results = append(r.results, Redaction{Finding: w.Finding, Action: Redact, Marker: r.open.marker})
	}
	if n > 0 {
		r.waiting = append(r.waiting[:0], r.waiting[n:]...)
	}
}

// drop passes over what is replaced, up to limit.
func (r *Redactor) drop(limit int64) {
	r.join(r.open.end)
	if r.done < r.open.end {
		n := min(r.open.end, limit)
		if r.opts.Replaced != nil && len(r.text) <= maxReplaced {
			r.text = append(r.text, r.buf[r.done-r.base:n-r.base]...)
		}
		r.done = n
		return
	}
	if !r.goesOn(int(r.done - r.base)) {
		r.finish()
		return
	}
	r.open.end = r.done + 1
}

// finish ends what is replaced.
func (r *Redactor) finish() {
	if r.opts.Replaced != nil {
		text := r.text
		if len(text) > maxReplaced {
			text = nil
		}
		r.opts.Replaced(r.open.marker, text)
		clear(r.text)
		r.text = r.text[:0]
	}
	r.open = replacement{}
}

// goesOn reports whether the byte at r.buf[i], behind what is replaced, belongs
// to it.
func (r *Redactor) goesOn(i int) bool {
	b := r.buf[i]
	if r.open.run != nil {
		switch {
		case r.open.pads == 0 && r.open.run[b]:
			return true
		case b == '=' && r.open.pads < maxPads:
			r.open.pads++
			return true
		}
		r.open.run = nil
	}
	return inEscape(r.buf[:i], b)
}

// isNumber reports whether what is replaced is a number where a JSON value may
// stand.
func (r *Redactor) isNumber(w *redacted) bool {
	i := int(r.done - r.base)
	for _, c := range r.buf[i:min(int(w.end-r.base), len(r.buf))] {
		if c < '0' || c > '9' {
			return false
		}
	}
	least := max(0, i-lookBehind)
	for i > least && isSpace(r.buf[i-1]) {
		i--
	}
	return i == 0 || i > least && strings.IndexByte(":[,-", r.buf[i-1]) >= 0
}
