package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// isClosed reports whether the engine of a snapshot was closed, which is then not
// in use: the race detector would tell.
func (snap *snapshot) isClosed() bool {
	snap.inUse.mu.Lock()
	defer snap.inUse.mu.Unlock()
	if snap.inUse.closed && (snap.inUse.n != 0 || len(snap.engine.Scan([]byte("k="+testValue))) != 0) {
		panic("the engine was not cleared")
	}
	return snap.inUse.closed
}

// awaitClosed waits for an exchange to end, which the client does not see.
func awaitClosed(t *testing.T, snap *snapshot) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !snap.isClosed(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the engine is not closed")
		}
	}
}

func TestAReloadClosesTheEngineOfBefore(t *testing.T) {
	r := secretRig(t, http.HandlerFunc(echo), Inject{})
	r.get("https://example.com/")
	r.post("https://example.com/", "text/plain", testValue) // denied
	r.post("https://example.com/", "text/plain", strings.Repeat("x ", decideBytes))
	old := r.server.current.Load()
	if old.isClosed() {
		t.Fatal("it is closed while it is in force")
	}
	r.reroute(Route{Host: "example.com"})
	awaitClosed(t, old)
	now := r.server.current.Load()
	if status, _ := r.post("https://example.com/", "text/plain", testValue); status != 400 || now.isClosed() {
		t.Errorf("under the new one: %d", status)
	}
	r.server.Close()
	awaitClosed(t, now)
	r.reroute(Route{Host: "example.com"}) // of no use any more
	awaitClosed(t, r.server.current.Load())
}

// An upload that began under an old configuration is scanned by its engine to the
// end.
func TestAnEngineStaysOpenForWhatRuns(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		begun := make(chan struct{})
		r := secretRig(t, http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
			_, _ = q.Body.Read(make([]byte, 4))
			close(begun)
			_, _ = io.Copy(io.Discard, q.Body)
		}), Inject{})
		pr, pw := io.Pipe()
		req := request("POST", "https://example.com/", "")()
		req.Body, req.ContentLength = pr, -1
		result := make(chan string, 1)
		go func() {
			resp, err := r.client(h2).Do(req)
			if err != nil {
				result <- err.Error()
				return
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			result <- fmt.Sprint(resp.StatusCode, string(b))
		}()
		_, _ = io.WriteString(pw, "the beginning ")
		<-begun
		old := r.server.current.Load()
		r.reroute(Route{Host: "example.com"})
		between := r.server.current.Load()
		r.reroute(Route{Host: "example.com"})
		if old.isClosed() || between.isClosed() {
			t.Error("an engine is closed too early")
		}
		_, _ = io.WriteString(pw, testValue)
		pw.Close()
		if got := <-result; !strings.HasPrefix(got, "400") || !strings.Contains(got, "dlp:known-secret") {
			t.Errorf("got %s", got)
		}
		awaitClosed(t, old)
		awaitClosed(t, between)
	}
}

func TestNoValuePassesWhileEnginesAreReplaced(t *testing.T) {
	up := &upstreamLog{}
	r := secretRig(t, up, Inject{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			large := strings.Repeat("x ", decideBytes*(i%2)) + testValue
			for ctx.Err() == nil {
				req := request("POST", "https://example.com/?q=short&r=1", large)()
				if status, text := r.do(req); status != 400 || !strings.Contains(text, "dlp:known-secret") {
					t.Errorf("got %d %s", status, text)
				}
			}
		})
	}
	for range 30 {
		r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	}
	cancel()
	wg.Wait()
	for _, got := range up.take() {
		if strings.Contains(got.body, testValue) {
			t.Error("a value passed")
		}
	}
}
