package proxy

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/internal/replace"
)

// redactBody reads the answer through the redaction. The length stays when
// every replacement has the length of what it replaces, and nothing had to be
// decompressed.
func (x *exchange) redactBody(resp *http.Response, table *replace.Table) (io.Reader, error) {
	if resp.Body == http.NoBody || x.r.Method == http.MethodHead {
		return resp.Body, nil
	}
	var src io.Reader = resp.Body
	sameLength := table.SameLength()
	if coding := contentCoding(resp.Header); coding != "" {
		dec, err := newDecoder(coding, resp.Body)
		if err != nil {
			return nil, err
		}
		src, sameLength = dec, false
		resp.Header.Del("Content-Encoding")
	}
	stream := &redactFilter{replaceFilter: replaceFilter{stream: table.NewStream()}, x: x}
	r := newFilterReader(x.ctx, src, stream)
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
	if declared > decideBytes {
		return r, nil
	}
	whole, err := io.ReadAll(io.LimitReader(r, 2*decideBytes))
	rest := io.MultiReader(strings.NewReader(string(whole)), r)
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
func (x *exchange) redactHeader(h http.Header, table *replace.Table) {
	if table == nil {
		return
	}
	redact := func(text string) string {
		s := table.NewStream()
		return string(s.Close(s.Append(nil, []byte(text))))
	}
	for name, values := range h {
		// The name of a field can hold a value too, in other letters.
		if x.holdsValue(name) {
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

// holdsValue reports whether a text holds a value of the host's secrets,
// whatever its letters' case.
func (x *exchange) holdsValue(text string) bool {
	snap := x.s.current.Load()
	text = strings.ToLower(text)
	for _, name := range x.hostSecrets {
		st := snap.secret(name)
		if st != nil && slices.ContainsFunc(st.lower, func(v string) bool { return strings.Contains(text, v) }) {
			return true
		}
	}
	return false
}
