package ui

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/supervise"
)

// The limits of a Web.
const (
	maxHubs    = 4  // bottles that are read at a time
	maxStreams = 12 // pages that are open at a time
	maxAnswer  = 4 << 10
	streamTime = 250 * time.Millisecond // between two states of a stream
	writeTime  = 10 * time.Second       // for a browser to take one
)

//go:embed assets
var assets embed.FS

// WebOptions are those of a Web.
type WebOptions struct {
	// Listen is a loopback address with a port; that of 0 is a free one.
	Listen string
	// Bottle is the one that is shown first; "" for the latest.
	Bottle string
	// Bottles lists those that there are, oldest first; Journal returns the folder of a
	// bottle's journal. Both are called from any goroutine.
	Bottles func(context.Context) []Bottle
	Journal func(id string) (string, error)
	// Now is the clock; nil for the real one.
	Now func() time.Time
}

// Web shows bottles in a browser of this host. Its methods may be called from any
// goroutine.
type Web struct {
	o        WebOptions
	door     *door
	listener net.Listener

	mu      sync.Mutex
	bottles []Bottle
	hubs    []*hub                   // the one that was used last is the last
	opening map[string]chan struct{} // by bottle, closed when it was tried
	streams int
}

// NewWeb opens the address. Nothing is served before Serve.
func NewWeb(ctx context.Context, o WebOptions) (*Web, error) {
	ap, err := netip.ParseAddrPort(o.Listen)
	if err != nil || !ap.Addr().IsLoopback() || ap.Addr().Zone() != "" {
		return nil, fmt.Errorf("the view is for this host alone: %q is no loopback address with a port, such as 127.0.0.1:8443, or 127.0.0.1:0 for a free one", o.Listen)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("open the web view: %w: --listen 127.0.0.1:0 takes a free port", err)
	}
	return &Web{o: o, door: newDoor(l.Addr().String(), o.Now), listener: l}, nil
}

// Link is the address that opens the view, once.
func (w *Web) Link() string { return w.door.link() }

// Serve serves until ctx ends.
func (w *Web) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var feed sync.WaitGroup
	feed.Go(func() {
		feedBottles(ctx, w.o.Bottles, func(msg any) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.bottles = msg.(bottlesMsg) // all that it sends
		})
	})
	server := &http.Server{Handler: w.handler(ctx), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() {
		// The streams say goodbye and end by themselves.
		late, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer done()
		_ = server.Shutdown(late)
		_ = server.Close()
	})
	defer stop()
	err := server.Serve(w.listener)
	cancel()
	feed.Wait()
	w.mu.Lock()
	hubs := slices.Clone(w.hubs)
	w.mu.Unlock()
	for _, h := range hubs {
		h.close()
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// handler is all that is served. ctx ends the streams.
func (w *Web) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{file}", serveAsset)
	mux.HandleFunc("GET /{$}", serveAsset)
	mux.HandleFunc("GET /events", func(rw http.ResponseWriter, r *http.Request) { w.stream(ctx, rw, r) })
	mux.HandleFunc("GET /exchange", func(rw http.ResponseWriter, r *http.Request) { w.exchange(ctx, rw, r) })
	mux.HandleFunc("POST /answer", func(rw http.ResponseWriter, r *http.Request) { w.answer(ctx, rw, r) })
	return w.door.guard(mux)
}

// serveAsset serves a file of the page.
func serveAsset(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if name == "" {
		name = "index.html"
	}
	text, err := fs.ReadFile(assets, path.Join("assets", path.Base(name)))
	if err != nil {
		http.NotFound(rw, r)
		return
	}
	kind := map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(name)]
	rw.Header().Set("Content-Type", kind)
	http.ServeContent(rw, r, name, time.Time{}, strings.NewReader(string(text)))
}

// answer passes the person's answer on.
func (w *Web) answer(ctx context.Context, rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Bottle string          `json:"bottle"`
		ID     string          `json:"id"`
		Allow  bool            `json:"allow"`
		Scope  supervise.Scope `json:"scope"`
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		sayJSON(rw, http.StatusUnsupportedMediaType, map[string]string{"error": "an answer is JSON"})
		return
	}
	d := json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxAnswer))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		sayJSON(rw, http.StatusBadRequest, map[string]string{"error": "this answer cannot be read"})
		return
	}
	h, err := w.hub(ctx, in.Bottle)
	if err != nil {
		sayJSON(rw, http.StatusNotFound, map[string]string{"error": ended(err)})
		return
	}
	defer w.leave(h)
	text, err := answer(r.Context(), h.client, in.ID, supervise.Verdict{Allow: in.Allow, Scope: in.Scope})
	if err != nil {
		sayJSON(rw, http.StatusConflict, map[string]string{"error": ended(err)})
		return
	}
	sayJSON(rw, http.StatusOK, map[string]string{"text": text})
}

func sayJSON(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v) // who went away is told nothing
}

// hub returns what is read of a bottle, and counts one more who looks; leave takes that
// back. The hub that nobody looked at for the longest makes room for another. Nothing is
// waited for under w.mu: a bottle that gives no answer holds up its own pages alone.
func (w *Web) hub(ctx context.Context, id string) (*hub, error) {
	for {
		h, opened, mine := w.known(id)
		switch {
		case h != nil:
			return h, nil
		case mine:
			return w.add(ctx, id, opened)
		}
		select {
		case <-opened: // by somebody else, or it failed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// known returns the hub that there is of a bottle, or what is closed when one is opened;
// mine says that the caller is to do it.
func (w *Web) known(id string) (h *hub, opened chan struct{}, mine bool) {
	w.mu.Lock()
	at := slices.IndexFunc(w.hubs, func(h *hub) bool { return h.id == id })
	if at >= 0 && !w.outdated(w.hubs[at]) {
		h = w.hubs[at]
		w.hubs = append(slices.Delete(w.hubs, at, at+1), h)
		h.watchers++
		w.mu.Unlock()
		return h, nil, false
	}
	var old *hub
	if at >= 0 {
		old = w.hubs[at]
		w.hubs = slices.Delete(w.hubs, at, at+1)
	}
	if opened = w.opening[id]; opened == nil {
		if w.opening == nil {
			w.opening = map[string]chan struct{}{}
		}
		opened, mine = make(chan struct{}), true
		w.opening[id] = opened
	}
	w.mu.Unlock()
	if old != nil {
		old.close()
	}
	return nil, opened, mine
}

// add opens the hub of a bottle, and lets those go who wait for it.
func (w *Web) add(ctx context.Context, id string, opened chan struct{}) (*hub, error) {
	h, err := w.open(ctx, id)
	w.mu.Lock()
	var old *hub
	if err == nil {
		old, err = w.makeRoom()
	}
	if err == nil {
		w.hubs = append(w.hubs, h)
		h.watchers++
	}
	delete(w.opening, id)
	close(opened)
	w.mu.Unlock()
	if err != nil {
		old, h = h, nil
	}
	if old != nil {
		old.close()
	}
	return h, err
}

// outdated reports whether a bottle that did not run when its hub was made, as one that
// starts, does now. The caller holds w.mu.
func (w *Web) outdated(h *hub) bool {
	return h.client == nil && h.watchers == 0 && slices.ContainsFunc(w.bottles, func(b Bottle) bool { return b.ID == h.id && b.Status == control.Running })
}

func (w *Web) leave(h *hub) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.watchers--
}

// makeRoom keeps the number of hubs, and returns the one that makes room, if one must.
// The caller holds w.mu.
func (w *Web) makeRoom() (old *hub, err error) {
	if len(w.hubs) < maxHubs {
		return nil, nil
	}
	at := slices.IndexFunc(w.hubs, func(h *hub) bool { return h.watchers == 0 })
	if at < 0 {
		return nil, fmt.Errorf("%d bottles are looked at already, which is the most: close one of their pages", maxHubs)
	}
	old = w.hubs[at]
	w.hubs = slices.Delete(w.hubs, at, at+1)
	return old, nil
}

// open begins to read a bottle that there is.
func (w *Web) open(ctx context.Context, id string) (*hub, error) {
	list := w.o.Bottles(ctx)
	at := slices.IndexFunc(list, func(b Bottle) bool { return b.ID == id })
	if at < 0 {
		return nil, errors.New("there is no such bottle: \"bottle ls\" lists them")
	}
	dir, err := w.o.Journal(id)
	if err != nil {
		return nil, err
	}
	var client *control.Client
	if list[at].Status == control.Running {
		if client, err = list[at].Dial(ctx); err != nil {
			return nil, err
		}
	}
	return openHub(ctx, id, dir, client, w.o.Now), nil
}
