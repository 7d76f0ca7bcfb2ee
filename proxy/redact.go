package proxy

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/internal/replace"
)

// redaction turns the values of secrets into their placeholders.
type redaction struct {
	table *replace.Table
	// The values in small letters, for the names of fields, and the length of
	// the shortest one.
	lower    []string
	shortest int
	least    int // the length of the shortest text in the table
}

// redaction returns what is done with the answer to x, nil for nothing. It is
// the newest one, which knows values that changed while the answer was awaited,
// unless the secrets were removed meanwhile and forgotten.
func (x *exchange) redaction() (*redaction, error) {
	if len(x.hostSecrets.names) == 0 {
		return nil, nil
	}
	snap := x.s.current.Load()
	if snap != x.snap && slices.ContainsFunc(x.hostSecrets.names, func(name string) bool { return snap.known(name) == nil }) {
		x.bodyMu.Lock()
		snap = x.lent
		x.bodyMu.Unlock()
	}
	return snap.redaction(x.hostSecrets)
}

// redaction makes the one of a set once.
func (snap *snapshot) redaction(set secretSet) (*redaction, error) {
	snap.mu.Lock()
	defer snap.mu.Unlock()
	if r := snap.redactions[set.key]; r != nil {
		return r, nil
	}
	r := &redaction{shortest: math.MaxInt, least: math.MaxInt}
	var pairs []replace.Pair
	for i, name := range set.names {
		st := snap.known(name)
		if st == nil {
			continue // removed, and so many others since that it was forgotten
		}
		for _, v := range st.values() {
			lower := strings.ToLower(v)
			r.lower = append(r.lower, lower)
			r.shortest = min(r.shortest, len(lower))
			for _, p := range replace.Forms(v, st.Placeholder) {
				p.ID = i
				r.least = min(r.least, len(p.From))
				pairs = append(pairs, p)
			}
		}
	}
	var err error
	if r.table, err = replace.New(pairs); err != nil {
		return nil, err
	}
	snap.redactions[set.key] = r
	return r, nil
}

// holds reports whether a text has one of the values in it, whatever its
// letters' case.
func (r *redaction) holds(text string) bool {
	if len(text) < r.shortest {
		return false
	}
	text = strings.ToLower(text)
	return slices.ContainsFunc(r.lower, func(v string) bool { return strings.Contains(text, v) })
}

// filterAnswer reads the answer through the redaction, and on a model route through
// what puts texts back; either may be nil. The length stays when every replacement has
// the length of what it replaces, and nothing had to be decompressed.
func (x *exchange) filterAnswer(resp *http.Response, red *redaction, restore filter) (io.Reader, error) {
	if resp.Body == http.NoBody || x.r.Method == http.MethodHead {
		return resp.Body, nil
	}
	var src io.Reader = resp.Body
	sameLength := restore == nil && (red == nil || red.table.SameLength())
	if coding := contentCoding(resp.Header); coding != "" {
		dec, err := newDecoder(coding, resp.Body)
		if err != nil && red == nil && restore == nil {
			return resp.Body, nil // it passes without being read for usage
		}
		if err != nil {
			return nil, err
		}
		src, sameLength = dec, false
		resp.Header.Del("Content-Encoding")
	}
	var f filter
	if red != nil {
		f = &redactFilter{replaceFilter: replaceFilter{stream: red.table.NewStream()}, x: x}
	}
	if x.meter != nil {
		f = behind(meterFilter{passFilter{}, x.meter}, f)
	}
	if restore != nil { // last, so that what is put back is not looked at
		f = behind(x.recording.tap(f), restore)
	}
	r := newFilterReader(x.ctx, src, f)
	if sameLength || resp.ContentLength < 0 {
		return r, nil
	}
	return x.relength(resp, r)
}

// relength makes the declared length right again: by buffering a small body,
// or by sending a larger one without a length.
func (x *exchange) relength(resp *http.Response, r io.Reader) (io.Reader, error) {
	resp.Header.Del("Content-Length")
	declared := resp.ContentLength
	resp.ContentLength = -1
	if declared > decideBytes || !x.tryReserve(2*decideBytes) {
		return r, nil
	}
	whole, err := io.ReadAll(io.LimitReader(r, 2*decideBytes))
	rest := io.MultiReader(bytes.NewReader(whole), r)
	if err == nil && len(whole) < 2*decideBytes {
		resp.ContentLength = int64(len(whole))
		resp.Header.Set("Content-Length", strconv.Itoa(len(whole)))
	}
	return rest, nil
}

// redactFilter counts what it replaced.
type redactFilter struct {
	replaceFilter
	x *exchange
}

func (f *redactFilter) close() ([]byte, error) {
	out, err := f.replaceFilter.close()
	for _, h := range f.stream.Hits() {
		f.x.redacted += h.Count
	}
	return out, err
}

// redactHeader replaces injected values that came back in a header.
func (x *exchange) redactHeader(h http.Header, red *redaction) {
	if red == nil {
		return
	}
	var s *replace.Stream // most heads need none
	var out []byte
	redact := func(text string) string {
		if len(text) < red.least {
			return text
		}
		if s == nil {
			s = red.table.NewStream()
		}
		out = s.Append(out[:0], []byte(text))
		if out = s.Close(out); string(out) == text {
			return text
		}
		return string(out)
	}
	for name, values := range h {
		// The name of a field can hold a value too, in other letters.
		if red.holds(name) {
			delete(h, name)
			x.redacted++
			continue
		}
		for i, v := range values {
			if out := redact(v); out != v {
				values[i] = out
				x.redacted++
			}
		}
	}
}
