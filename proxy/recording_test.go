package proxy

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// memoryBodies keeps bodies; fail makes the next ones fail.
type memoryBodies struct {
	mu   sync.Mutex
	kept [][]byte
	fail error
}

func (b *memoryBodies) KeepBody(text []byte) (BodyPlace, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return BodyPlace{}, b.fail
	}
	sum := sha256.Sum256(text)
	b.kept = append(b.kept, bytes.Clone(text))
	return BodyPlace{File: "memory", Offset: int64(len(b.kept) - 1), Length: len(text), SHA256: hex.EncodeToString(sum[:])}, nil
}

// text is what is kept of a body; "" for nothing.
func (b *memoryBodies) text(t testing.TB, e *EventBody) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if e == nil || e.File == "" {
		return ""
	}
	text := b.kept[e.Offset]
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != e.SHA256 || len(text) != e.Length {
		t.Errorf("%d bytes are not those of %+v", len(text), e)
	}
	return string(text)
}

func withBodies(b *memoryBodies) rigOption {
	return func(r *rig, o *Options, _ *ListenOptions) { r.cfg.RecordBodies, o.Bodies = true, b }
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

func TestBodiesAreRecorded(t *testing.T) {
	bodies := &memoryBodies{}
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{Body: true, Bearer: true}, withBodies(bodies))
	marked := func(e *EventBody, text string) string {
		if i := strings.Index(text, dlp.MarkerPrefix("")); i >= 0 && e.Redacted == 1 {
			return text[:i] + "MARKER" + strings.TrimLeft(text[i:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
		}
		return text
	}
	long := strings.Repeat("0123456789abcde\n", maxKeptBody/8)
	tests := []struct {
		name           string
		url            string
		request        []byte
		header         []string // of the request
		answer         []byte
		answerHeader   []string
		pieces         int // that the answer comes in, without a length
		wantRequest    string
		wantAnswer     string
		missing        string // of the answer
		cut            bool
		size           int64 // of the answer, where it is not its length
		missingRequest string
	}{
		{name: "plain ones", request: []byte("a question"), answer: []byte("an answer"), wantRequest: "a question", wantAnswer: "an answer"},
		{name: "none", wantRequest: "", wantAnswer: ""},
		{name: "a placeholder, for which the value was sent", request: []byte("key=" + testPlaceholder), header: []string{"Content-Type", "application/x-www-form-urlencoded"},
			answer: []byte("you sent " + testValue), wantRequest: "key=" + testPlaceholder, wantAnswer: "you sent " + testPlaceholder},
		{name: "a value where it was never sent", url: "https://other.example.com/", answer: []byte("it is " + testValue + "."), wantAnswer: "it is MARKER."},
		{name: "a token in an answer", answer: []byte(`{"token":"` + fakeToken + `","n":1}`), answerHeader: []string{"Content-Type", "application/json"}, wantAnswer: `{"token":"MARKER","n":1}`},
		{name: "a token in an answer with gzip", url: "https://other.example.com/", answer: gzipped("see " + fakeToken + " end"), answerHeader: []string{"Content-Encoding", "gzip"},
			wantAnswer: "see MARKER end", size: int64(len("see " + fakeToken + " end"))},
		{name: "a request with gzip", request: gzipped("small"), header: []string{"Content-Encoding", "gzip"}, answer: []byte("ok"), wantRequest: "small", wantAnswer: "ok"},
		{name: "a stream of events", answer: []byte("data: one\n\ndata: " + fakeToken + "\n\ndata: three\n\n"), answerHeader: []string{"Content-Type", "text/event-stream"}, pieces: 5,
			wantAnswer: "data: one\n\ndata: MARKER\n\ndata: three\n\n"},
		{name: "gRPC", request: []byte("\x00\x00\x00\x00\x03abc"), header: []string{"Content-Type", "application/grpc"}, answer: []byte("\x00\x00\x00\x00\x2c\x0a\x28" + fakeToken + "\x10\x01"),
			answerHeader: []string{"Content-Type", "application/grpc"}, pieces: 2, wantRequest: "\x00\x00\x00\x00\x03abc", wantAnswer: "\x00\x00\x00\x00\x2c\x0a\x28MARKER\x10\x01"},
		{name: "a coding that nobody knows", url: "https://other.example.com/", answer: []byte("xxxx"), answerHeader: []string{"Content-Encoding", "xyz"}, missing: "its Content-Encoding xyz cannot be looked into"},
		{name: "a coding that is none", url: "https://other.example.com/", answer: []byte("no gzip"), answerHeader: []string{"Content-Encoding", "gzip"}, missing: "cannot be taken off"},
		{name: "messages that are compressed", url: "https://other.example.com/", answer: []byte("xxxx"), answerHeader: []string{"Grpc-Encoding", "gzip"}, missing: "its messages are compressed (gzip)"},
		{name: "a private key", answer: []byte(fakePEM), missing: "private-key stands in it where it cannot be replaced"},
		{name: "a token in a file with gzip", answer: gzipped(fakeToken), missing: "stands in it where it cannot be replaced"},
		{name: "a long one", answer: []byte(long), wantAnswer: long[:maxKeptBody], cut: true},
		{name: "one that becomes long", url: "https://other.example.com/", answer: gzipped(long), answerHeader: []string{"Content-Encoding", "gzip"}, wantAnswer: long[:maxKeptBody], cut: true, size: -1},
		{name: "git's", url: "https://example.com/a.git/git-upload-pack", request: []byte("PACK"), answer: []byte("PACK")},
		{name: "no text", request: []byte("\x00\xff\xfe"), answer: []byte("\x01\x80\x00"), wantRequest: "\x00\xff\xfe", wantAnswer: "\x01\x80\x00"},
	}
	for _, h2 := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", tt.name, h2), func(t *testing.T) {
				up.answer = func(w http.ResponseWriter, _ *http.Request) {
					w.Header()["Content-Type"] = nil
					for i := 0; i < len(tt.answerHeader); i += 2 {
						w.Header().Set(tt.answerHeader[i], tt.answerHeader[i+1])
					}
					n := len(tt.answer) / max(tt.pieces, 1)
					for rest := tt.answer; len(rest) > 0; {
						n = min(max(n, 1), len(rest))
						_, _ = w.Write(rest[:n])
						if rest = rest[n:]; tt.pieces > 0 {
							w.(http.Flusher).Flush()
						}
					}
				}
				url := tt.url
				if url == "" {
					url = "https://example.com/"
				}
				req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(tt.request))
				if err != nil {
					t.Fatal(err)
				}
				for i := 0; i < len(tt.header); i += 2 {
					req.Header.Set(tt.header[i], tt.header[i+1])
				}
				resp, err := r.client(h2).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 200 {
					t.Fatalf("%d %q %v", resp.StatusCode, got, err)
				}
				e := r.lastEnd()
				if text := bodies.text(t, e.RequestBody); text != tt.wantRequest {
					t.Errorf("of the request %q is kept, %+v", text, e.RequestBody)
				}
				if e.AnswerBody == nil {
					if tt.wantAnswer+tt.missing != "" {
						t.Errorf("nothing is said of the answer")
					}
					return
				}
				a := e.AnswerBody
				if text := marked(a, bodies.text(t, a)); text != tt.wantAnswer || a.Cut != tt.cut {
					t.Errorf("of the answer %.200q is kept, %+v", text, a)
				}
				if tt.missing == "" != (a.Missing == "") || !strings.Contains(a.Missing, tt.missing) {
					t.Errorf("missing: %q", a.Missing)
				}
				if size := max(tt.size, 0); tt.missing == "" && tt.size == 0 && a.Size != e.BytesIn || tt.size != 0 && a.Size != size {
					t.Errorf("the size is %d, of %d bytes", a.Size, e.BytesIn)
				}
				if typ := resp.Header.Get("Content-Type"); a.Type != typ {
					t.Errorf("the type is %q, not %q", a.Type, typ)
				}
				up.take()
			})
		}
	}
	r.server.Close()
	roomIsFree(t, r)
}

// roomIsFree wants nothing to be recorded any more.
func roomIsFree(t *testing.T, r *rig) {
	t.Helper()
	if !r.server.recorded.TryAcquire(maxRecorded) {
		t.Error("memory of the recording was not given back")
	}
}

func TestNoBodyIsRecordedUnlessToldTo(t *testing.T) {
	bodies := &memoryBodies{}
	r := newRig(t, &upstreamLog{}, Config{}, withBodies(bodies), func(r *rig, _ *Options, _ *ListenOptions) { r.cfg.RecordBodies = false })
	r.post("https://example.com/", "text/plain", "a question")
	if e := r.lastEnd(); e.RequestBody != nil || e.AnswerBody != nil || len(bodies.kept) > 0 {
		t.Errorf("%+v, %d kept", e, len(bodies.kept))
	}
}

func TestADeniedRequestIsNotRecorded(t *testing.T) {
	bodies := &memoryBodies{}
	r := newRig(t, &upstreamLog{}, Config{}, withBodies(bodies))
	for _, n := range []int{1, 2 * decideBytes} { // which is decided before it is sent, and while it is
		status, _ := r.post("https://example.com/", "text/plain", strings.Repeat("lorem ipsum ", n/12)+fakeToken+strings.Repeat(" and on", 20))
		if status != 400 {
			t.Fatal(status)
		}
	}
	if e := r.journal.wait(t, isEnd); e.RequestBody != nil || e.AnswerBody != nil || len(bodies.kept) > 0 { // of the second
		t.Errorf("%+v, %+v, %d kept", e.RequestBody, e.AnswerBody, len(bodies.kept))
	}
	r.server.Close()
	roomIsFree(t, r)
}

// TestNoHalfSecretInWhatIsSaidOfABody: a head can be long, and is not cut behind the
// first part of a secret.
func TestNoHalfSecretInWhatIsSaidOfABody(t *testing.T) {
	bodies := &memoryBodies{}
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{Bearer: true}, withBodies(bodies))
	for field, before := range map[string]string{"Content-Type": "text/plain; a=", "Content-Encoding": "gzip, ", "Grpc-Encoding": "gzip"} {
		for _, secret := range []string{" " + testValue, " " + fakeToken} {
			for _, n := range []int{0, maxKeptField - len(before) - len(secret)/2, maxHeaderBytes / 8} {
				value := before + strings.Repeat("b", n) + secret
				up.answer = func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set(field, value)
					_, _ = io.WriteString(w, "an answer")
				}
				r.get("https://other.example.com/")
				e := r.lastEnd()
				if b := e.AnswerBody; b == nil || len(b.Type+b.Missing) > 2*maxKeptField {
					t.Fatalf("%s of %d bytes: %+v", field, len(value), b)
				}
				leaves(t, e.AnswerBody.Type+e.AnswerBody.Missing, secret, field)
			}
		}
	}
}

func TestBodiesThatHaveNoRoomAreNotRecorded(t *testing.T) {
	bodies := &memoryBodies{}
	r := newRig(t, &upstreamLog{}, Config{}, withBodies(bodies))
	if !r.server.recorded.TryAcquire(maxRecorded) {
		t.Fatal("no room")
	}
	r.server.keepOne.Lock() // as bodies do that are kept: it does not wait for them
	r.post("https://example.com/", "text/plain", "a question")
	e := r.lastEnd()
	r.server.keepOne.Unlock()
	for _, b := range []*EventBody{e.RequestBody, e.AnswerBody} {
		if b == nil || !strings.Contains(b.Missing, "memory") || b.File != "" || b.Size == 0 {
			t.Errorf("%+v", b)
		}
	}
	r.server.recorded.Release(maxRecorded)
	r.post("https://example.com/", "text/plain", "a question")
	if e := r.lastEnd(); bodies.text(t, e.RequestBody) != "a question" {
		t.Errorf("then %+v", e.RequestBody)
	}
}

func TestABodyThatCannotBeWrittenIsMissing(t *testing.T) {
	bodies := &memoryBodies{fail: errors.New("no space left on device")}
	r := newRig(t, &upstreamLog{}, Config{}, withBodies(bodies))
	if status, _ := r.post("https://example.com/", "text/plain", "a question"); status != 200 {
		t.Fatal(status)
	}
	if e := r.lastEnd(); e.RequestBody == nil || e.RequestBody.Missing != "it could not be written: no space left on device" {
		t.Errorf("%+v", e.RequestBody)
	}
}

// TestSwitchedOffWhileUnderWay is a reload in the middle of an exchange.
func TestSwitchedOffWhileUnderWay(t *testing.T) {
	bodies := &memoryBodies{}
	var r *rig
	up := &upstreamLog{answer: func(w http.ResponseWriter, _ *http.Request) {
		cfg := r.cfg
		cfg.RecordBodies = false
		if err := r.server.Reload(context.Background(), cfg); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, "an answer")
	}}
	r = newRig(t, up, Config{}, withBodies(bodies))
	r.post("https://example.com/", "text/plain", "a question")
	if e := r.lastEnd(); e.RequestBody == nil || e.RequestBody.Missing == "" || len(bodies.kept) > 0 {
		t.Errorf("%+v, %d kept", e.RequestBody, len(bodies.kept))
	}
}

// TestAnAnswerThatBreaksOffLeavesNoHalfSecret: what came is kept, but for what may have
// been the beginning of something.
func TestAnAnswerThatBreaksOffLeavesNoHalfSecret(t *testing.T) {
	bodies := &memoryBodies{}
	up := &upstreamLog{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "the token is "+fakeToken[:20])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}}
	r := newRig(t, up, Config{}, withBodies(bodies))
	resp, err := r.client(false).Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(resp.Body)
	resp.Body.Close()
	e := r.lastEnd()
	if text := bodies.text(t, e.AnswerBody); !strings.HasPrefix("the token is ", text) || e.AnswerBody == nil || !e.AnswerBody.Cut {
		t.Errorf("%q, %+v", text, e.AnswerBody)
	}
}

// TestMarkersStayInWhatIsRecorded: the agent gets the text back, the disk does not.
func TestMarkersStayInWhatIsRecorded(t *testing.T) {
	bodies := &memoryBodies{}
	up := &upstreamLog{}
	r := newRig(t, up, Config{}, withBodies(bodies))
	r.reroute(Route{Host: "example.com", Kind: KindModel})
	marker := strings.TrimSuffix(strings.TrimPrefix(sent(t, r, up, message("<"+fakeToken+">")), `{"messages":[{"content":"`+`\u003c`), `\u003e","role":"user"}]}`)
	if !strings.HasPrefix(marker, dlp.MarkerPrefix("")) {
		t.Fatalf("the marker is %q", marker)
	}
	up.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, message("it is "+marker))
	}
	_, text := r.post("https://example.com/v1/messages", "application/json", message("what is it?"))
	e := r.lastEnd()
	if kept := bodies.text(t, e.AnswerBody); !strings.Contains(text, fakeToken) || kept != message("it is "+marker) || e.AnswerBody.Redacted > 0 {
		t.Errorf("the agent got %s, kept is %s, %+v", text, kept, e.AnswerBody)
	}
}

// TestNoHalfSecretAtTheCut puts secrets across every border that a recorded body has.
func TestNoHalfSecretAtTheCut(t *testing.T) {
	bodies := &memoryBodies{}
	r := secretRig(t, &upstreamLog{}, Inject{Bearer: true}, withBodies(bodies))
	snap := r.server.current.Load()
	text := strings.Repeat("lorem ipsum dolor sit amet. ", maxSeenBody/28+100)
	for name, secret := range map[string]string{
		"a token": fakeToken, "a known value": testValue, "in base64": base64.StdEncoding.EncodeToString([]byte(testValue)), "in hex": hex.EncodeToString([]byte(testValue)),
	} {
		for _, border := range []int{maxKeptBody, maxSeenBody} {
			for before := 0; before <= len(secret); before++ {
				at := border - before
				b := &recordedBody{room: r.server.recorded}
				b.write([]byte(text[:at-1] + " " + secret + " " + text[at:]))
				b.end()
				kept := &EventBody{}
				err := r.server.keepText(snap, b, kept)
				b.drop()
				if err != nil || !kept.Cut || kept.Length > maxKeptBody || kept.Length < maxKeptBody-len(secret)-64 {
					t.Fatalf("%s, %d bytes before %d: %v, %+v", name, before, border, err, kept)
				}
				leaves(t, bodies.text(t, kept), secret, fmt.Sprintf("%s, %d bytes before %d", name, before, border))
			}
		}
		for end := 1; end <= len(secret); end++ { // one that broke off
			b := &recordedBody{room: r.server.recorded}
			b.write([]byte("it is " + secret[:end]))
			kept := &EventBody{}
			if err := r.server.keepText(snap, b, kept); err != nil {
				t.Fatal(err)
			}
			b.drop()
			leaves(t, bodies.text(t, kept), secret, fmt.Sprintf("%s, broken off behind %d bytes", name, end))
		}
	}
}

// leaves wants no more than the few first bytes of a secret, by which it is not known yet.
func leaves(t *testing.T, kept, secret, where string) {
	t.Helper()
	const few = 8
	for i := 0; i+few <= len(secret); i++ {
		if strings.Contains(kept, secret[i:i+few]) {
			t.Errorf("%s: %q is kept", where, secret[i:i+few])
			return
		}
	}
}

func TestWholeRunes(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "aé": "aé", "a\xc3": "a", "a\xe2\x82": "a", "a\xf0\x9f\x98": "a", "\xff\xff": "\xff\xff", "\x80\x80\x80\x80": "\x80\x80\x80\x80"} {
		if got := string(wholeRunes([]byte(in))); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}
