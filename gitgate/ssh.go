package gitgate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/semaphore"

	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/internal/shellword"
	"github.com/bot-bottle/bottle/proxy"
)

const (
	// maxSSHSessions bounds what runs on one connection: servers take 10.
	maxSSHSessions = 8
	// sshIdle closes a connection that nothing runs on.
	sshIdle = 90 * time.Second
	// sshTimeout bounds the handshake and the login.
	sshTimeout = 20 * time.Second
	// sshAliveTimeout bounds the wait for a sign of life of a kept connection.
	sshAliveTimeout = 5 * time.Second
)

// sshUpstream is a server that speaks ssh. It keeps one connection.
type sshUpstream struct {
	host     *Host
	sessions *semaphore.Weighted

	mu      sync.Mutex
	kept    *sshConn
	dialing *sshDial                    // nil if nobody connects
	waiting map[sessionKey]*keptSession // for their second request
	kepts   int                         // sessions that were kept
	wanted  int                         // sessions that wait for a place
}

func newSSHUpstream(h *Host) *sshUpstream {
	return &sshUpstream{host: h, sessions: semaphore.NewWeighted(maxSSHSessions), waiting: map[sessionKey]*keptSession{}}
}

func (u *sshUpstream) advertise(ctx context.Context, c *proxy.GateCall, repo, service, protocol string) (io.ReadCloser, error) {
	s, err := u.start(ctx, c, repo, service, protocol)
	if err != nil {
		return nil, err
	}
	if _, err := s.r.Peek(4); err != nil {
		return nil, s.failure(err)
	}
	key := newSessionKey(c, repo, service, spoken(s.r))
	refs := &flushReader{r: s.r, packets: pktline.NewReader(s.r)}
	return &readCloser{refs, closer(func() error {
		if refs.over {
			u.keep(key, s)
		} else {
			s.end()
		}
		return nil
	})}, nil
}

func (u *sshUpstream) call(ctx context.Context, c *proxy.GateCall, req serviceRequest) (io.ReadCloser, error) {
	key := newSessionKey(c, req.repo, req.service, req.protocol)
	if s := u.resume(ctx, key); s != nil {
		answer, err := s.exchange(key, req)
		if err == nil {
			return answer, nil
		}
		_ = s.Close() // it had ended without a word of an answer: another may give one
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	s, err := u.start(ctx, c, req.repo, req.service, req.protocol)
	if err != nil {
		return nil, err
	}
	// What is said first is known from the request before.
	if _, err := io.Copy(io.Discard, &flushReader{r: s.r, packets: pktline.NewReader(s.r)}); err != nil {
		return nil, s.failure(err)
	}
	answer, err := s.exchange(key, req)
	if errors.Is(err, io.EOF) { // an answer without a word
		return &readCloser{s.r, s}, nil
	}
	if err != nil {
		_ = s.Close()
	}
	return answer, err
}

// sshSession is one service that runs.
type sshSession struct {
	u    *sshUpstream
	conn *sshConn
	*ssh.Session
	in     io.WriteCloser
	r      *bufio.Reader // of standard output
	errs   *headBuffer
	stop   func() bool   // the watch on the context
	ended  chan struct{} // closed when the service has, and all of errs is there
	closed sync.Once
}

// start runs a service. Its end is that of ctx, or Close.
func (u *sshUpstream) start(ctx context.Context, c *proxy.GateCall, repo, service, protocol string) (*sshSession, error) {
	if err := u.place(ctx); err != nil {
		return nil, err
	}
	s, err := u.open(ctx, c)
	if err != nil {
		u.sessions.Release(1)
		return nil, u.explain(err)
	}
	s.stop = context.AfterFunc(ctx, func() { _ = s.Close() })
	if protocol != "" {
		_ = s.Setenv("GIT_PROTOCOL", protocol) // refused by most servers, which then speak the first version
	}
	if err := s.begin(service + " " + shellword.Quote(u.path(repo))); err != nil {
		_ = s.Close()
		return nil, u.explain(err)
	}
	return s, nil
}

// begin starts the service.
func (s *sshSession) begin(command string) (err error) {
	s.errs, s.ended = &headBuffer{}, make(chan struct{})
	s.Stderr = s.errs
	if s.in, err = s.StdinPipe(); err != nil {
		return err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	s.r = bufio.NewReaderSize(out, copyBuffer)
	if err := s.Start(command); err != nil {
		return err
	}
	go func() {
		_ = s.Wait() // git's status says nothing that its answer does not
		close(s.ended)
	}()
	return nil
}

// path is that of a repository on the server: absolute if the URL has one.
func (u *sshUpstream) path(repo string) string {
	base := u.host.URL.Path
	if base == "" || base == "/" {
		return repo
	}
	return strings.TrimSuffix(base, "/") + "/" + repo
}

// open opens a session on the kept connection, or on a new one if that has died.
func (u *sshUpstream) open(ctx context.Context, c *proxy.GateCall) (*sshSession, error) {
	for try := 0; ; try++ {
		conn, fresh, err := u.connection(ctx, c)
		if err != nil {
			return nil, err
		}
		session, err := newSession(ctx, conn.Client)
		if err == nil {
			return &sshSession{u: u, conn: conn, Session: session}, nil
		}
		u.leave(conn)
		if fresh || try > 0 || ctx.Err() != nil {
			return nil, err
		}
		u.drop(conn)
	}
}

// newSession opens a session in bounded time: a connection may be dead without
// anyone having said so.
func newSession(ctx context.Context, conn *ssh.Client) (*ssh.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, sshAliveTimeout)
	defer cancel()
	type result struct {
		s   *ssh.Session
		err error
	}
	done := make(chan result, 1)
	go func() {
		s, err := conn.NewSession()
		done <- result{s, err}
	}()
	select {
	case r := <-done:
		return r.s, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.err == nil {
				_ = r.s.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// Close ends the session. It may be called more than once.
func (s *sshSession) Close() error {
	s.closed.Do(func() {
		if s.stop != nil {
			s.stop()
		}
		_ = s.Session.Close() // io.EOF where the server has closed it
		s.u.leave(s.conn)
		s.u.sessions.Release(1)
	})
	return nil
}

// failure says why a service said nothing, from what it wrote to its standard
// error.
func (s *sshSession) failure(err error) error {
	<-s.ended
	_ = s.Close()
	all := s.errs.String()
	// The service speaks last: a login shell's start-up files may have printed
	// much before it.
	text := pktline.CleanReason(all[max(0, len(all)-pktline.MaxReason):])
	name := s.u.host.URL.Hostname()
	switch {
	case text == "":
		return fmt.Errorf("%s began the service and said nothing: %w", name, err)
	case strings.Contains(all, "not found") || strings.Contains(all, "not appear to be a git repository"):
		return &upstreamError{http.StatusNotFound, name + " has no such repository, or does not show it to the key that bottle holds: " + text}
	}
	return &upstreamError{http.StatusBadGateway, name + " says: " + text}
}

func (u *sshUpstream) explain(err error) error {
	name := u.host.URL.Hostname()
	var known *knownHostsError
	switch {
	case errors.As(err, &known):
		return &upstreamError{http.StatusBadGateway, known.Error()}
	case strings.Contains(err.Error(), "unable to authenticate"):
		return &upstreamError{http.StatusBadGateway, name + " accepts none of the keys that bottle holds for it: the operator has to look at git: auth in bottle.yaml"}
	}
	return err
}

type closer func() error

func (c closer) Close() error { return c() }

// headBuffer keeps the first bytes that are written to it.
type headBuffer struct {
	mu sync.Mutex
	b  []byte
}

const maxHead = 4 << 10

func (h *headBuffer) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.b = append(h.b, p[:min(len(p), maxHead-len(h.b))]...)
	return len(p), nil
}

func (h *headBuffer) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.b)
}
