package gitgate

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
)

type noJournal struct{}

func (noJournal) Record(context.Context, *proxy.Event) error { return nil }

// gateServer makes a server around a gate.
func gateServer(t *testing.T, g *Gate) *proxy.Server {
	t.Helper()
	policy, err := proxy.NewPolicy(proxy.Deny, nil)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := proxy.New(t.Context(), proxy.Config{Gate: g, Policy: policy}, proxy.Options{Leaves: leaves, Recorder: noJournal{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// early notes whether it is read before there is an answer.
type early struct {
	w    *httptest.ResponseRecorder
	read bool
}

func (e *early) Read([]byte) (int, error) {
	e.read = e.read || e.w.Body.Len() == 0
	return 0, io.EOF
}

// A push that finds no place waits, and takes nothing in; who goes away while it
// waits leaves nothing behind.
func TestPushesWaitForAPlace(t *testing.T) {
	dir := t.TempDir()
	g, err := New(Options{TempDir: dir, Hosts: []Host{{Name: "forge.test", Repos: []Repo{{Path: "org/x", Push: &Push{}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := gateServer(t, g)
	if !g.Only(func(_ string, r Repo) (Repo, bool) { return r, true }).spools.TryAcquire(maxSpools) { // a narrower gate has the same places
		t.Fatal("there are places that nobody has")
	}
	id := strings.Repeat("1", 40)
	head := pktline.Append(nil, strings.Repeat("0", 40)+" "+id+" refs/heads/agent/x\x00report-status\n")
	head = append(head, pktline.FlushPacket...)
	ctx, gone := context.WithCancel(t.Context())
	w := httptest.NewRecorder()
	pack := &early{w: w}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", io.MultiReader(bytes.NewReader(head), pack))
	r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeGit(w, r, "b-1", "forge.test", "/org/x/git-receive-pack", "http://localhost")
	}()
	gone()
	<-done
	if body := w.Body.String(); !strings.Contains(body, "the push did not arrive whole") {
		t.Errorf("the client is told %q", body)
	}
	if pack.read {
		t.Error("the pack was read without a place for it")
	}
	g.spools.Release(maxSpools)
	if !g.spools.TryAcquire(maxSpools) {
		t.Error("a place was not given back")
	}
}
