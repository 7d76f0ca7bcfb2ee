package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/replace"
)

// prepareBody scans a small body whole, or sets a large one up to be scanned
// while it streams, and has placeholders in it replaced where a secret opted
// in.
func (x *exchange) prepareBody() *denial {
	r := x.r
	x.startRecording()
	x.body = &uploadBody{x: x, src: r.Body}
	// An HTTP/2 request has a Body that is not nil also where there is none; sent
	// on as one it would be of unknown length.
	if x.socket != nil || r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 && len(r.Trailer) == 0 {
		x.out.Body, x.out.ContentLength = nil, 0
		x.body.src = http.NoBody
		return nil
	}
	r.Body = x.recording.requestBody(r.Body)
	in, d := x.bodyInjection()
	if d != nil {
		return d
	}
	x.openTrailers()
	if x.isAWSChunked() {
		return x.chunkedBody()
	}
	x.body.altered = in != nil || x.redactsBody()
	small := r.ContentLength >= 0 && r.ContentLength <= x.decideLimit()
	if !small && len(r.Trailer) > 0 {
		// In HTTP/1.1 a body of a declared length has ended, and its request with it,
		// before what comes behind it is decided. It has no trailers there either.
		x.out.ContentLength = -1
		x.out.Header.Del("Content-Length")
	}
	coding := contentCoding(r.Header)
	switch message := messageCoding(r.Header); {
	case x.snap.ignores:
		coding = "" // nobody looks into it
	case message != "" && !scannedMessage(message):
		return refuseMessages(message)
	}
	switch {
	case coding != "" && small:
		return x.compressedBody(coding, in)
	case coding != "":
		return x.streamCompressed(coding, in)
	case small:
		return x.smallBody(in)
	}
	x.body.scanner = x.scanner()
	x.snap.enter() // the Transport may read when the exchange has ended
	f := x.bodyFilter()
	if in != nil {
		f = chain{f, in.filter()}
		if in.sized = in.table.SameLength() && x.out.ContentLength >= 0; !in.sized {
			x.out.ContentLength = -1
			x.out.Header.Del("Content-Length")
		}
	}
	x.body.filtered = newFilterReader(x.ctx, r.Body, f)
	x.out.Body = x.body
	return nil
}

// openTrailers makes room for trailers that are not announced. The map that
// net/http fills is not sent: anything can be in it.
func (x *exchange) openTrailers() {
	if x.r.ContentLength >= 0 || x.r.ProtoMajor >= 2 {
		return // HTTP/2's server keeps to what was announced
	}
	x.out.Trailer = http.Header{}
	for name := range x.r.Trailer {
		x.out.Trailer[name] = nil
	}
}

// bodyFilter scans a body while it streams. Where something may be replaced in it,
// its length is not known before.
func (x *exchange) bodyFilter() filter {
	if x.snap.ignores {
		return passFilter{}
	}
	if x.redactsBody() {
		x.out.ContentLength = -1
		x.out.Header.Del("Content-Length")
	}
	return x.streamScan(x.body.scanner)
}

// passFilter lets everything pass.
type passFilter struct{}

func (passFilter) write(p []byte) ([]byte, error) { return p, nil }
func (passFilter) flush() ([]byte, error)         { return nil, nil }
func (passFilter) close() ([]byte, error)         { return nil, nil }
func (passFilter) held() int                      { return 0 }

// smallBody decides a body before the upstream is contacted.
func (x *exchange) smallBody(in *bodyInjection) *denial {
	body, d := x.readSmall()
	if d != nil {
		return d
	}
	sc := x.scanner()
	defer x.snap.scanners.Put(sc)
	if body, d = x.decideBody(sc, body); d != nil {
		return d
	}
	if d := x.dripBody(body); d != nil {
		return d
	}
	if d := x.scanTrailers(); d != nil {
		return d
	}
	if in != nil {
		if body, d = in.whole(body); d != nil {
			return d
		}
	}
	x.sendWhole(body)
	return nil
}

// decideBody judges a body that is there in full, and returns it as it may leave.
func (x *exchange) decideBody(sc *dlp.Scanner, body []byte) ([]byte, *denial) {
	if !x.redactsBody() {
		return body, decideWhole(sc, body, x.bodyDenial)
	}
	if x.isModel() {
		body = x.cutKeys(body)
	}
	findings := scanWhole(sc, body)
	if !x.wantsRedaction(findings) {
		return body, x.bodyDenial(findings)
	}
	t := wholeText{text: body}
	switch typ, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type")); {
	case typ == "application/x-www-form-urlencoded":
		t.together = "&"
	case typ == "application/json" || strings.HasSuffix(typ, "+json"):
		t.json = true
	}
	return x.redactWhole(sc, t, func(done []dlp.Redaction) *denial {
		if x.judgeBodyRedactions(done) != nil {
			return x.stopped
		}
		return nil
	})
}

func (x *exchange) readSmall() ([]byte, *denial) {
	x.body.started = true
	if d := x.reserve(x.r.ContentLength); d != nil {
		return nil, d
	}
	limit := x.limitRead()
	body, d := x.readWhole()
	if limit.end() && d != nil {
		return nil, slowBody(fmt.Sprintf("the request body of %d bytes", x.r.ContentLength))
	}
	return body, d
}

func (x *exchange) readWhole() ([]byte, *denial) {
	body := make([]byte, x.r.ContentLength)
	if _, err := io.ReadFull(x.r.Body, body); err != nil {
		return nil, badBody("ended early or is not framed right")
	}
	// Read to the end: trailers come behind it.
	if _, err := io.ReadFull(x.r.Body, make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, badBody("is longer than it was declared")
	}
	return body, nil
}

func badBody(why string) *denial {
	return &denial{status: http.StatusBadRequest, rule: "bad-body", message: "the request body " + why}
}

func slowBody(what string) *denial {
	return &denial{status: http.StatusRequestTimeout, rule: "slow-body", message: fmt.Sprintf("%s did not arrive within %v, so it could not be checked and was not sent", what, smallBodyTimeout)}
}

// sendWhole sends a decided body. It can be sent again on another connection.
func (x *exchange) sendWhole(body []byte) {
	x.body.sent = int64(len(body))
	x.body.done = true
	if x.out.ContentLength >= 0 { // what came in chunks, with trailers maybe, leaves so
		x.out.ContentLength = int64(len(body))
	}
	x.out.Header.Del("Expect")
	x.out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	x.out.Body, _ = x.out.GetBody()
}

// hold reads a body that would stream, decided, so that something can be said of all
// of it before it is sent. One of more than most bytes is answered by large.
func (x *exchange) hold(most int, large *denial) *denial {
	limit := x.limitRead()
	body, err := x.readHeld(most)
	var stop *blocked
	switch over := limit.end(); {
	case errors.As(err, &stop):
		return stop.denial
	case errors.Is(err, errHeldFull):
		return large
	case over && err != nil:
		return slowBody("the request body")
	case err != nil:
		return badBody("ended early or is not framed right")
	}
	x.sendWhole(body)
	return nil
}

// wholeBody is the body as it leaves, of at most so many bytes.
func (x *exchange) wholeBody(most int, large *denial) ([]byte, *denial) {
	if x.out.Body == nil {
		return nil, nil
	}
	if x.out.GetBody == nil {
		if x.r.ContentLength > int64(most) {
			return nil, large
		}
		if d := x.hold(most, large); d != nil {
			return nil, d
		}
	}
	body, err := x.out.GetBody()
	if err != nil {
		return nil, badBody("cannot be read again")
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, badBody("cannot be read again")
	}
	return b, nil
}

var errHeldFull = errors.New("the body is too large to be held")

func (x *exchange) readHeld(most int) ([]byte, error) {
	var b bytes.Buffer
	for {
		if d := x.reserve(2 * decideBytes); d != nil { // a buffer that grows can have twice the length
			return nil, &blocked{d}
		}
		switch _, err := io.CopyN(&b, x.body, decideBytes); {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case b.Len() > most:
			return nil, errHeldFull
		case err != nil:
			return b.Bytes(), nil
		}
	}
}

// scanTrailers scans what stands behind the body.
func (x *exchange) scanTrailers() *denial {
	if len(x.r.Trailer) == 0 {
		return nil
	}
	sc := &lentScanner{x: x}
	defer sc.giveBack()
	for name, values := range x.r.Trailer {
		if d := x.scanField(sc, "trailer", name, values); d != nil {
			x.bodyMu.Lock()
			x.stopped = d
			x.bodyMu.Unlock()
			return d
		}
	}
	return nil
}

// keepTrailers passes on the trailers of a request that were not announced, but
// for those that no trailer may be (RFC 9110, section 6.5.1).
func (x *exchange) keepTrailers() {
	if x.out.Trailer == nil {
		return
	}
	for name, values := range x.r.Trailer {
		if httpguts.ValidTrailerHeader(name) {
			x.out.Trailer[name] = values
		}
	}
}

// uploadBody is the body of the outgoing request. The Transport reads it from
// its own goroutine, and may still do so when the answer is already there.
type uploadBody struct {
	x        *exchange
	src      io.ReadCloser
	filtered *filterReader
	scanner  *dlp.Scanner
	ended    func() // gives back what else it has; may be nil
	altered  bool   // something may be replaced while it streams

	mu      sync.Mutex // one reader at a time: the Transport, then drain
	sent    int64
	started bool
	done    bool // nothing is left to read, or nothing may be
	whole   bool // it was read to its end
	broke   bool // it could not be read to its end

	over atomic.Bool // the exchange has ended
}

func (b *uploadBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer func() {
		b.mu.Unlock()
		if b.over.Load() {
			b.finish() // which found this read under way
		}
	}()
	switch {
	case b.whole:
		return 0, io.EOF
	case b.done: // at an end, the upstream would take what it has for all there is
		return 0, errGivenUp
	}
	b.started = true
	n, err := b.next(p)
	b.sent += int64(n)
	b.done, b.whole = err != nil, errors.Is(err, io.EOF)
	b.broke = b.done && !b.whole
	return n, err
}

// errGivenUp is for an upload of which the rest is thrown away.
var errGivenUp = errors.New("the exchange has ended before its upload")

// cut reports whether the client did not send all of it. What was stopped is cut too.
func (b *uploadBody) cut() bool {
	if !b.mu.TryLock() {
		return false // it is still being read
	}
	defer b.mu.Unlock()
	return b.broke
}

func (b *uploadBody) next(p []byte) (_ int, err error) {
	defer b.x.caught(&err)
	n, err := b.filtered.Read(p)
	if stop := b.x.spend(int64(n)); stop != nil {
		return 0, stop
	}
	if errors.Is(err, io.EOF) {
		if d := b.x.scanTrailers(); d != nil {
			return 0, &blocked{d}
		}
		b.x.keepTrailers()
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

// finish gives the scanner back when the exchange has ended, or lets a read of
// the Transport that is under way do so.
func (b *uploadBody) finish() {
	if b == nil {
		return
	}
	b.over.Store(true)
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	b.done = true
	if b.scanner != nil {
		b.x.snap.scanners.Put(b.scanner)
		b.scanner = nil
		if b.ended != nil {
			b.ended()
		}
		b.x.snap.leave()
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
