package proxy

import (
	"context"
	"io"
	"net/http"
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
