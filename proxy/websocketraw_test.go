package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/wsframe"
)

// rawSocket is an end that sends and gets single frames.
type rawSocket struct {
	t      testing.TB
	c      net.Conn
	client bool
	parser wsframe.Parser
	data   []byte
}

// rawSockets opens a WebSocket through the proxy, with both ends in the hands of the
// test.
func rawSockets(t testing.TB, r func(http.Handler) *rig) (agent, up *rawSocket, proxy *rig) {
	t.Helper()
	conns := make(chan net.Conn, 1)
	proxy = r(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", acceptKey(q.Header.Get("Sec-Websocket-Key")))
		rw.Flush()
		conns <- c
	}))
	c := proxy.rawTunnel("example.com:443")
	io.WriteString(c, "GET /v1/responses HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if head := readHead(t, c); head[0] != "HTTP/1.1 101 Switching Protocols" || !slices.Contains(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		t.Fatalf("got %q", head)
	}
	upConn := <-conns
	t.Cleanup(func() { upConn.Close() })
	_ = upConn.SetDeadline(time.Now().Add(30 * time.Second))
	return &rawSocket{t: t, c: c, client: true}, &rawSocket{t: t, c: upConn, parser: wsframe.Parser{FromClient: true}}, proxy
}

func plainRig(t testing.TB) func(http.Handler) *rig {
	return func(h http.Handler) *rig { return newRig(t, h, Config{}) }
}

func (s *rawSocket) frame(fin bool, op wsframe.Op, payload string) []byte {
	h := wsframe.Header{Fin: fin, Op: op, Masked: s.client, Key: [4]byte{9, 8, 7, 6}, Length: int64(len(payload))}
	b := []byte(payload)
	if s.client {
		wsframe.Mask(h.Key, 0, b)
	}
	return append(h.Append(nil), b...)
}

func (s *rawSocket) send(fin bool, op wsframe.Op, payload string) {
	s.t.Helper()
	if _, err := s.c.Write(s.frame(fin, op, payload)); err != nil {
		s.t.Fatal(err)
	}
}

// next returns a frame as text: its operation, + if it is the last, and the payload.
func (s *rawSocket) next() (string, error) {
	s.t.Helper()
	payload := ""
	for {
		for len(s.data) > 0 {
			ev, n, ok, err := s.parser.Next(s.data)
			if err != nil {
				s.t.Fatal(err)
			}
			s.data = s.data[n:]
			if !ok {
				break
			}
			payload += string(ev.Payload)
			if ev.End {
				op := ev.Op
				if !ev.First {
					op = wsframe.Continuation
				}
				return fmt.Sprintf("%d%s %s", op, map[bool]string{true: "+"}[ev.Fin], payload), nil
			}
		}
		buf := make([]byte, 4096)
		n, err := s.c.Read(buf)
		if s.data = buf[:n]; err != nil {
			return "", err
		}
	}
}

func (s *rawSocket) want(frames ...string) {
	s.t.Helper()
	for _, want := range frames {
		if got, err := s.next(); err != nil || got != want {
			s.t.Fatalf("got the frame %q, %v; wanted %q", got, err, want)
		}
	}
}

// wantClose wants a close with a code.
func (s *rawSocket) wantClose(code int) string {
	s.t.Helper()
	got, err := s.next()
	if err != nil || !strings.HasPrefix(got, "8+ ") || int(binary.BigEndian.Uint16([]byte(got[3:]))) != code {
		s.t.Fatalf("got the frame %q, %v; wanted a close with %d", got, err, code)
	}
	return got[5:]
}

// wantEnd wants nothing more.
func (s *rawSocket) wantEnd() {
	s.t.Helper()
	if got, err := s.next(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Fatalf("got the frame %q, %v; wanted the end", got, err)
	}
}

func TestWebSocketFramesStayAsTheyAre(t *testing.T) {
	agent, up, _ := rawSockets(t, plainRig(t))
	for _, dir := range []struct{ from, to *rawSocket }{{agent, up}, {up, agent}} {
		f := dir.from.frame
		// At once: what is held at the end of a frame waits for the next a while only.
		if _, err := dir.from.c.Write(bytes.Join([][]byte{f(true, wsframe.Ping, "before"), f(false, wsframe.Text, "one"), f(false, wsframe.Continuation, ""),
			f(false, wsframe.Continuation, " two"), f(true, wsframe.Continuation, ""), f(true, wsframe.Binary, "\xff\xfe"), f(true, wsframe.Pong, ""),
			f(false, wsframe.Text, "a\xe2\x82"), f(true, wsframe.Continuation, "\xac"), f(true, wsframe.Text, "")}, nil)); err != nil {
			t.Fatal(err)
		}
		dir.to.want("9+ before", "1 one", "0 ", "0  two", "0+ ", "2+ \xff\xfe", "10+ ", "1 a\xe2\x82", "0+ \xac", "1+ ")
	}
	up.send(false, wsframe.Text, "in the middle")
	up.send(true, wsframe.Ping, "between")
	up.send(true, wsframe.Continuation, "")
	agent.want("1 in the middle", "9+ between", "0+ ")
	agent.send(true, wsframe.Close, "")
	up.want("8+ ")
	up.send(true, wsframe.Text, "before it closes too")
	up.send(true, wsframe.Close, "\x03\xe8bye")
	agent.want("1+ before it closes too", "8+ \x03\xe8bye")
	agent.wantEnd()
	up.wantEnd()
}

func TestWebSocketLargeFramesStream(t *testing.T) {
	agent, up, _ := rawSockets(t, plainRig(t))
	const size = 8 << 20
	chunk := strings.Repeat("0123456789abcdef", 1<<12)
	for _, dir := range []struct{ from, to *rawSocket }{{agent, up}, {up, agent}} {
		go func() {
			h := wsframe.Header{Fin: true, Op: wsframe.Text, Masked: dir.from.client, Length: size} // masked with zeros
			_, _ = dir.from.c.Write(h.Append(nil))
			for n := 0; n < size; n += len(chunk) {
				_, _ = io.WriteString(dir.from.c, chunk)
			}
		}()
		for got := 0; got < size; {
			f, err := dir.to.next()
			if err != nil {
				t.Fatal(err)
			}
			_, payload, _ := strings.Cut(f, " ")
			if got += len(payload); strings.HasPrefix(f, "0+") != (got == size) || len(payload) > 2*streamBuffer {
				t.Fatalf("a frame of %d bytes at %d", len(payload), got)
			}
		}
	}
}

func TestWebSocketHeldTailDoesNotWait(t *testing.T) {
	agent, up, _ := rawSockets(t, plainRig(t))
	agent.send(false, wsframe.Text, "the beginning of "+githubToken[:8])
	got := ""
	for !strings.HasSuffix(got, githubToken[:8]) { // nothing more is sent
		f, err := up.next()
		if err != nil {
			t.Fatal(err)
		}
		_, payload, _ := strings.Cut(f, " ")
		got += payload
	}
	agent.send(true, wsframe.Continuation, " of none")
	up.want("0+  of none")
}

func TestWebSocketSecretOverFrames(t *testing.T) {
	agent, up, r := rawSockets(t, plainRig(t))
	both := append(agent.frame(false, wsframe.Text, "a "+githubToken[:9]), agent.frame(false, wsframe.Continuation, githubToken[9:30])...)
	both = append(append(both, agent.frame(true, wsframe.Ping, "")...), agent.frame(true, wsframe.Continuation, githubToken[30:]+" b")...)
	if _, err := agent.c.Write(both); err != nil {
		t.Fatal(err)
	}
	up.want("9+ ")
	up.wantClose(1001)
	if f, err := agent.next(); err != nil || !strings.HasPrefix(f, `1+ {"type":"error","status":400`) {
		t.Errorf("told %q, %v", f, err)
	}
	if reason := agent.wantClose(1008); !strings.HasPrefix(reason, "dlp:github-token: ") || len(reason) > 123 {
		t.Errorf("the reason is %q", reason)
	}
	agent.send(true, wsframe.Text, "what nobody gets")
	agent.send(true, wsframe.Close, "\x03\xf0")
	up.send(true, wsframe.Close, "\x03\xe9")
	up.wantEnd()
	agent.wantEnd()
	if e := r.lastEnd(); e.Rule != "dlp:github-token" || e.Verdict != Deny || e.Error != "" {
		t.Errorf("the journal says %+v", e)
	}
}

func TestWebSocketErrorIsNotToldInsideOfAMessage(t *testing.T) {
	agent, up, _ := rawSockets(t, plainRig(t))
	up.send(false, wsframe.Text, "an answer that goes on")
	agent.want("1 an answer that goes on")
	agent.send(true, wsframe.Text, githubToken)
	agent.wantClose(1008)
	agent.c.Close()
	up.wantClose(1001)
}

func TestWebSocketBrokenFrames(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		code int
	}{
		"not masked":  {[]byte{0x81, 1, 'a'}, 1002},
		"compressed":  {[]byte{0xc1, 0x80, 0, 0, 0, 0}, 1002},
		"not UTF-8":   {[]byte{0x81, 0x81, 0, 0, 0, 0, 0xff}, 1007},
		"close, 1005": {[]byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed}, 1002},
	} {
		t.Run(name, func(t *testing.T) {
			agent, up, r := rawSockets(t, plainRig(t))
			if _, err := agent.c.Write(c.b); err != nil {
				t.Fatal(err)
			}
			agent.wantClose(c.code)
			agent.wantEnd() // whatever the upstream does, and before the agent says more
			up.wantClose(c.code)
			agent.c.Close()
			up.c.Close()
			if e := r.lastEnd(); !strings.Contains(e.Error, "client broke the protocol") || e.Duration >= socketCloseTimeout {
				t.Errorf("the journal says %+v", e)
			}
		})
	}
	agent, up, r := rawSockets(t, plainRig(t))
	up.client = true // a server that masks
	up.send(true, wsframe.Text, "a")
	up.client = false
	agent.wantClose(1002)
	agent.send(true, wsframe.Close, "\x03\xea")
	agent.wantEnd()
	if e := r.lastEnd(); !strings.Contains(e.Error, "upstream broke the protocol") {
		t.Errorf("the journal says %+v", e)
	}
}

func TestWebSocketEndsWithEitherSide(t *testing.T) {
	reset := func(c net.Conn) {
		if tc, ok := c.(interface{ NetConn() net.Conn }); ok {
			c = tc.NetConn()
		}
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	half := func(c net.Conn) { _ = c.(interface{ CloseWrite() error }).CloseWrite() }
	for name, end := range map[string]func(net.Conn){"reset": reset, "half": half, "closed": func(c net.Conn) { c.Close() }} {
		for _, side := range []string{"agent", "upstream"} {
			t.Run(name+" by the "+side, func(t *testing.T) {
				agent, up, r := rawSockets(t, plainRig(t))
				agent.send(true, wsframe.Text, "hello")
				up.want("1+ hello")
				if side == "agent" {
					end(agent.c)
					up.wantEnd()
				} else {
					end(up.c)
					agent.wantEnd()
				}
				if e := r.lastEnd(); e.Error == "" || e.BytesOut != 5 {
					t.Errorf("the journal says %+v", e)
				}
			})
		}
	}
}

func TestWebSocketEndsWithTheServer(t *testing.T) {
	agent, up, r := rawSockets(t, plainRig(t))
	r.server.Close()
	agent.wantEnd()
	up.wantEnd()
}

func TestWebSocketEndsWithItsRoute(t *testing.T) {
	agent, up, r := rawSockets(t, plainRig(t))
	r.reroute(Route{Host: "other.example.com"})
	agent.wantEnd()
	up.wantEnd()
}

func TestWebSocketAnswerIsRedactedOverChunks(t *testing.T) {
	agent, up, r := rawSockets(t, func(h http.Handler) *rig { return secretRig(t, h, Inject{Body: true}) })
	agent.send(true, wsframe.Text, testPlaceholder)
	up.want("1+ " + testValue)
	up.send(false, wsframe.Text, "you said "+testValue[:20])
	up.send(true, wsframe.Continuation, testValue[20:]+"!")
	up.send(true, wsframe.Ping, testValue)
	got := ""
	for !strings.HasSuffix(got, "!") {
		f, err := agent.next()
		if err != nil {
			t.Fatal(err)
		}
		_, payload, _ := strings.Cut(f, " ")
		got += payload
	}
	if got != "you said "+testPlaceholder+"!" {
		t.Errorf("got %q", got)
	}
	agent.want("9+ " + testPlaceholder)
	up.send(true, wsframe.Close, "\x03\xe8"+testValue)
	agent.want("8+ \x03\xe8" + testPlaceholder)
	agent.send(true, wsframe.Close, "\x03\xe8")
	agent.wantEnd()
	if e := r.lastEnd(); e.Redacted != 3 {
		t.Errorf("the journal says %+v", e)
	}
}

func TestWebSocketManyHeldFragmentsTakeNoMemory(t *testing.T) {
	sc := newRig(t, http.HandlerFunc(echo), Config{})
	x := &exchange{s: sc.server, snap: sc.server.current.Load(), socket: &socket{}}
	m, d := x.newAgentMessages(x.scanner())
	if d != nil {
		t.Fatal(d)
	}
	w := &countFrames{}
	p := &socketPipe{x: x, filter: m, dst: &socketWriter{w: w}, parser: wsframe.Parser{FromClient: true}}
	f := (&rawSocket{client: true}).frame
	if err := p.take(f(false, wsframe.Text, "a")); err != nil {
		t.Fatal(err)
	}
	for i := range 50000 {
		if err := p.take(f(false, wsframe.Continuation, " some words and the beginning")); err != nil {
			t.Fatal(err)
		}
		if cap(p.out) > 4*streamBuffer || len(p.ends) > maxSocketEnds {
			t.Fatalf("after %d fragments, %d bytes and %d ends are kept", i, cap(p.out), len(p.ends))
		}
	}
	if err := p.take(f(true, wsframe.Continuation, "")); err != nil {
		t.Fatal(err)
	}
	if w.n != 50002 {
		t.Errorf("%d frames", w.n)
	}
}

// countFrames counts writes: each is a frame.
type countFrames struct{ n int }

func (c *countFrames) Write(p []byte) (int, error) { c.n++; return len(p), nil }

// TestWebSocketIdleEnds tells both ends, and the journal.
func TestWebSocketIdleEnds(t *testing.T) {
	agent, up, r := rawSockets(t, func(h http.Handler) *rig {
		r := newRig(t, h, Config{})
		r.server.socketIdle = time.Millisecond
		return r
	})
	close := "8+ " + string(wsframe.ClosePayload(wsframe.CodeGoingAway, "nothing was sent for a long time"))
	agent.want(close)
	up.want(close)
	agent.send(true, wsframe.Close, "")
	up.send(true, wsframe.Close, "")
	if e := r.journal.wait(t, isEnd); e.Error != "nothing was sent for 1ms" {
		t.Errorf("%+v", e)
	}
}

func TestWebSocketIsNotIdleWhileSomethingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{socketIdle: socketIdle}
		ended := false
		b := &bridge{x: &exchange{s: s}, idle: time.AfterFunc(socketIdle, func() { ended = true })}
		for range 10 {
			time.Sleep(socketIdle - 1)
			b.alive()
		}
		synctest.Wait()
		if ended {
			t.Error("it has ended")
		}
		b.finish()
	})
}

// TestWebSocketFloodsEnd has either end send frames with nothing in them for as long
// as they are taken.
func TestWebSocketFloodsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		fromServer bool
		each       func(s *rawSocket) []byte
	}{
		"pings of the agent":           {false, func(s *rawSocket) []byte { return s.frame(true, wsframe.Ping, "x") }},
		"pongs of the server":          {true, func(s *rawSocket) []byte { return s.frame(true, wsframe.Pong, "") }},
		"empty fragments of the agent": {false, func(s *rawSocket) []byte { return s.frame(false, wsframe.Continuation, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			agent, up, r := rawSockets(t, plainRig(t))
			from, to := agent, up
			if c.fromServer {
				from, to = up, agent
			}
			from.send(false, wsframe.Text, "x")
			go func() { // until the connection ends
				for frame := c.each(from); ; {
					if _, err := from.c.Write(bytes.Clone(frame)); err != nil {
						return
					}
				}
			}()
			n := 0
			for got := ""; !strings.HasPrefix(got, "8+ "); n++ {
				var err error
				if got, err = to.next(); err != nil {
					t.Fatalf("after %d frames: %v", n, err)
				}
			}
			if n > 3*maxIdleFrames {
				t.Errorf("%d frames came through", n)
			}
			to.c.Close()
			from.c.Close()
			if e := r.journal.wait(t, isEnd); !strings.Contains(e.Error, errIdleFrames.Reason) {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestWebSocketMessagesMakeRoomForPings sends more pings than a flood may have.
func TestWebSocketMessagesMakeRoomForPings(t *testing.T) {
	agent, up, _ := rawSockets(t, plainRig(t))
	go func() {
		for range maxIdleFrames / 2 {
			_, _ = agent.c.Write(slices.Concat(agent.frame(true, wsframe.Text, "hi"), agent.frame(true, wsframe.Ping, ""), agent.frame(true, wsframe.Ping, ""), agent.frame(true, wsframe.Ping, "")))
		}
	}()
	for range maxIdleFrames / 2 {
		up.want("1+ hi", "9+ ", "9+ ", "9+ ")
	}
}

// TestWebSocketThatNobodyLooksIntoIsSpliced sends what is no frame at all, both ways,
// where dlp is off and no secret goes.
func TestWebSocketThatNobodyLooksIntoIsSpliced(t *testing.T) {
	for name, c := range map[string]struct {
		cfg     Config
		route   Route
		spliced bool
	}{
		"dlp is off":                  {Config{DLP: dlp.Policy{Action: dlp.Off}}, Route{}, true},
		"dlp is on":                   {Config{}, Route{}, false},
		"answers must be searched":    {Config{DLP: dlp.Policy{Action: dlp.Off}, Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{})}}, Route{Secrets: []string{"acme"}}, false},
		"markers may come back":       {Config{DLP: dlp.Policy{Action: dlp.Off}}, Route{Kind: KindModel}, false},
		"a secret goes into messages": {Config{DLP: dlp.Policy{Action: dlp.Off}, Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{Body: true})}}, Route{Secrets: []string{"acme"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			agent, up, r := rawSockets(t, func(h http.Handler) *rig {
				r := newRig(t, h, c.cfg)
				c.route.Host = "example.com"
				r.reroute(c.route)
				return r
			})
			const odd = "this is no frame: \xff\xff\xff\xff and this is no mask"
			io.WriteString(agent.c, odd)
			io.WriteString(up.c, odd)
			for _, end := range []*rawSocket{up, agent} {
				b := make([]byte, len(odd))
				if !c.spliced {
					b = b[:2] // the beginning of a close
				}
				_, err := io.ReadFull(end.c, b)
				if got := err == nil && string(b) == odd; got != c.spliced {
					t.Errorf("%q came, %v", b, err)
				}
			}
			up.c.Close()
			agent.c.Close()
			if e := r.journal.wait(t, isEnd); c.spliced && (e.Error != "" || e.BytesOut != int64(len(odd)) || e.BytesIn != int64(len(odd))) {
				t.Errorf("%+v", e)
			}
		})
	}
}
