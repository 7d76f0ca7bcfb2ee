package gitgate

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/proxy"
)

// A client of http asks for the refs first and then, by a request of its own, for what
// it wants of them. Over ssh both are one session, which is kept for the second.
const (
	// maxKeptSessions bounds the sessions that wait for their second request. They
	// give way where all of maxSSHSessions are needed.
	maxKeptSessions = 4
	// keepSession is how long one waits.
	keepSession = 20 * time.Second
)

// sessionKey says what a kept session is good for: a request of the same bottle to the
// same service of the same repository, in the version that it speaks.
type sessionKey struct{ bottle, repo, service, protocol string }

func newSessionKey(c *proxy.GateCall, repo, service, protocol string) sessionKey {
	if protocol == "version=0" {
		protocol = ""
	}
	return sessionKey{c.Session, repo, service, protocol}
}

// spoken is the version of the protocol that a service begins with, as the header
// Git-Protocol has it. There are four bytes at least.
func spoken(r *bufio.Reader) string {
	if head, _ := r.Peek(4); string(head) != "000e" {
		return ""
	}
	head, _ := r.Peek(14)
	if v, ok := strings.CutPrefix(string(head), "000eversion "); ok {
		return "version=" + strings.TrimSuffix(v, "\n")
	}
	return ""
}

// keptSession waits for its second request.
type keptSession struct {
	*sshSession
	expire *time.Timer
	number int // of those that were kept before
}

// keep has a session wait for the request that follows. There is one of a key: what
// the newest has told of refs is never older than what a client was told.
func (u *sshUpstream) keep(k sessionKey, s *sshSession) {
	if !s.stop() || s.r.Buffered() > 0 { // the client went away; the service says more than it should
		_ = s.Close()
		return
	}
	u.mu.Lock()
	var old *sshSession
	if have := u.waiting[k]; have != nil {
		old = u.unkeep(k, have)
	} else if len(u.waiting) == maxKeptSessions {
		old = u.oldest()
	}
	if u.wanted > 0 {
		u.mu.Unlock()
		s.end()
	} else {
		u.kepts++
		w := &keptSession{sshSession: s, number: u.kepts}
		w.expire = time.AfterFunc(keepSession, func() { u.endKept(k, w) })
		u.waiting[k] = w
		u.mu.Unlock()
		go func() {
			<-s.ended
			u.endKept(k, w)
		}()
	}
	if old != nil {
		old.end()
	}
}

// endKept ends a session that still waits.
func (u *sshUpstream) endKept(k sessionKey, w *keptSession) {
	u.mu.Lock()
	waits := u.waiting[k] == w
	if waits {
		u.unkeep(k, w)
	}
	u.mu.Unlock()
	if waits {
		w.end()
	}
}

// unkeep takes a session from those that wait. The caller holds u.mu.
func (u *sshUpstream) unkeep(k sessionKey, w *keptSession) *sshSession {
	w.expire.Stop()
	delete(u.waiting, k)
	return w.sshSession
}

// oldest takes the session that waits longest, if there is one. The caller holds u.mu.
func (u *sshUpstream) oldest() *sshSession {
	var key sessionKey
	var first *keptSession
	for k, w := range u.waiting {
		if first == nil || w.number < first.number {
			key, first = k, w
		}
	}
	if first == nil {
		return nil
	}
	return u.unkeep(key, first)
}

// place waits for room for a session, for which one that is only kept gives way.
func (u *sshUpstream) place(ctx context.Context) error {
	if u.sessions.TryAcquire(1) {
		return nil
	}
	u.mu.Lock()
	u.wanted++
	old := u.oldest()
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		u.wanted--
		u.mu.Unlock()
	}()
	if old != nil {
		old.end()
	}
	return u.sessions.Acquire(ctx, 1)
}

// resume returns the session that waits for a request, if there is one that lives.
func (u *sshUpstream) resume(ctx context.Context, k sessionKey) *sshSession {
	u.mu.Lock()
	w := u.waiting[k]
	if w == nil {
		u.mu.Unlock()
		return nil
	}
	s := u.unkeep(k, w)
	u.mu.Unlock()
	s.stop = context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := alive(ctx, s.conn.Client); err != nil {
		_ = s.Close()
		if ctx.Err() == nil {
			u.drop(s.conn)
		}
		return nil
	}
	return s
}

// alive asks a connection for a sign of life, which every server gives.
func alive(ctx context.Context, conn *ssh.Client) error {
	ctx, cancel := context.WithTimeout(ctx, sshAliveTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end says that nothing is wanted any more, and closes.
func (s *sshSession) end() {
	_, _ = io.WriteString(s.in, pktline.FlushPacket) // it may have ended
	_ = s.Close()
}

// exchange sends a request and waits for the answer to begin. The error is io.EOF
// where the session ended before.
func (s *sshSession) exchange(k sessionKey, req serviceRequest) (io.ReadCloser, error) {
	// The answer may begin before the request has ended.
	go func() {
		_, err := io.Copy(s.in, req.body())
		switch {
		case err != nil:
			_ = s.Close()
		case !req.lists:
			_ = s.in.Close()
		}
	}()
	if _, err := s.r.Peek(1); err != nil {
		return nil, err
	}
	if !req.lists {
		return &readCloser{s.r, s}, nil
	}
	list := &flushReader{r: s.r, packets: pktline.NewReader(s.r)}
	return &readCloser{readFunc(func(p []byte) (int, error) {
		n, err := list.Read(p)
		if errors.Is(err, io.ErrUnexpectedEOF) { // the client misses the flush, too
			err = io.EOF
		}
		return n, err
	}), closer(func() error {
		if !list.over {
			return s.Close()
		}
		s.u.keep(k, s)
		return nil
	})}, nil
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// listsRefs says whether a request of the second version is one for refs and nothing
// else, whose answer ends with its first flush, behind which others may follow.
func listsRefs(protocol string, body []byte) bool {
	if protocol != "version=2" {
		return false
	}
	r := pktline.NewReader(strings.NewReader(string(body)))
	for n, flushed := 0, false; ; n++ {
		kind, payload, err := r.Next()
		switch {
		case err != nil:
			return flushed && errors.Is(err, io.EOF)
		case flushed, n == 0 && strings.TrimSuffix(string(payload), "\n") != "command=ls-refs":
			return false
		}
		flushed = kind == pktline.Flush
	}
}
