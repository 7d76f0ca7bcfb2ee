package gitgate

import (
	"net/http"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// pushAnswer is the answer to a push, which may begin long before the decision: a
// client that hears nothing gives up, and so do proxies on the way.
type pushAnswer struct {
	v     *visit
	bands bool // the client knows side-bands
	quiet bool

	mu      sync.Mutex
	begun   bool
	over    bool
	text    string // to be said once it takes long
	ticker  *time.Ticker
	done    chan struct{}
	ended   sync.WaitGroup
	cleanup []func()
}

func newPushAnswer(v *visit, push *pktline.Push) *pushAnswer {
	a := &pushAnswer{v: v, bands: push.Capabilities.Has("side-band-64k"), quiet: push.Capabilities.Has("quiet"), done: make(chan struct{})}
	if !a.bands {
		return a
	}
	a.ticker = time.NewTicker(v.g.opt.Progress)
	a.ended.Go(func() {
		for {
			select {
			case <-a.ticker.C:
				a.tick()
			case <-a.done:
				return
			}
		}
	})
	return a
}

// after has f called when the answer is over.
func (a *pushAnswer) after(f func()) { a.cleanup = append(a.cleanup, f) }

// say has the client print a line of progress, if the decision takes until the next
// tick. git asks for none where nobody sits at a terminal.
func (a *pushAnswer) say(text string) {
	if !a.quiet {
		a.tell(text)
	}
}

// tell has it print one that it must know.
func (a *pushAnswer) tell(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text = text
}

func (a *pushAnswer) tick() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return
	}
	a.begin()
	text := a.text
	a.text = ""
	// The client may be gone, which the request's context tells.
	if text == "" {
		_ = pktline.NewSideband(a.v.w, pktline.BandData).KeepAlive()
	} else {
		_, _ = pktline.NewSideband(a.v.w, pktline.BandProgress).Write([]byte(text + "\n"))
	}
	_ = http.NewResponseController(a.v.w).Flush()
}

// begin writes the head, once. The caller holds a.mu.
func (a *pushAnswer) begin() {
	if !a.begun {
		a.begun = true
		a.v.head("application/x-git-receive-pack-result")
	}
}

// pass ends the progress: what follows is written to the client as it is.
func (a *pushAnswer) pass() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.begin()
}

// end writes the whole of the rest.
func (a *pushAnswer) end(b []byte) {
	a.pass()
	_, _ = a.v.w.Write(b) // the client may be gone
	a.v.in += int64(len(b))
}

// stop waits until nothing is written any more.
func (a *pushAnswer) stop() {
	if a.ticker != nil {
		a.ticker.Stop()
		close(a.done)
		a.ended.Wait()
	}
	for _, f := range a.cleanup {
		f()
	}
}
