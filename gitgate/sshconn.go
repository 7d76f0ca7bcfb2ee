package gitgate

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bot-bottle/bottle/proxy"
)

// sshConn is a connection and how much runs on it.
type sshConn struct {
	*ssh.Client
	running int
	idle    *time.Timer
}

// sshDial is a connection that is being made, for all that wait for one.
type sshDial struct {
	done chan struct{} // closed at the end
	err  error         // set before that
}

// connection returns the kept connection, for which leave has to be called, or makes
// one. Of those who want one at the same time the first connects, and the others wait
// for what comes of it, no longer than their own contexts last.
func (u *sshUpstream) connection(ctx context.Context, c *proxy.GateCall) (conn *sshConn, fresh bool, err error) {
	for {
		u.mu.Lock()
		if conn := u.kept; conn != nil {
			conn.running++
			u.mu.Unlock()
			return conn, false, nil
		}
		d := u.dialing
		if d == nil {
			d = &sshDial{done: make(chan struct{})}
			u.dialing = d
			u.mu.Unlock()
			conn, err := u.connect(ctx, c, d)
			return conn, true, err
		}
		u.mu.Unlock()
		select {
		case <-d.done:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		// Who connected may have gone away, which says nothing of the server.
		if d.err != nil && !errors.Is(d.err, context.Canceled) {
			return nil, false, d.err
		}
	}
}

// connect makes the connection that d stands for, and keeps it.
func (u *sshUpstream) connect(ctx context.Context, c *proxy.GateCall, d *sshDial) (*sshConn, error) {
	client, err := u.dial(ctx, c)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	defer close(d.done)
	u.dialing, d.err = nil, err
	if err != nil {
		return nil, err
	}
	kept := &sshConn{Client: client, running: 1}
	kept.idle = time.AfterFunc(sshIdle, func() { u.dropIdle(kept) })
	u.kept = kept
	go func() {
		_ = client.Wait()
		u.forget(kept)
	}()
	return kept, nil
}

// forget keeps a connection no longer that has ended.
func (u *sshUpstream) forget(conn *sshConn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.kept == conn {
		conn.idle.Stop()
		u.kept = nil
	}
}

func (u *sshUpstream) leave(conn *sshConn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if conn.running--; conn.running > 0 {
		return
	}
	if u.kept != conn {
		_ = conn.Close()
		return
	}
	conn.idle.Reset(sshIdle)
}

func (u *sshUpstream) dropIdle(conn *sshConn) {
	u.mu.Lock()
	idle := conn.running == 0
	u.mu.Unlock()
	if idle {
		u.drop(conn)
	}
}

// drop forgets a connection. What runs on it goes on.
func (u *sshUpstream) drop(conn *sshConn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.kept == conn {
		u.kept = nil
	}
	conn.idle.Stop()
	if conn.running == 0 {
		_ = conn.Close()
	}
}

// dial connects and logs in.
func (u *sshUpstream) dial(ctx context.Context, c *proxy.GateCall) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, sshTimeout)
	defer cancel()
	port := 22
	if p := u.host.URL.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, err
		}
		port = int(n)
	}
	addr := net.JoinHostPort(u.host.URL.Hostname(), strconv.Itoa(port))
	cfg, done, err := u.host.SSH.config(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer done()
	if cfg.User = u.host.URL.User.Username(); cfg.User == "" {
		cfg.User = "git"
	}
	conn, err := c.Dial(ctx, u.host.URL.Hostname(), port, u.host.Private)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	sc, chans, reqs, err := ssh.NewClientConn(conn, addr, cfg)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return ssh.NewClient(sc, chans, reqs), nil
}
