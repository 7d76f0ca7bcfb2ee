package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestAPanicEndsItsExchangeAlone has the journal panic in one stream of a
// connection while another waits for its answer.
func TestAPanicEndsItsExchangeAlone(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		begun, end := make(chan struct{}), make(chan struct{})
		r := secretRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/waits" {
				close(begun)
				<-end
			}
			io.WriteString(w, "ok")
		}), Inject{}, func(r *rig, o *Options, _ *ListenOptions) { o.Recorder = panicking{r.journal} })
		c := r.client(h2)
		got := make(chan string)
		go func() {
			resp, err := c.Get("https://example.com/waits")
			if err != nil {
				got <- err.Error()
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				b = []byte(err.Error())
			}
			got <- string(b)
		}()
		<-begun
		if resp, err := c.Get("https://example.com/panics"); err == nil {
			t.Errorf("h2 %v: %s", h2, resp.Status)
			resp.Body.Close()
		}
		close(end)
		if text := <-got; text != "ok" {
			t.Errorf("h2 %v: the other exchange got %q", h2, text)
		}
		if status, _ := r.get("https://example.com/"); status != 200 {
			t.Errorf("h2 %v: afterwards %d", h2, status)
		}
	}
}

// panicking is a journal that cannot bear one path.
type panicking struct{ *memoryJournal }

func (j panicking) Record(ctx context.Context, e *Event) error {
	if e.Path == "/panics" {
		panic("a test")
	}
	return j.memoryJournal.Record(ctx, e)
}

// TestAPanicInAnUploadEndsItsExchangeAlone: the Transport reads uploads in goroutines of
// its own, in which net/http catches nothing.
func TestAPanicInAnUploadEndsItsExchangeAlone(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		var panics atomic.Bool
		up := &upstreamLog{}
		r := newRig(t, up, Config{Secrets: []Secret{{Name: "acme", Placeholder: testPlaceholder, Inject: Inject{Body: true}, Value: func(context.Context) (string, error) {
			if panics.Load() {
				panic("a test")
			}
			return testValue, nil
		}}}})
		r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
		panics.Store(true)
		resp, err := r.client(h2).Post("https://example.com/", "text/plain", io.MultiReader(strings.NewReader("k="+testPlaceholder)))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusInternalServerError || denialIn(t, string(b)).Rule != "internal" {
			t.Errorf("h2 %v: %s %s", h2, resp.Status, b)
		}
		if e := r.lastEnd(); e.Verdict != Deny || e.Rule != "internal" {
			t.Errorf("h2 %v: %+v", h2, e)
		}
		if status, _ := r.get("https://example.com/"); status != http.StatusOK {
			t.Errorf("h2 %v: afterwards %d", h2, status)
		}
		for _, got := range up.take() {
			if got.err == nil && got.method == http.MethodPost {
				t.Errorf("h2 %v: the upstream got a whole request: %+v", h2, got)
			}
		}
	}
}

// TestPanicsAreThrownWhereTheyAreCaught: not in goroutines of our own.
func TestPanicsAreThrownWhereTheyAreCaught(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{})
	x := &exchange{s: r.server, r: &http.Request{ProtoMajor: 1, ProtoMinor: 1}} // without a ResponseWriter
	if err := x.interim(http.StatusEarlyHints, nil); err == nil {
		t.Error("an interim answer that cannot be written is no error")
	}
	throws := func(name string, do func()) {
		defer func() {
			if p := recover(); p != "a test" {
				t.Errorf("%s: %v", name, p)
			}
		}()
		do()
	}
	ctx, cancel := context.WithCancel(t.Context())
	throws("a background read", func() { _, _, _ = newPump(ctx, panickingReader{}).read(0) })
	b := &bridge{x: x, cancel: cancel}
	throws("one direction of a WebSocket", func() {
		var end thrown
		b.caught(&end, &socketPipe{x: x, src: fetcher{ctx: ctx, src: panickingReader{}}, filter: &serverMessages{x: x}})
		end.again()
	})
	if ctx.Err() == nil {
		t.Error("the other direction goes on")
	}
	client, agent := net.Pipe()
	up, server := net.Pipe()
	throws("one direction of a raw connection", func() { _, _, _ = copyBoth(client, up, client, panickingReader{}) })
	for _, c := range []net.Conn{agent, server} {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a connection goes on")
		}
	}
	client, agent = net.Pipe()
	if _, err := (&tunnel{s: r.server, conn: client}).caught(func() (*denial, error) { panic("a test") }); err == nil {
		t.Error("a connection that panicked is no error")
	}
	if _, err := agent.Read(make([]byte, 1)); err == nil {
		t.Error("it goes on")
	}
}

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("a test") }
