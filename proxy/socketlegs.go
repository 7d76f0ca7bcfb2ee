package proxy

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/wsframe"
)

// socketLeg is one of the two ends of a WebSocket.
type socketLeg struct {
	io.Reader
	*socketWriter
	abort func() // breaks off what reads and writes; may be called more than once
	end   func() // ends what is written, not what is read; nil where that cannot be
}

// socketWriter puts frames together. It may be used concurrently.
type socketWriter struct {
	w    io.Writer
	mask bool // as a client

	mu     sync.Mutex
	open   bool // a message has begun and not ended
	closed bool // nothing may follow a close
}

// room is where the header goes, before a payload.
const room = wsframe.MaxHeader

// errSocketClosed is for what comes behind a close.
var errSocketClosed = errors.New("the WebSocket is closed")

// frame writes a frame at once. Its payload stands in b behind room, and is masked
// there: with keys of the proxy, since those of the agent are bytes like others that
// nobody has looked at.
func (w *socketWriter) frame(b []byte, op wsframe.Op, fin bool) error {
	h := wsframe.Header{Fin: fin, Op: op, Masked: w.mask, Length: int64(len(b) - room)}
	if w.mask {
		_, _ = rand.Read(h.Key[:]) // never fails
		wsframe.Mask(h.Key, 0, b[room:])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errSocketClosed
	}
	if !op.Control() {
		w.open = !fin
	}
	w.closed = op == wsframe.Close
	var head [room]byte
	start := room - len(h.Append(head[:0]))
	copy(b[start:], head[:room-start])
	_, err := w.w.Write(b[start:])
	return err
}

func (w *socketWriter) control(op wsframe.Op, payload []byte) error {
	return w.frame(append(make([]byte, room, room+wsframe.MaxControl), payload...), op, true)
}

// between reports whether a message can begin.
func (w *socketWriter) between() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.open && !w.closed
}

func (w *socketWriter) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

func (x *exchange) upstreamLeg() *socketLeg {
	up := x.socket.up
	return &socketLeg{Reader: up, socketWriter: &socketWriter{w: up, mask: true}, abort: func() { up.Close() }}
}

// agentLeg answers the agent that it has its WebSocket. release gives back what
// stays behind net/http's back then.
func (x *exchange) agentLeg(resp *http.Response) (leg *socketLeg, release func(), err error) {
	red, err := x.redaction()
	if err != nil {
		return nil, nil, err
	}
	h := x.w.Header()
	copyHeader(h, resp.Header)
	x.cleanResponseHeader(h)
	for _, name := range [...]string{"Sec-Websocket-Accept", "Content-Length", "Content-Type"} {
		delete(h, name)
	}
	x.redactHeader(h, red)
	if x.r.ProtoMajor == 2 {
		return x.agentStream()
	}
	return x.agentConn(h)
}

// agentStream takes the rest of an HTTP/2 stream.
func (x *exchange) agentStream() (*socketLeg, func(), error) {
	x.status = http.StatusOK
	x.w.WriteHeader(http.StatusOK)
	if err := x.rc.Flush(); err != nil {
		return nil, nil, err
	}
	abort := func() {
		past := time.Now().Add(-time.Second)
		_ = x.rc.SetReadDeadline(past)
		_ = x.rc.SetWriteDeadline(past) // which resets the stream
	}
	return &socketLeg{Reader: x.r.Body, socketWriter: &socketWriter{w: flushed{x.w, x.rc}}, abort: abort}, func() {}, nil
}

// flushed sends each write on at once.
type flushed struct {
	w  io.Writer
	rc *http.ResponseController
}

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = f.rc.Flush()
	}
	return n, err
}

// agentConn takes an HTTP/1.1 connection over.
func (x *exchange) agentConn(h http.Header) (*socketLeg, func(), error) {
	conn, rw, err := x.rc.Hijack()
	if err != nil {
		return nil, nil, err
	}
	release := func() {
		conn.Close()
		// As connState would have done.
		if g, ok := conn.(*headGuard); ok {
			g.place.leave()
		}
		if x.tunnel != nil {
			x.tunnel.end()
		}
	}
	early := make([]byte, rw.Reader.Buffered())
	_, _ = io.ReadFull(rw.Reader, early) // they are there
	raw := conn
	if g, ok := conn.(*headGuard); ok {
		if g.state != guardHead { // a client that did not wait, and was not understood
			release()
			return nil, nil, errors.New("the agent sent something before the WebSocket was open")
		}
		below, rest := g.unwrap()
		raw, early = below, append(early, rest...)
	}
	_ = conn.SetDeadline(time.Time{})
	x.status = http.StatusSwitchingProtocols
	head := new(bytes.Buffer)
	fmt.Fprintf(head, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n", acceptKey(x.socket.key))
	_ = h.Write(head)
	fmt.Fprint(head, "\r\n")
	if _, err := raw.Write(head.Bytes()); err != nil {
		release()
		return nil, nil, fmt.Errorf("the client went away: %w", err)
	}
	return &socketLeg{Reader: &replayConn{Conn: raw, early: early}, socketWriter: &socketWriter{w: raw},
		abort: func() { conn.Close() }, end: func() { _ = closeWrite(raw) }}, release, nil
}
