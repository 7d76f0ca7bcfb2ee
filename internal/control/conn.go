package control

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/bot-bottle/bottle/vm"
)

// protocolVersion changes when either end could misunderstand the other.
const protocolVersion = 1

// preamble is what both ends send first, before the version's byte.
const preamble = "bottlec"

// conn is a connection that speaks frames. Frames may be written from any
// goroutine and are read by one.
type conn struct {
	raw *net.UnixConn
	r   *bufio.Reader
	in  []byte // of readFrame

	mu  sync.Mutex
	out []byte
	err error // of the first write that failed: what follows would be garbled
}

func newConn(raw *net.UnixConn) *conn {
	return &conn{raw: raw, r: bufio.NewReaderSize(raw, maxData+1+frameHeader)}
}

// greet exchanges the preambles and returns the other end's version.
func (c *conn) greet() (version byte, err error) {
	if _, err := c.raw.Write(append([]byte(preamble), protocolVersion)); err != nil {
		return 0, err
	}
	var theirs [len(preamble) + 1]byte
	if _, err := io.ReadFull(c.r, theirs[:]); err != nil {
		return 0, err
	}
	if string(theirs[:len(preamble)]) != preamble {
		return 0, fmt.Errorf("%w: not the control socket of a bottle", errFrame)
	}
	return theirs[len(preamble)], nil
}

// read returns the next frame, which is valid until the next call.
func (c *conn) read() (f frame, err error) {
	f, c.in, err = readFrame(c.r, c.in)
	return f, err
}

// write sends a frame whose payload is in two parts. It waits while the other
// end does not read.
func (c *conn) write(k kind, first, second []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	var err error
	if c.out, err = appendFrame(c.out[:0], k, first, second); err != nil {
		return err
	}
	if _, c.err = c.raw.Write(c.out); c.err != nil {
		return c.err
	}
	if cap(c.out) > 2*maxData { // of a large message
		c.out = nil
	}
	return nil
}

func (c *conn) writeJSON(k kind, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("message of %d bytes, of at most %d: %w", len(b), maxMessage, syscall.E2BIG)
	}
	return c.write(k, b, nil)
}

func (c *conn) data(s stream) func(p []byte) error {
	return func(p []byte) error { return c.write(kindData, []byte{byte(s)}, p) }
}

func (c *conn) credit(s stream) func(n uint32) error {
	return func(n uint32) error {
		return c.write(kindCredit, binary.BigEndian.AppendUint32([]byte{byte(s)}, n), nil)
	}
}

func (c *conn) end(s stream) error { return c.write(kindEnd, []byte{byte(s)}, nil) }

func (c *conn) resize(size vm.WinSize) error {
	b := binary.BigEndian.AppendUint16(nil, size.Rows)
	return c.write(kindResize, binary.BigEndian.AppendUint16(b, size.Cols), nil)
}

func (c *conn) signal(sig syscall.Signal) error { return c.write(kindSignal, []byte{byte(sig)}, nil) }

func readJSON(f frame, want kind, v any) error {
	if f.kind != want {
		return fmt.Errorf("%w: frame of kind %d, want %d", errFrame, f.kind, want)
	}
	if err := json.Unmarshal(f.payload, v); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	return nil
}

// gone says whether err is of a connection whose other end, or this one, has
// closed it.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
