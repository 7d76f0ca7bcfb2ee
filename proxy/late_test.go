package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestLates has some of what waits end in time, and more added when the timer runs.
func TestLates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &lates{wait: 80 * time.Millisecond}
		began := time.Now()
		var mu sync.Mutex
		done := map[int]time.Duration{}
		all := make([]*late, 6)
		for i := range all {
			all[i] = &late{do: func() {
				mu.Lock()
				defer mu.Unlock()
				done[i] = time.Since(began)
			}}
			s.add(all[i])
			time.Sleep(20 * time.Millisecond)
			if i == 2 && (!all[0].end() || !all[1].drop()) {
				t.Error("they did not wait")
			}
		}
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if all[2].end() || new(late).end() {
			t.Error("what is over, or never began, waited")
		}
		for i, l := range all {
			at, was := done[i]
			if early := i < 2; early == was || was && (at < time.Duration(20*i+70)*time.Millisecond || at > time.Duration(20*i+80)*time.Millisecond) {
				t.Errorf("%d: done %v, at %v", i, was, at)
			}
			if l.drop() {
				t.Errorf("%d waits", i)
			}
		}
		if s.first != nil || s.last != nil || s.running {
			t.Errorf("left: %+v", s)
		}
	})
}

// TestLateEndWaits ends what is being done.
func TestLateEndWaits(t *testing.T) {
	begun, ended := make(chan struct{}), false
	l := &late{do: func() {
		close(begun)
		runtime.Gosched()
		ended = true // or the race detector sees it
	}}
	(&lates{wait: time.Millisecond}).add(l)
	<-begun
	if l.end() || !ended {
		t.Error("it did not wait")
	}
}

// writesConn keeps what is written, by writes.
type writesConn struct {
	net.Conn
	all *[]string
}

func (c writesConn) Write(p []byte) (int, error) {
	*c.all = append(*c.all, string(p))
	return len(p), nil
}

// TestJoinedWrites puts a head and what follows together, and nothing else.
func TestJoinedWrites(t *testing.T) {
	large := string(make([]byte, maxJoined))
	for name, c := range map[string]struct {
		does func(write func(string, bool), follows func())
		want []string
	}{
		"a head that is followed": {func(write func(string, bool), follows func()) {
			follows()
			write("head", true)
			write("body", false)
			write("more", false)
		}, []string{"headbody", "more"}},
		"a head that nobody said is followed": {func(write func(string, bool), _ func()) {
			write("head", true)
			write("body", false)
		}, []string{"head", "body"}},
		"something else comes before the head": {func(write func(string, bool), follows func()) {
			follows()
			write("else", false)
			write("head", true)
			write("body", false)
		}, []string{"else", "headbody"}},
		"what follows is late": {func(write func(string, bool), follows func()) {
			follows()
			write("head", true)
			time.Sleep(2 * headFlush)
			write("body", false)
		}, []string{"head", "body"}},
		"what follows is large": {func(write func(string, bool), follows func()) {
			follows()
			write("head", true)
			write(large, false)
		}, []string{"head", large}},
		"a large head": {func(write func(string, bool), follows func()) {
			follows()
			write(large, true)
			write("head", true)
			write("body", false)
		}, []string{large, "head", "body"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				j := &joinedWrites{lates: &lates{wait: headFlush}}
				c.does(func(text string, head bool) {
					if n, err := j.write(writesConn{all: &got}, []byte(text), head); n != len(text) || err != nil {
						t.Error(n, err)
					}
				}, j.followed)
				time.Sleep(2 * headFlush)
				if !slices.Equal(got, c.want) {
					t.Errorf("got %.40q", got)
				}
			})
		})
	}
}

// What was to write one head alone may come so late that it writes another: that one must
// wait no more, or the list of those that wait would have it twice.
func TestAHeadThatWasWrittenWaitsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		j := &joinedWrites{lates: &lates{wait: headFlush}}
		write := func(text string, head bool) {
			if head {
				j.followed()
			}
			_, _ = j.write(writesConn{all: &got}, []byte(text), head)
		}
		write("head1", true)
		j.late.drop() // as fire does, whose goroutine is to run below
		write("body1", false)
		write("head2", true)
		j.late.fire()
		if want := []string{"head1body1", "head2"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if j.late.waits || j.lates.first != nil {
			t.Error("it still waits")
		}
	})
}

// What HTTP/1 writes is a whole request, which nothing follows.
func TestOnlyHeadsOfHTTP2AreHeld(t *testing.T) {
	for proto, held := range map[string]bool{"h2": true, "http/1.1": false} {
		up := httptest.NewUnstartedServer(nil)
		up.EnableHTTP2 = true
		up.StartTLS()
		defer up.Close()
		conn, err := net.Dial("tcp", up.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		roots := x509.NewCertPool()
		roots.AddCert(up.Certificate())
		c := &upstreamConn{Conn: conn}
		tc := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "example.com", NextProtos: []string{proto}})
		if err := tc.Handshake(); err != nil {
			t.Fatal(err)
		}
		if joinHead(tc); c.joined.next.Load() != held {
			t.Errorf("%s: a head is held: %v", proto, !held)
		}
	}
}
