package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/bot-bottle/bottle/dlp"
)

// The limits of what is recorded of bodies.
const (
	// maxKeptBody bounds what is kept of one body, without its coding.
	maxKeptBody = 256 << 10
	// maxSeenBody is how much of it is looked at: what begins in the kept part is
	// seen to its end, so that it is replaced whole.
	maxSeenBody = maxKeptBody + dlp.MaxRedactorHeld
	// maxKeptField bounds what the head says of a body. What is longer is left out, since
	// a secret that is cut in two would not be found any more.
	maxKeptField = 256
	// minSeenBody is what a body takes at least of maxRecorded.
	minSeenBody = 4 << 10
	// maxRecorded bounds the memory of all bodies of a Server that are being
	// recorded, with those that wait to be written. What has no room is not recorded.
	maxRecorded = 32 << 20
)

// recording collects the bodies of one exchange while they pass: of the request as
// the agent wrote it, before anything is injected, and of the answer as the agent gets
// it, but with markers where those become their texts again.
type recording struct {
	request, answer recordedBody
	tapped          bool // the answer is taken before texts are put back
}

// startRecording is called before the body is read. Git's packs are not recorded.
func (x *exchange) startRecording() {
	if !x.snap.RecordBodies || x.s.opts.Bodies == nil || x.socket != nil || isGit(x.r) {
		return
	}
	x.recording = &recording{request: recordedBody{room: x.s.recorded}, answer: recordedBody{room: x.s.recorded}}
	x.recording.request.begin(x.r.Header)
}

// requestBody is the body of the request, of which what is read is recorded.
func (r *recording) requestBody(body io.ReadCloser) io.ReadCloser {
	if r == nil {
		return body
	}
	return &recordedReader{body, &r.request}
}

// answerHead is called with the head of the answer as the agent gets it.
func (r *recording) answerHead(h http.Header) {
	if r != nil {
		r.answer.begin(h)
	}
}

// tap is put before what turns markers back into texts.
func (r *recording) tap(f filter) filter {
	if r == nil {
		return f
	}
	r.tapped = true
	return behind(f, tapFilter{body: &r.answer})
}

// answered takes what goes to the agent.
func (r *recording) answered(p []byte) {
	if r != nil && !r.tapped {
		r.answer.write(p)
	}
}

// answerEnd says that all of the answer was there.
func (r *recording) answerEnd() {
	if r != nil {
		r.answer.end()
	}
}

// drop gives the memory back.
func (r *recording) drop() {
	if r != nil {
		r.request.drop()
		r.answer.drop()
	}
}

// recordedBody is the beginning of a body. A request's may still be read when its
// exchange has ended.
type recordedBody struct {
	room *semaphore.Weighted

	mu     sync.Mutex
	typ    string
	coding string
	buf    []byte
	taken  int64 // of room
	seen   int64 // bytes that passed
	size   int64 // that the other side got, where that is not what passed here; or 0
	ended  bool  // all of it passed
	closed bool  // no more of it counts
	why    string
}

func (b *recordedBody) begin(h http.Header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if typ := h.Get("Content-Type"); len(typ) <= maxKeptField {
		b.typ = typ
	}
	b.coding = keptField(contentCoding(h))
	if coding := messageCoding(h); coding != "" {
		b.miss("its messages are compressed (" + headerText(keptField(coding)) + ")")
	}
}

func keptField(s string) string {
	if len(s) > maxKeptField {
		return "of a long name"
	}
	return s
}

func (b *recordedBody) write(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.seen += int64(len(p))
	n := min(len(p), maxSeenBody-len(b.buf))
	if b.why != "" || n == 0 {
		return
	}
	if !b.grow(len(b.buf) + n) {
		b.miss("other bodies took the memory that there is for recording")
		return
	}
	b.buf = append(b.buf, p[:n]...)
}

// grow makes room for so many bytes in all, where there is some.
func (b *recordedBody) grow(n int) bool {
	if n <= cap(b.buf) {
		return true
	}
	size := max(cap(b.buf), minSeenBody)
	for size < n {
		size *= 2
	}
	size = min(size, maxSeenBody)
	if more := int64(size) - b.taken; !b.room.TryAcquire(more) {
		return false
	} else {
		b.taken += more
	}
	b.buf = append(make([]byte, 0, size), b.buf...)
	return true
}

// miss says why nothing is kept. The caller holds b.mu.
func (b *recordedBody) miss(why string) {
	b.why = why
	b.free()
}

func (b *recordedBody) free() {
	b.room.Release(b.taken)
	b.buf, b.taken = nil, 0
}

func (b *recordedBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.ended = true
	}
}

// close lets nothing more change it, and reports whether there is something to tell of it.
func (b *recordedBody) close() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return b.seen > 0
}

// holds reports whether there is some of it.
func (b *recordedBody) holds() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken > 0
}

func (b *recordedBody) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.free()
}

// recordedReader records what is read.
type recordedReader struct {
	io.ReadCloser
	body *recordedBody
}

func (r *recordedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.body.write(p[:n])
	if errors.Is(err, io.EOF) {
		r.body.end()
	}
	return n, err
}

// tapFilter records what passes.
type tapFilter struct {
	passFilter
	body *recordedBody
}

func (f tapFilter) write(p []byte) ([]byte, error) {
	f.body.write(p)
	return p, nil
}
