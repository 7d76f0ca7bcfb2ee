package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// Client talks to a running bottle. It holds no connection: each operation
// makes its own. Its methods may be called from any goroutine.
type Client struct {
	path string
	info Info
}

// Dial asks the bottle that serves the socket at path who it is. The error
// says why it cannot be used, and what to do: it wraps ErrNotRunning when
// nobody serves the socket, as *StaleError when a killed bottle left it behind,
// ErrBusy while the bottle starts or ends, or is a *VersionError.
func Dial(ctx context.Context, path string) (*Client, error) {
	c := &Client{path: path}
	if err := c.Call(ctx, opInfo, nil, &c.info); err != nil {
		return nil, err
	}
	return c, nil
}

// Info is what the bottle said when it was dialled.
func (c *Client) Info() Info { return c.info }

// Shutdown ends the bottle and waits until it has ended. Without force the
// bottle may refuse.
func (c *Client) Shutdown(ctx context.Context, force bool) error {
	conn, err := c.request(ctx, opShutdown, shutdown{Force: force})
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF): // it ended for somebody else
		return nil
	case err != nil:
		return err
	}
	defer conn.raw.Close()
	stop := bound(ctx, conn)
	defer stop()
	if err := conn.await(nil, nil); gone(err) && ctx.Err() == nil {
		return nil
	} else if err != nil {
		return c.failed(ctx, err)
	}
	if _, err := conn.read(); !gone(err) {
		return c.failed(ctx, err)
	}
	return nil
}

// Reload makes the bottle read its manifest again and returns what it says
// came of it.
func (c *Client) Reload(ctx context.Context) (string, error) {
	var text string
	err := c.Call(ctx, opReload, nil, &text)
	return text, err
}

// Call calls a Handler. What in holds is sent as JSON unless it is nil, the
// answer is decoded into out unless that is nil. An error that the bottle
// returned is an *Error.
func (c *Client) Call(ctx context.Context, op string, in, out any) error {
	return c.Stream(ctx, op, in, out, nil)
}

// Stream is Call for a Handler that sends messages before its answer: each
// gets them in order. An error of each ends the call and is returned.
func (c *Client) Stream(ctx context.Context, op string, in, out any, each func(json.RawMessage) error) error {
	conn, err := c.request(ctx, op, in)
	if err != nil {
		return err
	}
	defer conn.raw.Close()
	stop := bound(ctx, conn)
	defer stop()
	var own error // of each
	err = conn.await(out, func(m json.RawMessage) error {
		if each != nil {
			own = each(m)
		}
		return own
	})
	if own != nil || err == nil {
		return own
	}
	return c.failed(ctx, err)
}

// await reads messages until the reply, which it decodes.
func (c *conn) await(out any, each func(json.RawMessage) error) error {
	for {
		f, err := c.read()
		if err != nil {
			return err
		}
		if f.kind == kindMessage && each != nil {
			if err := each(append(json.RawMessage(nil), f.payload...)); err != nil {
				return err
			}
			continue
		}
		var r reply
		if err := readJSON(f, kindReply, &r); err != nil {
			return err
		}
		if r.Error != nil {
			return r.Error
		}
		if out == nil {
			return nil
		}
		if err := json.Unmarshal(r.Body, out); err != nil {
			return fmt.Errorf("%w: the answer: %w", errFrame, err)
		}
		return nil
	}
}

// request connects and sends a request.
func (c *Client) request(ctx context.Context, op string, in any) (*conn, error) {
	body, err := encode(in)
	if err != nil {
		return nil, err
	}
	conn, err := connect(ctx, c.path)
	if err != nil {
		return nil, err
	}
	stop := bound(ctx, conn)
	defer stop()
	if err := conn.writeJSON(kindRequest, request{Op: op, Body: body}); err != nil {
		_ = conn.raw.Close()
		return nil, c.failed(ctx, err)
	}
	return conn, nil
}

// connect connects to a bottle of our version.
func connect(ctx context.Context, path string) (_ *conn, err error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, unreachable(path, err)
	}
	c := newConn(raw.(*net.UnixConn)) // of network "unix"
	defer func() {
		if err != nil {
			_ = raw.Close()
		}
	}()
	p, err := peerOf(c.raw)
	if err != nil {
		return nil, fmt.Errorf("%s: ask who serves it: %w", named(path), err)
	}
	if err := p.check(os.Geteuid()); err != nil {
		return nil, fmt.Errorf("%s: %w", named(path), err)
	}
	// A bottle that was stopped takes connections and says nothing.
	soon, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	stop := bound(soon, c)
	defer stop()
	version, err := c.greet()
	switch {
	case soon.Err() != nil:
		return nil, fmt.Errorf("%s, process %d, does not answer: %w", named(path), p.pid, soon.Err())
	case gone(err):
		return nil, fmt.Errorf("%s, process %d, serves too many others, is ending, or does not serve this user: %w", named(path), p.pid, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", named(path), err)
	case version != protocolVersion:
		return nil, &VersionError{Path: path, Theirs: int(version), Ours: protocolVersion, PID: p.pid}
	}
	return c, nil
}

// bound lets ctx's end end all waiting on the connection. The returned function
// takes that back, and must be called.
func bound(ctx context.Context, c *conn) (stop func() bool) {
	fired := make(chan struct{})
	stopper := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = c.raw.SetDeadline(time.Unix(1, 0))
	})
	return func() bool {
		if stopper() {
			return true
		}
		<-fired // else it could hit a later use
		return false
	}
}

// failed says what ended an operation.
func (c *Client) failed(ctx context.Context, err error) error {
	var remote *Error
	switch {
	case errors.As(err, &remote):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", named(c.path), ctx.Err())
	case gone(err):
		return fmt.Errorf("%s ended meanwhile: %w", named(c.path), io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("%s: %w", named(c.path), err)
}
