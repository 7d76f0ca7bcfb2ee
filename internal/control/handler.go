package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Handler does an operation. What it returns is encoded as JSON for the
// client; its error is told to it as an Error. ctx ends when the client goes
// away or the Server is closed; a handler that goes on then holds up the
// Server's Close.
type Handler func(ctx context.Context, call *Call) (any, error)

// Call is a client's call of a Handler.
type Call struct {
	body json.RawMessage
	conn *conn
}

// Decode decodes what the client sent along.
func (c *Call) Decode(v any) error {
	if len(c.body) == 0 {
		return errors.New("the call has no body")
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return fmt.Errorf("the call's body: %w", err)
	}
	return nil
}

// Send sends a message, of at most 1 MiB as JSON, before the handler returns:
// for operations that go on telling. It waits while the client does not read.
func (c *Call) Send(v any) error { return c.conn.writeJSON(kindMessage, v) }

// register fills the table of operations.
func (s *Server) register() error {
	s.handlers[opInfo] = func(context.Context, *Call) (any, error) { return s.info(), nil }
	if hook := s.opts.Reload; hook != nil {
		s.handlers[opReload] = func(ctx context.Context, _ *Call) (any, error) { return hook(ctx) }
	}
	if hook := s.opts.Shutdown; hook != nil {
		s.handlers[opShutdown] = func(ctx context.Context, call *Call) (any, error) {
			var how shutdown
			if err := call.Decode(&how); err != nil {
				return nil, err
			}
			return nil, hook(ctx, how.Force)
		}
	}
	for op, h := range s.opts.Handlers {
		switch op {
		case "", opInfo, opStart, opReload, opShutdown:
			return fmt.Errorf("control socket: operation %q is taken", op)
		}
		if h == nil {
			return fmt.Errorf("control socket: operation %q has no handler", op)
		}
		s.handlers[op] = h
	}
	return nil
}

// call serves any operation but opStart.
func (s *Server) call(c *conn, req request) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	// The client has nothing more to say: what comes is its going away.
	var watch sync.WaitGroup
	watch.Go(func() {
		defer cancel()
		_, _ = c.read()
	})
	defer watch.Wait()
	defer c.raw.Close()

	h := s.handlers[req.Op]
	if h == nil {
		return c.writeJSON(kindReply, reply{Error: toError(fmt.Errorf("this bottle cannot do %q: %w", req.Op, errors.ErrUnsupported))})
	}
	v, err := h(ctx, &Call{body: req.Body, conn: c})
	if err = s.answer(c, v, err); err != nil {
		return err
	}
	if req.Op == opShutdown {
		<-ctx.Done() // the connection's end tells the client that all is over
	}
	return nil
}

// answer sends a reply. One that cannot be encoded, or is too long, becomes an
// error that says so.
func (s *Server) answer(c *conn, v any, err error) error {
	r := reply{Error: toError(err)}
	if err == nil {
		var b json.RawMessage
		if b, err = encode(v); err == nil && len(b) > maxMessage-64 {
			err = fmt.Errorf("the answer has %d bytes, of at most %d", len(b), maxMessage-64)
		}
		r.Body, r.Error = b, toError(err)
		if err != nil {
			r.Body = nil
		}
	}
	return c.writeJSON(kindReply, r)
}
