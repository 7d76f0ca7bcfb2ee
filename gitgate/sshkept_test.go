package gitgate

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/proxy"
)

// fakeSSH is the other end of a connection. Each of its services tells one ref,
// answers each list of packets by "ok" and a flush, and ends where its input does.
type fakeSSH struct {
	mu       sync.Mutex
	began    int
	channels []ssh.Channel
	mute     atomic.Bool // the next request ends its service without an answer
}

func (f *fakeSSH) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.began
}

// endAll ends the services that run.
func (f *fakeSSH) endAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.channels {
		_ = ch.Close()
	}
}

func (f *fakeSSH) serve(conn net.Conn, cfg *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, cfg)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		ch, requests, err := c.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.channels = append(f.channels, ch)
		f.mu.Unlock()
		go func() {
			for r := range requests {
				_ = r.Reply(true, nil)
				if r.Type == "exec" {
					f.mu.Lock()
					f.began++
					f.mu.Unlock()
					go f.service(ch)
				}
			}
		}()
	}
}

func (f *fakeSSH) service(ch ssh.Channel) {
	defer func() { _ = ch.Close() }()
	_, _ = ch.Write([]byte("000eversion 2\n0000"))
	packets := pktline.NewReader(ch)
	for some := false; ; {
		kind, _, err := packets.Next()
		switch {
		case err != nil, kind == pktline.Flush && (!some || f.mute.Swap(false)):
			return
		case kind == pktline.Flush:
			some = false
			_, _ = ch.Write([]byte("0006ok0000"))
		default:
			some = true
		}
	}
}

// bufferedConn takes what is written before it is read at the other end, as the
// network does, on which both ends of ssh rely.
type bufferedConn struct {
	net.Conn
	out chan []byte
}

func newBufferedConn(c net.Conn) *bufferedConn {
	b := &bufferedConn{c, make(chan []byte, 1024)}
	go func() {
		for p := range b.out {
			if _, err := c.Write(p); err != nil {
				return
			}
		}
	}()
	return b
}

func (b *bufferedConn) Write(p []byte) (int, error) {
	b.out <- bytes.Clone(p)
	return len(p), nil
}

// newFakeSSH returns an upstream with a connection to a fakeSSH.
func newFakeSSH(t *testing.T) (*sshUpstream, *fakeSSH) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &ssh.ServerConfig{NoClientAuth: true}
	cfg.AddHostKey(signer)
	here, there := net.Pipe()
	f := &fakeSSH{}
	buffered := [2]*bufferedConn{newBufferedConn(here), newBufferedConn(there)}
	go f.serve(buffered[1], cfg)
	conn, channels, requests, err := ssh.NewClientConn(buffered[0], "forge.test:22", &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	if err != nil {
		t.Fatal(err)
	}
	u := newSSHUpstream(&Host{URL: &url.URL{Scheme: "ssh", Host: "forge.test"}})
	u.kept = &sshConn{Client: ssh.NewClient(conn, channels, requests), idle: time.NewTimer(time.Hour)}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = conn.Wait()
		synctest.Wait() // nobody writes any more
		close(buffered[0].out)
		close(buffered[1].out)
	})
	return u, f
}

// tell asks for the refs as a bottle, and reads them.
func tell(t *testing.T, u *sshUpstream, bottle, repo string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel() // as a request's is, once it is answered
	r, err := u.advertise(ctx, &proxy.GateCall{Session: bottle}, repo, uploadPack, "version=2")
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, r, "000eversion 2\n0000")
}

// want asks for something as a bottle.
func want(t *testing.T, u *sshUpstream, bottle, repo string, lists bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body := append(pktline.Append(nil, "command=x"), pktline.FlushPacket...)
	r, err := u.call(ctx, &proxy.GateCall{Session: bottle}, serviceRequest{repo: repo, service: uploadPack, protocol: "version=2",
		body: func() io.Reader { return bytes.NewReader(body) }, size: int64(len(body)), lists: lists})
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, r, "0006ok0000")
}

func readAll(t *testing.T, r io.ReadCloser, expect string) {
	t.Helper()
	if got, err := io.ReadAll(r); err != nil || string(got) != expect {
		t.Errorf("the answer is %q (%v)", got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func (f *fakeSSH) expect(t *testing.T, sessions int, what string) {
	t.Helper()
	synctest.Wait()
	if n := f.count(); n != sessions {
		t.Errorf("%s: %d sessions were begun, not %d", what, n, sessions)
	}
}

// kept is how many sessions wait, after all that goes on has.
func (u *sshUpstream) keptNow() int {
	synctest.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.waiting)
}

func TestASessionIsKeptForTheNextRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, f := newFakeSSH(t)
		tell(t, u, "b-1", "x")
		want(t, u, "b-1", "x", true)
		want(t, u, "b-1", "x", false)
		f.expect(t, 1, "refs, a list and a fetch")
		want(t, u, "b-1", "x", false)
		f.expect(t, 2, "what follows a fetch")
		tell(t, u, "b-1", "x")
		want(t, u, "b-2", "x", false)
		f.expect(t, 4, "another bottle's request")
		want(t, u, "b-1", "y", false)
		f.expect(t, 5, "another repository's request")
		want(t, u, "b-1", "x", false)
		f.expect(t, 5, "the request that it was kept for")
		if n := u.keptNow(); n != 0 {
			t.Errorf("%d sessions are kept for nothing", n)
		}
	})
}

func TestKeptSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, f := newFakeSSH(t)
		for _, repo := range []string{"a", "b", "c", "d", "e", "f", "f"} {
			tell(t, u, "b-1", repo)
		}
		if n := u.keptNow(); n != maxKeptSessions {
			t.Errorf("%d sessions are kept", n)
		}
		want(t, u, "b-1", "f", false)
		f.expect(t, 7, "the newest request")
		want(t, u, "b-1", "a", false)
		f.expect(t, 8, "the oldest request")
		time.Sleep(keepSession + time.Second) // of the bubble's clock
		if n := u.keptNow(); n != 0 {
			t.Errorf("%d sessions are kept for ever", n)
		}
		if !u.sessions.TryAcquire(maxSSHSessions) {
			t.Error("a session that has ended takes a place")
		}
	})
}

func TestAKeptSessionThatEndedIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, f := newFakeSSH(t)
		tell(t, u, "b-1", "x")
		f.endAll()
		if n := u.keptNow(); n != 0 {
			t.Errorf("%d sessions are kept that have ended", n)
		}
		want(t, u, "b-1", "x", false)
		f.expect(t, 2, "a request after the end")

		tell(t, u, "b-1", "x")
		f.mute.Store(true)
		want(t, u, "b-1", "x", false)
		f.expect(t, 4, "a request that found no answer")
	})
}

func TestKeptSessionsGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, _ := newFakeSSH(t)
		tell(t, u, "b-1", "x")
		if !u.sessions.TryAcquire(maxSSHSessions - 1) {
			t.Fatal("sessions are left over")
		}
		if err := u.place(t.Context()); err != nil || u.keptNow() != 0 {
			t.Errorf("a session is kept while another waits for its place: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := u.place(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("there is a place too many: %v", err)
		}
		u.sessions.Release(1)
		tell(t, u, "b-1", "x")
		done := make(chan error)
		u.mu.Lock()
		u.wanted = 1 // somebody waits
		u.mu.Unlock()
		go func() { done <- u.place(t.Context()) }()
		if err := <-done; err != nil || u.keptNow() != 0 {
			t.Errorf("%v, and %d are kept", err, u.keptNow())
		}
	})
}

func TestListsRefs(t *testing.T) {
	list := string(pktline.Append(nil, "command=ls-refs\n")) + "00010009peel\n0000"
	for _, c := range []struct {
		protocol, body string
		is             bool
	}{
		{"version=2", list, true},
		{"version=1", list, false},
		{"version=2", strings.Replace(list, "ls-refs", "fetch-x", 1), false},
		{"version=2", list + list, false},
		{"version=2", strings.TrimSuffix(list, pktline.FlushPacket), false},
		{"version=2", "", false},
	} {
		if got := listsRefs(c.protocol, []byte(c.body)); got != c.is {
			t.Errorf("%s %q: %v", c.protocol, c.body, got)
		}
	}
}
