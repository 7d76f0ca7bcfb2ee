package control

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/bot-bottle/bottle/vm"
)

// process is the client's side of a command.
type process struct {
	conn *conn
	name string // of the bottle
	tty  bool
	in   *outflow
	out  [3]*inflow // by stream; nil for those that are not read

	exited chan struct{} // closed once the command or the bottle has ended
	done   chan struct{} // closed once code and err are known and all is copied
	code   int
	err    error
}

// Start starts a command in the bottle, as vm.Machine's Start does: ctx bounds
// the start only. When the client's process ends, the command gets SIGHUP and
// after a while SIGKILL.
func (c *Client) Start(ctx context.Context, cmd vm.Command) (vm.Process, error) {
	if err := cmd.Check(); err != nil {
		return nil, err
	}
	w := toWire(&cmd)
	conn, err := c.request(ctx, opStart, w)
	if errors.Is(err, syscall.E2BIG) {
		return nil, fmt.Errorf("start %q: its arguments and environment are too long: %w", cmd.Args[0], err)
	}
	if err != nil {
		return nil, err
	}
	stop := bound(ctx, conn)
	err = conn.await(nil, nil)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.raw.Close()
		return nil, c.failed(ctx, err)
	}
	p := &process{
		conn: conn, name: named(c.path), tty: cmd.TTY != nil, in: newOutflow(conn.data(streamIn)),
		exited: make(chan struct{}), done: make(chan struct{}),
	}
	if w.Out {
		p.out[streamOut] = newInflow(conn.credit(streamOut))
	}
	if w.Err && !w.Both {
		p.out[streamErr] = newInflow(conn.credit(streamErr))
	}
	p.in.open()
	if w.In {
		go p.feed(cmd.Stdin)
	}
	go p.follow(&cmd)
	return p, nil
}

// feed copies the caller's input to the bottle. Its reader's errors are the
// end of the input: the one who reads them is the caller.
func (p *process) feed(from io.Reader) {
	buf := make([]byte, maxData)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := p.in.Write(buf[:n]); err != nil {
				return // the command is over
			}
		}
		if err != nil {
			_ = p.conn.end(streamIn)
			return
		}
	}
}

// follow copies the streams until the command's end.
func (p *process) follow(cmd *vm.Command) {
	var copies sync.WaitGroup
	var mu sync.Mutex
	var own error // of the first writer that failed
	for s, to := range map[stream]io.Writer{streamOut: cmd.Stdout, streamErr: cmd.Stderr} {
		if from := p.out[s]; from != nil {
			copies.Go(func() {
				if err := p.copy(s, to, from); err != nil {
					mu.Lock()
					defer mu.Unlock()
					own = errors.Join(own, err)
				}
			})
		}
	}
	end, err := p.read()
	close(p.exited)
	p.in.fail(os.ErrProcessDone)
	for _, i := range p.out {
		if i != nil {
			i.end(nil)
		}
	}
	copies.Wait()
	_ = p.conn.raw.Close()
	p.code = end.Code
	switch {
	case own != nil:
		p.err = own
	case err != nil:
		p.err = err
	case end.Error != nil:
		p.err = end.Error
	}
	close(p.done)
}

// copy copies one stream to its writer. A writer that fails is told to the
// bottle, so that the command does not write on for nobody.
func (p *process) copy(s stream, to io.Writer, from *inflow) error {
	buf := make([]byte, maxData)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				from.end(err)
				_ = p.conn.end(s)
				return fmt.Errorf("write the command's output: %w", err)
			}
		}
		if err != nil {
			return nil
		}
	}
}

// read takes the bottle's frames until the command's end.
func (p *process) read() (exit, error) {
	for {
		f, err := p.conn.read()
		switch {
		case gone(err):
			return exit{}, fmt.Errorf("%s ended before the command's end was known: %w", p.name, err)
		case err != nil:
			return exit{}, fmt.Errorf("%s: %w", p.name, err)
		}
		if f.kind == kindExit {
			var e exit
			return e, readJSON(f, kindExit, &e)
		}
		if err := p.flow(f); err != nil {
			return exit{}, fmt.Errorf("%s: %w", p.name, err)
		}
	}
}

// flow takes a frame about a stream.
func (p *process) flow(f frame) error {
	if f.kind != kindData && f.kind != kindCredit {
		return fmt.Errorf("%w: frame of kind %d from a bottle", errFrame, f.kind)
	}
	s, rest, err := f.stream()
	if err != nil {
		return err
	}
	switch {
	case f.kind == kindData && p.out[s] != nil:
		return p.out[s].push(rest)
	case f.kind == kindCredit && s == streamIn:
		return p.in.grant(binary.BigEndian.Uint32(rest))
	}
	return fmt.Errorf("%w: frame of kind %d for stream %d from a bottle", errFrame, f.kind, s)
}

func (p *process) Wait() (int, error) {
	<-p.done
	return p.code, p.err
}

func (p *process) Signal(sig syscall.Signal) error {
	if sig <= 0 || sig > 127 {
		return fmt.Errorf("send signal %d: no such signal", int(sig))
	}
	return p.send(func() error { return p.conn.signal(sig) })
}

func (p *process) Resize(size vm.WinSize) error {
	if !p.tty {
		return errors.New("resize: the command has no terminal")
	}
	return p.send(func() error { return p.conn.resize(size) })
}

// send sends a frame unless the command has ended.
func (p *process) send(write func() error) error {
	select {
	case <-p.exited:
		return os.ErrProcessDone
	default:
	}
	if err := write(); gone(err) {
		return os.ErrProcessDone
	} else if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}
