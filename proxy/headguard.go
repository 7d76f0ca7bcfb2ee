package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// headGuard stands in front of an HTTP/1 server connection and hands on only
// heads that leave no room for a second reading (RFC 9112, sections 2.2, 3,
// 5.1, 5.2, 6.1, 6.3 and 7.1). net/http accepts several of the others, such as
// Content-Length beside Transfer-Encoding, obs-fold and bare LF.
//
// It has to follow the framing of bodies to know where the next head begins;
// bytes of a body are handed on without a copy. A bad head is replaced by a
// request of refusedMethod, so that the server answers it in its turn.
type headGuard struct {
	net.Conn
	maxHead int     // bytes
	buf     []byte  // received and not yet handed on
	lent    *[]byte // of headBuffers, that buf may be in
	pass    int     // how much of buf is checked
	seen    int     // how much of buf is known to hold no end of what is awaited
	state   guardState
	left    int64 // of the body or chunk
	trailer int   // bytes of trailers so far
	excess  int64 // bytes of chunks that are no data, beyond what is usual
	refusal *denial
	err     error
	broken  atomic.Bool // err is errBadFraming; for other goroutines
	place   place       // at a listener, of a connection to the proxy itself
}

type guardState int

const (
	guardHead      guardState = iota
	guardBody                 // left bytes, then a head
	guardChunkSize            // a line
	guardChunkData            // left bytes, then CRLF
	guardChunkEnd             // CRLF
	guardTrailer              // lines up to an empty one
	guardRaw                  // a tunnel: nothing more to check
	guardRefused              // answered; what still comes is thrown away
)

// refusedMethod marks the request that stands for a refused head. The handler
// looks at headGuard.refusal as well, so a client gains nothing by sending it.
const refusedMethod = "BOTTLE-REFUSED"

// minDirectHead is the least room that a head is read into directly.
const minDirectHead = 2 << 10

// The limits of chunked bodies. Where net/http has one, that is it, and no more: what it
// gives up in the middle of a body it would go on to read as the next head.
const (
	maxChunkLine    = 1 << 10  // of a size with its extensions
	maxChunkExcess  = 16 << 10 // of headGuard.excess
	maxTrailerBytes = 4 << 10  // of all lines: they must fit its buffer
)

var errBadFraming = errors.New("the request body is not framed as RFC 9112 says")

func newHeadGuard(c net.Conn) *headGuard { return &headGuard{Conn: c, maxHead: maxHeaderBytes} }

// Read hands on checked bytes only.
func (g *headGuard) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if g.pass > 0 {
			n := copy(p, g.buf[:g.pass])
			g.consume(n)
			return n, nil
		}
		if g.err != nil {
			return 0, g.err
		}
		if direct, limit := g.direct(); direct && len(g.buf) == 0 {
			n, err := g.Conn.Read(p[:min(int64(len(p)), limit)])
			g.advance(int64(n))
			return n, err
		}
		if len(g.buf) > g.seen && g.step() {
			g.seen = 0
			continue
		}
		g.seen = len(g.buf)
		if g.state == guardHead && g.buf == nil && len(p) >= minDirectHead {
			n, err := g.readHead(p)
			if n > 0 || err != nil {
				return n, err
			}
			continue
		}
		if err := g.fill(); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// readHead reads to where the bytes are wanted and checks them there, since most heads
// come whole: a connection that waits for one holds no memory then. It returns how much
// can be handed on; what cannot be (yet) is in buf.
func (g *headGuard) readHead(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	done := 0
	for more := true; more && done < n; {
		g.buf = p[done:n:n]
		if more = g.step() && g.pass > 0 && g.state != guardRefused; more {
			done += g.pass
			g.pass, g.buf = 0, p[done:n:n]
			more = g.state != guardHead // another message has its turn
		}
	}
	if g.err == nil && g.state != guardRefused {
		rest := g.buf
		if g.buf = nil; len(rest) > 0 {
			g.room()
			g.buf = append(g.buf, rest...)
		}
	}
	return done, nil
}

// direct reports whether the coming bytes need no check, and how many.
func (g *headGuard) direct() (bool, int64) {
	switch g.state {
	case guardRaw:
		return true, 1 << 30
	case guardBody, guardChunkData:
		return true, g.left
	default:
		return false, 0
	}
}

// advance counts n handed-on bytes of a body.
func (g *headGuard) advance(n int64) {
	if g.state == guardRaw {
		return
	}
	if g.left -= n; g.left > 0 {
		return
	}
	if g.state == guardBody {
		g.state = guardHead
	} else {
		g.state = guardChunkEnd
	}
}

func (g *headGuard) consume(n int) {
	g.buf = g.buf[n:]
	g.pass -= n
	if len(g.buf) == 0 {
		g.buf = nil // most connections idle between requests: keep no memory
		g.giveBack()
	}
}

// headBuffers have room for most heads.
var headBuffers = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}

// room makes buf larger.
func (g *headGuard) room() {
	if g.buf == nil && g.lent == nil {
		g.lent, _ = headBuffers.Get().(*[]byte)
		g.buf = (*g.lent)[:0]
		return
	}
	g.buf = append(make([]byte, 0, max(4<<10, 2*cap(g.buf))), g.buf...)
	g.giveBack()
}

// giveBack is called when buf is not in what was lent any more.
func (g *headGuard) giveBack() {
	if g.lent != nil {
		headBuffers.Put(g.lent)
		g.lent = nil
	}
}

// fill reads more into buf.
func (g *headGuard) fill() error {
	if g.state == guardRefused {
		_, err := io.Copy(io.Discard, io.LimitReader(g.Conn, drainBytes))
		if err == nil {
			err = io.EOF
		}
		return err
	}
	if cap(g.buf)-len(g.buf) < 2<<10 {
		g.room()
	}
	n, err := g.Conn.Read(g.buf[len(g.buf):cap(g.buf)])
	g.buf = g.buf[:len(g.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// step checks what is in buf. It reports whether something changed; if not,
// more input is needed.
func (g *headGuard) step() bool {
	switch g.state {
	case guardHead:
		return g.stepHead()
	case guardBody, guardChunkData, guardRaw:
		_, limit := g.direct()
		g.pass = int(min(int64(len(g.buf)), limit))
		g.advance(int64(g.pass))
		return true
	case guardChunkEnd:
		if len(g.buf) < 2 {
			return false
		}
		if g.buf[0] != '\r' || g.buf[1] != '\n' {
			return g.fail()
		}
		g.pass, g.state = 2, guardChunkSize
		return true
	case guardChunkSize:
		line, ok := g.line(maxChunkLine)
		if line == nil {
			return ok
		}
		size, err := parseChunkSize(line)
		if err != nil {
			return g.fail()
		}
		// As net/http counts it.
		if g.excess = max(0, g.excess+int64(len(line))+2-16-2*size); g.excess > maxChunkExcess {
			return g.fail()
		}
		g.pass = len(line) + 2
		g.left, g.state, g.trailer = size, guardChunkData, 0
		if size == 0 {
			g.state = guardTrailer
		}
		return true
	case guardTrailer:
		line, ok := g.line(maxTrailerBytes - g.trailer - 1)
		if line == nil {
			return ok
		}
		if len(line) == 0 {
			g.state = guardHead
		} else if _, _, err := splitField(string(line)); err != nil {
			return g.fail()
		}
		g.pass = len(line) + 2
		g.trailer += g.pass
		return true
	default:
		g.buf = nil
		return false
	}
}

// line returns the first line of buf without its CRLF. It is nil when more
// input is needed (ok false) or the framing is broken (ok true).
func (g *headGuard) line(limit int) (line []byte, ok bool) {
	i := bytes.IndexByte(g.buf[g.seen:], '\n')
	if i < 0 && len(g.buf) <= limit {
		return nil, false
	}
	if i < 0 {
		return nil, g.fail()
	}
	i += g.seen
	if i < 1 || i > limit || g.buf[i-1] != '\r' || bytes.IndexByte(g.buf[:i-1], '\r') >= 0 {
		return nil, g.fail()
	}
	return g.buf[: i-1 : i-1], true
}

// fail ends the connection's input in the middle of a body, where nothing can
// be answered by the guard.
func (g *headGuard) fail() bool {
	g.err, g.buf, g.pass = errBadFraming, nil, 0
	g.broken.Store(true)
	return true
}

func (g *headGuard) stepHead() bool {
	// RFC 9112, section 2.2: an empty line before the request line is skipped.
	if g.seen <= 1 && bytes.HasPrefix(g.buf, []byte("\r\n")) {
		g.buf = g.buf[2:]
		return true
	}
	end := headEnd(g.buf, g.seen)
	if end > g.maxHead || end < 0 && len(g.buf) > g.maxHead {
		g.refuse(&denial{status: http.StatusRequestHeaderFieldsTooLarge, rule: "head-too-large", message: fmt.Sprintf("the request head is larger than %d KiB", g.maxHead>>10)})
		return true
	}
	if end < 0 {
		return false
	}
	h, err := checkHead(g.buf[:end])
	if err != nil {
		g.refuse(ambiguousHead(err))
		return true
	}
	g.pass = end
	switch {
	case h.connect:
		g.state = guardRaw
	case h.chunked:
		g.state, g.excess = guardChunkSize, 0
	case h.length > 0:
		g.state, g.left = guardBody, h.length
	}
	return true
}

// ambiguousHead is for what a check of a head has found.
func ambiguousHead(err error) *denial {
	return &denial{status: http.StatusBadRequest, rule: "ambiguous-head", message: "the request head is not one that every reader takes the same way: it has " + err.Error()}
}

func (g *headGuard) refuse(d *denial) {
	g.refusal = d
	g.buf = []byte(refusedMethod + " / HTTP/1.1\r\nHost: refused.invalid\r\nConnection: close\r\n\r\n")
	g.pass, g.state = len(g.buf), guardRefused
}

// unwrap gives back the connection below and the bytes read from it that were
// not handed on. The guard must not be used afterwards.
func (g *headGuard) unwrap() (net.Conn, []byte) { return g.Conn, g.buf }

// CloseWrite lets net/http close its side first and so deliver its answer.
func (g *headGuard) CloseWrite() error {
	return closeWrite(g.Conn)
}
