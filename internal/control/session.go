package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/vm"
)

// errGone is what a command's output gets once nobody reads it.
var errGone = errors.New("the client is gone")

// session is a command that a client started.
type session struct {
	server *Server
	conn   *conn
	in     *inflow
	out    [3]*outflow // by stream; nil for those that are not read

	mu   sync.Mutex
	proc vm.Process // nil before the start
}

type outcome struct {
	code int
	err  error
}

// start serves opStart.
func (s *Server) start(c *conn, body json.RawMessage) error {
	var w command
	if err := json.Unmarshal(body, &w); err != nil {
		return s.answer(c, nil, fmt.Errorf("%w: %w", errFrame, err))
	}
	if s.opts.Machine == nil {
		return s.answer(c, nil, fmt.Errorf("this bottle runs no further commands: %w", errors.ErrUnsupported))
	}
	x := &session{server: s, conn: c, in: newInflow(c.credit(streamIn))}
	cmd := x.command(&w)

	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	left := make(chan error, 1) // why the client is not there any more
	var reading sync.WaitGroup
	reading.Go(func() {
		err := x.read()
		left <- err
		cancel()
		x.close(errGone)
	})
	defer reading.Wait()
	defer c.raw.Close()

	proc, err := s.opts.Machine.Start(ctx, cmd)
	if err != nil {
		return s.answer(c, nil, err)
	}
	s.commands.Add(1)
	defer s.commands.Add(-1)
	x.set(proc)
	ended := make(chan outcome, 1)
	go func() {
		code, err := proc.Wait()
		ended <- outcome{code, err}
	}()
	if err := s.answer(c, nil, nil); err != nil {
		x.finish(ended)
		return err
	}
	// Only now: the reply comes before all that the command writes.
	for _, o := range x.out {
		if o != nil {
			o.open()
		}
	}
	return x.attend(left, ended)
}

// attend waits for the end of the command, of the client or of the server.
func (x *session) attend(left <-chan error, ended <-chan outcome) error {
	var end outcome
	select {
	case end = <-ended:
	case err := <-left:
		x.finish(ended)
		return err
	case <-x.server.ctx.Done():
		var ok bool
		if end, ok = x.finish(ended); !ok {
			end.err = errors.New("the bottle has ended, its command did not")
		}
	}
	x.close(os.ErrClosed) // what processes in the background go on to write
	return x.conn.writeJSON(kindExit, exit{Code: end.code, Error: toError(end.err)})
}

// finish ends the command: SIGHUP, then SIGKILL, each with the grace to come to
// its end. Not ok is a command that outlives even that, which its machine's end
// must take along.
func (x *session) finish(ended <-chan outcome) (end outcome, ok bool) {
	proc := x.process()
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		if err := proc.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			x.server.log.Warn("control socket: end a command", "signal", sig.String(), "error", err)
		}
		if sig == syscall.SIGKILL {
			x.close(errGone) // its Wait waits for its output, which may be unread
		}
		timer := time.NewTimer(x.server.opts.Grace)
		select {
		case end = <-ended:
			timer.Stop()
			return end, true
		case <-timer.C:
		}
	}
	x.server.log.Warn("control socket: a command did not end when it was killed")
	return outcome{}, false
}

// command returns what to start, with streams that lead to the client.
func (x *session) command(w *command) vm.Command {
	cmd := fromWire(w)
	if w.In {
		cmd.Stdin = x.in
	}
	open := func(s stream) io.Writer {
		x.out[s] = newOutflow(x.conn.data(s))
		return x.out[s]
	}
	if w.Out {
		cmd.Stdout = open(streamOut)
	}
	switch {
	case w.Err && w.Both && w.Out:
		cmd.Stderr = cmd.Stdout
	case w.Err:
		cmd.Stderr = open(streamErr)
	}
	return cmd
}

func (x *session) set(p vm.Process) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.proc = p
}

func (x *session) process() vm.Process {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.proc
}

// close ends all streams.
func (x *session) close(err error) {
	x.in.end(nil)
	for _, o := range x.out {
		if o != nil {
			o.fail(err)
		}
	}
}

// read takes the client's frames until it is gone or breaks the protocol.
func (x *session) read() error {
	for {
		f, err := x.conn.read()
		if err != nil {
			return err
		}
		if err := x.take(f); err != nil {
			return err
		}
	}
}

func (x *session) take(f frame) error {
	proc := x.process()
	if proc == nil {
		return fmt.Errorf("%w: frame of kind %d before the command was started", errFrame, f.kind)
	}
	var err error
	switch f.kind {
	case kindResize:
		err = proc.Resize(vm.WinSize{Rows: binary.BigEndian.Uint16(f.payload), Cols: binary.BigEndian.Uint16(f.payload[2:])})
	case kindSignal:
		if f.payload[0] == 0 {
			return fmt.Errorf("%w: signal 0", errFrame)
		}
		err = proc.Signal(syscall.Signal(f.payload[0]))
	case kindData, kindEnd, kindCredit:
		return x.flow(f)
	default:
		return fmt.Errorf("%w: frame of kind %d from a client", errFrame, f.kind)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		x.server.log.Warn("control socket: pass on to a command", "error", err)
	}
	return nil
}

// flow takes a frame about a stream.
func (x *session) flow(f frame) error {
	s, rest, err := f.stream()
	if err != nil {
		return err
	}
	switch {
	case f.kind == kindData && s == streamIn:
		return x.in.push(rest)
	case f.kind == kindEnd && s == streamIn:
		x.in.end(nil)
		return nil
	case f.kind == kindEnd && x.out[s] != nil:
		x.out[s].fail(errGone)
		return nil
	case f.kind == kindCredit && s != streamIn && x.out[s] != nil:
		return x.out[s].grant(binary.BigEndian.Uint32(rest))
	}
	return fmt.Errorf("%w: frame of kind %d for stream %d from a client", errFrame, f.kind, s)
}
