package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// streamSize is what goes through in one direction, streamMemory what the whole
// process (client, proxy and upstream) may grow by while it does.
const (
	streamSize   = 1 << 30
	streamMemory = 40 << 20
)

// patternReader makes n bytes of text that a scanner has to look at.
type patternReader struct {
	left int64
	at   int
}

// Of what looks like the beginning of a credential there is some, as in real
// traffic.
var pattern = append(bytes.Repeat([]byte(`{"role":"user","content":"Please look at line 42 of main.go, and then write the tests for it."}`+"\n"), 1024),
	"an sk-test, a ghp_ and acme-h7J are beginnings only\n"...)

func (r *patternReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.left)], pattern[r.at:])
	r.at = (r.at + n) % len(pattern)
	r.left -= int64(n)
	return n, nil
}

func patternSum(n int64) string {
	h := newSum()
	if _, err := io.Copy(h, &patternReader{left: n}); err != nil {
		panic(err)
	}
	return sum(h)
}

// newSum is fast: the time of this test belongs to the proxy.
func newSum() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

func sum(h hash.Hash) string { return fmt.Sprintf("%x", h.Sum(nil)) }

// memoryInUse is what the process has from the system, less what it gave back.
func memoryInUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// watchMemory reports the growth since now.
func watchMemory() (growth func() uint64) {
	debug.FreeOSMemory()
	before, done := memoryInUse(), make(chan struct{})
	var peak atomic.Uint64
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak.Store(max(peak.Load(), memoryInUse()))
			case <-done:
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-stopped
		return max(peak.Load(), before) - before
	}
}

func TestAGigabyteEachWayWithFlatMemory(t *testing.T) {
	size := int64(streamSize)
	if testing.Short() || raceEnabled {
		size = 64 << 20
	}
	want := patternSum(size)
	up := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodGet {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			io.Copy(w, &patternReader{left: size})
			return
		}
		h := newSum()
		if _, err := io.Copy(h, q.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, sum(h))
	})
	// With a secret, so that both directions are searched.
	r := secretRig(t, up, Inject{Body: true})
	client := r.client(false)
	client.Timeout = 5 * time.Minute
	for _, direction := range []string{"up", "down"} {
		t.Run(direction, func(t *testing.T) {
			growth := watchMemory()
			var got string
			if direction == "up" {
				req := request("POST", "https://example.com/", "")()
				req.Body, req.ContentLength = io.NopCloser(&patternReader{left: size}), size
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				got = string(b)
			} else {
				resp, err := client.Get("https://example.com/")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				h := newSum()
				n, err := io.Copy(h, resp.Body)
				if err != nil || n != size {
					t.Fatalf("%d bytes, %v", n, err)
				}
				got = sum(h)
			}
			if got != want {
				t.Error("what arrived is not what was sent")
			}
			g := growth()
			t.Logf("memory grew by %.1f MB", float64(g)/1e6)
			if g > streamMemory {
				t.Errorf("memory grew by %d MB, at most %d are allowed", g>>20, streamMemory>>20)
			}
			e := r.lastEnd()
			if direction == "up" && e.BytesOut != size || direction == "down" && e.BytesIn != size {
				t.Errorf("end line %+v", e)
			}
		})
	}
}

func TestASlowReaderHoldsTheUpstreamBack(t *testing.T) {
	var sent atomic.Int64
	stopped := make(chan struct{})
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		defer close(stopped)
		for {
			n, err := w.Write(pattern)
			sent.Add(int64(n))
			if err != nil || q.Context().Err() != nil {
				return
			}
		}
	}), Config{})
	resp, err := r.client(false).Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	// The client reads nothing. What is sent stops at what sockets hold.
	last := int64(-1)
	for now := sent.Load(); now != last; now = sent.Load() {
		last = now
		select {
		case <-stopped:
			t.Fatal("the upstream ended")
		case <-time.After(300 * time.Millisecond): // two equal samples: it stands still
		}
		if now > 512<<20 {
			t.Fatalf("%d bytes were taken that nobody reads", now)
		}
	}
	resp.Body.Close() // and a client that goes away ends it
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Error("the upstream goes on")
	}
}

func TestClientAbortsAnUpload(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var b [1]byte
		_, _ = io.ReadFull(q.Body, b[:])
		close(began)
		_, err := io.Copy(io.Discard, q.Body)
		ended <- err
	}), Config{})
	ctx, cancel := context.WithCancel(context.Background())
	pr, pw := io.Pipe()
	req := request("POST", "https://example.com/", "")().WithContext(ctx)
	req.Body, req.ContentLength = pr, -1
	go io.WriteString(pw, strings.Repeat("x", 100))
	go func() {
		<-began
		cancel()
		pw.CloseWithError(context.Canceled) // Go's client waits for its body
	}()
	if resp, err := r.client(false).Do(req); err == nil {
		resp.Body.Close()
		t.Error("an answer to an upload that was given up")
	}
	if err := <-ended; err == nil {
		t.Error("the upstream took the upload for whole")
	}
	if e := r.journal.wait(t, isEnd); e.Error == "" {
		t.Errorf("end line %+v", e)
	}
}

func TestEventStreamsArriveWhileTheyAreOpen(t *testing.T) {
	next := make(chan struct{})
	r := secretRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			fmt.Fprintf(w, "data: %d %s\n\n", i, testValue)
			w.(http.Flusher).Flush()
			<-next
		}
	}), Inject{})
	resp, err := r.client(false).Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range 5 {
		want := fmt.Sprintf("data: %d %s\n\n", i, testPlaceholder)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
			t.Fatalf("%q %v", got, err)
		}
		next <- struct{}{}
	}
}

// TestAnUploadThatWasGivenUpHasNoEnd: when an answer came early, the Transport may read
// on, and would end what it sends in order.
func TestAnUploadThatWasGivenUpHasNoEnd(t *testing.T) {
	b := &uploadBody{src: io.NopCloser(strings.NewReader("more"))}
	b.finish()
	if _, err := b.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}
