package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/replace"
)

// prepareBody scans a small body whole, or sets a large one up to be scanned
// while it streams, and has placeholders in it replaced where a secret opted
// in.
func (x *exchange) prepareBody() *denial {
	r := x.r
	x.body = &uploadBody{x: x, src: r.Body}
	if r.Body == nil || r.Body == http.NoBody {
		x.out.Body, x.out.ContentLength = nil, 0
		x.body.src = http.NoBody
		return nil
	}
	table, d := x.bodyInjection()
	if d != nil {
		return d
	}
	small := r.ContentLength >= 0 && r.ContentLength <= decideBytes
	if coding := contentCoding(r.Header); coding != "" {
		return x.compressedBody(coding, small)
	}
	if small {
		return x.smallBody(table)
	}
	x.body.scanner = x.scanner()
	var f filter = &scanFilter{x: x, sc: x.body.scanner}
	if table != nil {
		f = chain{f, &replaceFilter{stream: table.NewStream()}}
		if !table.SameLength() {
			x.out.ContentLength = -1
			x.out.Header.Del("Content-Length")
		}
		x.usedBodySecrets()
	}
	x.body.filtered = newFilterReader(x.ctx, r.Body, f)
	x.out.Body = x.body
	return nil
}

// smallBody decides a body before the upstream is contacted.
func (x *exchange) smallBody(table *replace.Table) *denial {
	body, d := x.readSmall()
	if d != nil {
		return d
	}
	sc := x.scanner()
	defer x.snap.scanners.Put(sc)
	if d := decideWhole(sc, body, x.bodyDenial); d != nil {
		return d
	}
	if d := x.dripBody(body); d != nil {
		return d
	}
	// A body that is decided whole is looked at as a server reads it, too.
	if plain, changed := unescape(body); changed {
		if d := decideWhole(sc, plain, x.bodyDenial); d != nil {
			return d
		}
	}
	if d := x.scanTrailers(); d != nil {
		return d
	}
	if table != nil {
		stream := table.NewStream()
		replaced := stream.Close(stream.Append(nil, body))
		if !bytes.Equal(replaced, body) {
			x.usedBodySecrets()
		}
		body = replaced
	}
	x.sendWhole(body)
	return nil
}

// usedBodySecrets notes what may have been put into the body.
func (x *exchange) usedBodySecrets() {
	for _, name := range x.bodySecrets {
		if !slices.Contains(x.injected, name) {
			x.injected = append(x.injected, name)
		}
	}
}

func (x *exchange) readSmall() ([]byte, *denial) {
	x.body.started = true
	body := make([]byte, x.r.ContentLength)
	if _, err := io.ReadFull(x.r.Body, body); err != nil {
		return nil, &denial{status: http.StatusBadRequest, rule: "bad-body", message: "the request body ended early or is not framed right"}
	}
	// Read to the end: trailers come behind it.
	if n, err := io.Copy(io.Discard, x.r.Body); n > 0 || err != nil {
		return nil, &denial{status: http.StatusBadRequest, rule: "bad-body", message: "the request body is longer than it was declared"}
	}
	return body, nil
}

// sendWhole sends a decided body. It can be sent again on another connection.
func (x *exchange) sendWhole(body []byte) {
	x.body.sent = int64(len(body))
	x.body.done = true
	x.out.ContentLength = int64(len(body))
	x.out.Header.Del("Expect")
	x.out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	x.out.Body, _ = x.out.GetBody()
}

// compressedBody scans what a small compressed body decompresses to and sends
// it as it came. What cannot be looked into does not go out.
func (x *exchange) compressedBody(coding string, small bool) *denial {
	refuse := func(why string) *denial {
		return &denial{status: http.StatusBadRequest, rule: "content-encoding", message: fmt.Sprintf("the request body has Content-Encoding %s and %s; send it uncompressed", headerText(coding), why)}
	}
	if !small {
		return refuse(fmt.Sprintf("no declared length of at most %d KiB, so it cannot be scanned first", decideBytes>>10))
	}
	body, d := x.readSmall()
	if d != nil {
		return d
	}
	src := bytes.NewReader(body)
	dec, err := newDecoder(coding, src)
	if err != nil {
		return refuse("cannot be scanned: " + err.Error())
	}
	sc := x.scanner()
	defer x.snap.scanners.Put(sc)
	// The compressed form can carry text of its own: gzip header fields, skippable
	// frames, bytes behind the end.
	if d := decideWhole(sc, body, x.bodyDenial); d != nil {
		return d
	}
	sc.Reset()
	buf := make([]byte, streamBuffer)
	limited := &io.LimitedReader{R: dec, N: maxDecoded}
	for {
		n, err := limited.Read(buf)
		if x.judgeBody(sc.Write(buf[:n])) != nil {
			return x.stopped
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refuse("cannot be decompressed")
		}
	}
	switch {
	case limited.N == 0:
		return refuse(fmt.Sprintf("decompresses to more than %d MiB", maxDecoded>>20))
	case src.Len() > 0:
		return refuse("has something behind its end")
	case x.judgeBody(sc.Close()) != nil:
		return x.stopped
	}
	for _, name := range x.bodySecrets {
		if x.placeholders[name] {
			return refuse("a placeholder in it, which cannot be replaced there")
		}
	}
	if d := x.scanTrailers(); d != nil {
		return d
	}
	x.sendWhole(body)
	return nil
}

// scanTrailers scans what stands behind the body.
func (x *exchange) scanTrailers() *denial {
	for name, values := range x.r.Trailer {
		for _, v := range values {
			events, stop := x.snap.scanText("trailer "+headerText(name), name+": "+v, x.target.Host)
			x.bodyMu.Lock()
			x.keepFindings(events)
			if stop != nil {
				x.stopped = stop
			}
			x.bodyMu.Unlock()
			if stop != nil {
				return stop
			}
		}
	}
	return nil
}

// uploadBody is the body of the outgoing request. The Transport reads it from
// its own goroutine, and may still do so when the answer is already there.
type uploadBody struct {
	x        *exchange
	src      io.ReadCloser
	filtered *filterReader
	scanner  *dlp.Scanner

	mu      sync.Mutex // one reader at a time: the Transport, then drain
	sent    int64
	started bool
	done    bool // nothing is left to read, or nothing may be
}

func (b *uploadBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return 0, io.EOF
	}
	b.started = true
	n, err := b.filtered.Read(p)
	b.sent += int64(n)
	if err == nil {
		return n, nil
	}
	b.done = true
	if errors.Is(err, io.EOF) {
		if d := b.x.scanTrailers(); d != nil {
			return 0, &blocked{d}
		}
	}
	return n, err
}

// Close is called by the Transport when it wants no more. The connection's
// server closes the source.
func (b *uploadBody) Close() error { return nil }

// drain reads the rest of the upload after an early answer: closing the
// connection under a client that still writes would reset it before the client
// has read the answer.
func (x *exchange) drain() {
	b := x.body
	if x.r.Body == nil || x.r.Body == http.NoBody || x.r.ProtoMajor >= 2 {
		return
	}
	if (b == nil || b.untouched()) && x.r.Header.Get("Expect") != "" {
		return // the client waits for a 100 and sends no body without one
	}
	_ = x.rc.Flush()
	_ = x.rc.SetReadDeadline(time.Now().Add(drainTime))
	if b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.filtered != nil && b.filtered.pump != nil && b.filtered.pump.busy {
			_, _, _ = b.filtered.pump.read(0)
		}
		b.done = true
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(x.r.Body, drainBytes)); err == nil {
		_ = x.rc.SetReadDeadline(time.Time{})
	}
}

// untouched reports whether nothing of the upload was asked for.
func (b *uploadBody) untouched() bool {
	if !b.mu.TryLock() {
		return false
	}
	defer b.mu.Unlock()
	return !b.started
}

// finish gives the scanner back, unless the Transport still uses it.
func (b *uploadBody) finish() {
	if b == nil || !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	b.done = true
	if b.scanner != nil {
		b.x.snap.scanners.Put(b.scanner)
		b.scanner = nil
	}
}

// replaceFilter runs a stream through a replacement table.
type replaceFilter struct {
	stream *replace.Stream
	out    []byte
}

func (f *replaceFilter) write(p []byte) ([]byte, error) {
	f.out = f.stream.Append(f.out[:0], p)
	return f.out, nil
}

func (f *replaceFilter) flush() ([]byte, error) {
	f.out = f.stream.Flush(f.out[:0])
	return f.out, nil
}

func (f *replaceFilter) close() ([]byte, error) {
	f.out = f.stream.Close(f.out[:0])
	return f.out, nil
}

func (f *replaceFilter) held() int { return f.stream.Held() }
