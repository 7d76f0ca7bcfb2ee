package proxy

import (
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// frameGuard stands in front of an HTTP/2 server connection and ends it when a
// client floods it with frames that ask for nothing: PING, SETTINGS, PRIORITY,
// CONTINUATION, empty DATA, WINDOW_UPDATE, and RST_STREAM of what was not answered
// yet (RFC 9113, section 10.5). net/http keeps its memory bounded then, and works
// on for as long as it pleases the client.
//
// Answers make room for such frames: clients measure the way with a PING for each
// answer, give windows back for it, or have enough of it. So do time, and nothing
// else.
type frameGuard struct {
	net.Conn
	t       *tunnel
	in, out frames
	joined  joinedWrites
	idle    idleFrames
	refused refusedStreams
	begun   int   // bytes of the preface that have come
	err     error // it was another: TLS may have more in hand when its connection is closed
}

// What ends a connection.
var (
	errFlood   = errors.New("the client sends ever more HTTP/2 frames that ask for nothing, or resets its requests before they are answered")
	errPreface = errors.New("the client has chosen HTTP/2 and speaks something else")
)

// frameGuardOf returns the guard of the connection that a request came on, or nil where
// there is none.
func frameGuardOf(r *http.Request) *frameGuard {
	g, _ := r.Context().Value(connKey{}).(*frameGuard)
	return g
}

func newFrameGuard(c net.Conn, t *tunnel) *frameGuard {
	g := &frameGuard{Conn: c, t: t, idle: idleFrames{filled: time.Now()}}
	g.joined.lates = &t.s.lateHeads
	g.in.skip = int64(len(http2.ClientPreface))
	return g
}

// Read counts frames as they come. It hands nothing on but HTTP/2: without its preface
// net/http would take what comes for HTTP/1.1, with no headGuard in front of it.
func (g *frameGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.Conn.Read(p)
	if want := http2.ClientPreface[g.begun:min(g.begun+n, len(http2.ClientPreface))]; want != "" {
		if string(p[:len(want)]) != want {
			g.err = g.end(errPreface)
			return 0, g.err
		}
		g.begun += len(want)
	}
	idle := int64(0)
	g.in.follow(p[:n], func(h frameHead) {
		switch h.kind() {
		case http2.FrameHeaders:
			g.refused.begin(h.stream())
		case http2.FrameRSTStream:
			g.refused.reset(h.stream())
		}
		if h.idle() {
			idle++
		}
	})
	if idle > 0 && !g.idle.allow(idle) {
		return 0, g.end(errFlood)
	}
	return n, err
}

// Write counts answers, and streams that the server resets: what is not valid in
// one has it do so, as if the client had.
func (g *frameGuard) Write(p []byte) (int, error) {
	flood, refused := false, false
	begins, other := g.out.between(), false
	g.out.follow(p, func(h frameHead) {
		other = other || !h.opens()
		switch h.kind() {
		case http2.FrameHeaders, http2.FrameData:
			g.idle.answered()
		case http2.FrameRSTStream:
			flood = g.idle.used.Add(1) > 2*maxIdleFrames
		}
		if h.kind() == http2.FrameHeaders || h.kind() == http2.FrameRSTStream {
			refused = g.refused.answer(h.stream()) || refused
		}
	})
	if refused {
		g.t.note(refusedStream, errRefusedStream)
	}
	if flood {
		return 0, g.end(errFlood)
	}
	return g.joined.write(g.Conn, p, begins && !other && g.out.between())
}

// refusedStream is the reason of the lines about them.
const refusedStream = "a request was refused before it was read whole"

// ended is called when the server is done with the connection.
func (g *frameGuard) ended() {
	if more := g.refused.more(); more != nil {
		g.t.note(refusedStream, more)
	}
}

// end ends the connection.
func (g *frameGuard) end(why error) error {
	_ = g.Close()
	g.t.note("an HTTP/2 connection was closed", why)
	return why
}

// frameHead is what each frame begins with (RFC 9113, section 4.1), and behind it the
// length of the padding, where DATA has some (section 6.1).
type frameHead [10]byte

const frameHeadSize = 9

func (h *frameHead) kind() http2.FrameType { return http2.FrameType(h[3]) }
func (h *frameHead) length() int64         { return int64(binary.BigEndian.Uint32(h[:4]) >> 8) }
func (h *frameHead) stream() uint32        { return binary.BigEndian.Uint32(h[5:9]) << 1 >> 1 }

func (h *frameHead) padded() bool {
	return h.kind() == http2.FrameData && http2.Flags(h[4]).Has(http2.FlagDataPadded) && h.length() > 0
}

// content is the length without padding.
func (h *frameHead) content() int64 {
	if !h.padded() {
		return h.length()
	}
	return h.length() - 1 - int64(h[frameHeadSize])
}

// opens reports whether a frame is a whole head that is not all of its message.
func (h *frameHead) opens() bool {
	f := http2.Flags(h[4])
	return h.kind() == http2.FrameHeaders && f.Has(http2.FlagHeadersEndHeaders) && !f.Has(http2.FlagHeadersEndStream)
}

// idle reports whether a frame of a client asks for nothing.
func (h *frameHead) idle() bool {
	switch h.kind() {
	case http2.FrameHeaders:
		return false
	case http2.FrameData:
		return h.content() <= 0 && !http2.Flags(h[4]).Has(http2.FlagDataEndStream)
	default:
		return true
	}
}

// frames finds the beginnings of frames in a stream.
type frames struct {
	skip int64 // bytes up to the next one
	head frameHead
	have int // of head
}

// between reports whether a frame has ended and none has begun.
func (f *frames) between() bool { return f.skip == 0 && f.have == 0 }

func (f *frames) follow(p []byte, frame func(frameHead)) {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, int64(len(p)))
			p, f.skip = p[n:], f.skip-n
			continue
		}
		n := copy(f.head[f.have:f.size()], p)
		p, f.have = p[n:], f.have+n
		if f.have == f.size() {
			f.skip = f.head.length() - int64(f.have-frameHeadSize)
			f.have = 0
			frame(f.head)
		}
	}
}

// size is how much of head there is to come, as far as is known.
func (f *frames) size() int {
	if f.have >= frameHeadSize && f.head.padded() {
		return len(f.head)
	}
	return frameHeadSize
}
