package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/bot-bottle/bottle/mitm"
)

// framer opens a tunnel and speaks HTTP/2 in it frame by frame. What comes back is
// read until the connection ends, which closes ended.
func (r *rig) framer() (fr *http2.Framer, ended chan struct{}) {
	r.t.Helper()
	c := r.dial()
	r.connect(c, "example.com:443")
	tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "example.com", NextProtos: []string{"h2"}})
	if _, err := io.WriteString(tc, http2.ClientPreface); err != nil {
		r.t.Fatal(err)
	}
	fr, ended = http2.NewFramer(tc, tc), make(chan struct{})
	if err := fr.WriteSettings(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, tc)
	}()
	return fr, ended
}

// testHead is the head of a GET in HTTP/2.
func testHead(path string) []byte {
	return headBlock(":method", "GET", ":scheme", "https", ":authority", "example.com", ":path", path)
}

// headBlock encodes fields, given as names and values, without regard to those before.
func headBlock(fields ...string) []byte {
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	enc.SetMaxDynamicTableSize(0)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

func (r *rig) isFlood(e Event) bool { return e.Type == EventNote && e.Error == errFlood.Error() }

// TestFloodsOfFramesEndTheConnection sends frames for as long as they are taken.
// Other connections go on.
func TestFloodsOfFramesEndTheConnection(t *testing.T) {
	open := func(fr *http2.Framer, id uint32, end bool) error {
		return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: testHead("/hang"), EndHeaders: true, EndStream: end})
	}
	for _, c := range []struct {
		name  string
		first func(*http2.Framer) error
		each  func(fr *http2.Framer, i uint32) error
	}{
		{"PING", nil, func(fr *http2.Framer, _ uint32) error { return fr.WritePing(false, [8]byte{}) }},
		{"PING that answers none", nil, func(fr *http2.Framer, _ uint32) error { return fr.WritePing(true, [8]byte{}) }},
		{"SETTINGS", nil, func(fr *http2.Framer, _ uint32) error { return fr.WriteSettings() }},
		{"PRIORITY", nil, func(fr *http2.Framer, i uint32) error {
			return fr.WritePriority(2*i+1, http2.PriorityParam{Weight: 1})
		}},
		{"WINDOW_UPDATE", nil, func(fr *http2.Framer, _ uint32) error { return fr.WriteWindowUpdate(0, 1) }},
		{"empty CONTINUATION", func(fr *http2.Framer) error {
			return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: testHead("/"), EndStream: true})
		}, func(fr *http2.Framer, _ uint32) error { return fr.WriteContinuation(1, false, nil) }},
		{"empty DATA", func(fr *http2.Framer) error { return open(fr, 1, false) },
			func(fr *http2.Framer, _ uint32) error { return fr.WriteData(1, false, nil) }},
		{"DATA that is padding", func(fr *http2.Framer) error { return open(fr, 1, false) },
			func(fr *http2.Framer, i uint32) error { return fr.WriteDataPadded(1, false, nil, make([]byte, i%2)) }},
		{"frames of a type that there is not", nil, func(fr *http2.Framer, _ uint32) error { return fr.WriteRawFrame(0x77, 0, 0, nil) }},
		{"requests that are reset at once", nil, func(fr *http2.Framer, i uint32) error {
			return errors.Join(open(fr, 2*i+1, true), fr.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
		}},
		{"requests that the server is made to reset", nil, func(fr *http2.Framer, i uint32) error {
			return errors.Join(open(fr, 2*i+1, false), fr.WriteWindowUpdate(2*i+1, 1<<31-1))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path == "/hang" {
					<-q.Context().Done()
				}
			}), Config{})
			other := r.client(true)
			get := func() {
				t.Helper()
				resp, err := other.Get("https://example.com/")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			get()
			fr, ended := r.framer()
			if c.first != nil {
				if err := c.first(fr); err != nil {
					t.Fatal(err)
				}
			}
			const most = 200_000
			for i := range uint32(most) {
				if c.each(fr, i) != nil {
					break
				}
				if i == most-1 {
					t.Fatal("all were taken")
				}
			}
			<-ended
			r.journal.wait(t, r.isFlood)
			get()
		})
	}
}

// TestAnswersMakeRoomForFrames: a client that measures its way, and gives windows
// back, sends more of them than any flood may have.
func TestAnswersMakeRoomForFrames(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	c := r.dial()
	r.connect(c, "example.com:443")
	tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "example.com", NextProtos: []string{"h2"}})
	if _, err := io.WriteString(tc, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	fr := http2.NewFramer(tc, tc)
	_ = fr.WriteSettings()
	for i := range uint32(maxIdleFrames / 2) {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: testHead("/"), EndHeaders: true, EndStream: true})
		for range 5 {
			_ = fr.WritePing(false, [8]byte{})
		}
		for done := false; !done; {
			f, err := fr.ReadFrame()
			if err != nil {
				t.Fatalf("after %d requests: %v", i, err)
			}
			done = f.Header().Type != http2.FrameSettings && f.Header().Flags.Has(http2.FlagHeadersEndStream) && f.Header().StreamID != 0
		}
	}
}

// byteConn gives one byte at a time.
type byteConn struct {
	net.Conn
	r io.Reader
}

func (c byteConn) Read(p []byte) (int, error) { return c.r.Read(p[:1]) }
func (c byteConn) Close() error               { return nil }

// TestFramesAreCountedHoweverTheyAreCut reads a flood byte by byte, with time
// between its parts.
func TestFramesAreCountedHoweverTheyAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memoryJournal{}
		s := &Server{opts: Options{Recorder: journal}, ctx: t.Context()}
		var b bytes.Buffer
		b.WriteString(http2.ClientPreface)
		fr := http2.NewFramer(&b, nil)
		_ = fr.WriteData(1, false, make([]byte, 300))
		for range 2*maxIdleFrames + 1 {
			_ = fr.WritePing(false, [8]byte{6, 0, 0, 0, 6})
		}
		all := b.Len()
		g := newFrameGuard(byteConn{r: &b}, &tunnel{s: s})
		read := func() (n int, err error) {
			for err == nil {
				var got int
				got, err = g.Read(make([]byte, 100))
				n += got
			}
			return n, err
		}
		const ping = 9 + 8
		n, err := read()
		if want := len(http2.ClientPreface) + 9 + 300 + maxIdleFrames*ping + 8; n != want || !errors.Is(err, errFlood) {
			t.Fatalf("%d bytes of %d were read (%v), want %d", n, all, err, want)
		}
		time.Sleep(maxIdleFrames / idleFramesPerSecond * time.Second)
		if n, err = read(); !errors.Is(err, errFlood) || n < (maxIdleFrames-2)*ping {
			t.Errorf("%d bytes more were read (%v)", n, err)
		}
		if len(journal.all()) != 2 {
			t.Errorf("%+v", journal.all())
		}
	})
}

// TestAHeadDoesNotWaitForAWindow has a client that lets no body come.
func TestAHeadDoesNotWaitForAWindow(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "small") }), Config{})
	c := r.dial()
	r.connect(c, "example.com:443")
	tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "example.com", NextProtos: []string{"h2"}})
	fr := http2.NewFramer(tc, tc)
	_, err := io.WriteString(tc, http2.ClientPreface)
	if err := errors.Join(err, fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}), fr.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: testHead("/"), EndHeaders: true, EndStream: true})); err != nil {
		t.Fatal(err)
	}
	for grown := false; ; {
		f, err := fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			grown = true
			if err := fr.WriteWindowUpdate(1, 100); err != nil {
				t.Fatal(err)
			}
		case *http2.DataFrame:
			if !grown || string(f.Data()) != "small" {
				t.Errorf("grown %v, %q", grown, f.Data())
			}
			return
		}
	}
}

// TestNoHTTP2ConnectionIsWaitedForForEver stops at each stage of one.
func TestNoHTTP2ConnectionIsWaitedForForEver(t *testing.T) {
	var settings, half bytes.Buffer
	_ = http2.NewFramer(&settings, nil).WriteSettings()
	_ = http2.NewFramer(&half, nil).WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: testHead("/"), EndStream: true})
	for name, sent := range map[string]string{
		"nothing":         "",
		"half a preface":  http2.ClientPreface[:10],
		"no settings":     http2.ClientPreface,
		"no request":      http2.ClientPreface + settings.String(),
		"half a head":     http2.ClientPreface + settings.String() + half.String(),
		"half of a frame": http2.ClientPreface + settings.String() + half.String()[:20],
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca, err := mitm.NewAuthority(mitm.Options{})
				if err != nil {
					t.Fatal(err)
				}
				leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
				if err != nil {
					t.Fatal(err)
				}
				roots := x509.NewCertPool()
				roots.AddCert(ca.Certificate())
				s, err := New(t.Context(), Config{Policy: mustPolicy(t, Deny, Route{Host: "example.com"})}, Options{Leaves: leaves, Recorder: &memoryJournal{}})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
				go s.Serve(l, ListenOptions{})
				client, server := net.Pipe()
				l.conns <- server
				_, _ = io.WriteString(client, "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
				readHead(t, client)
				start := time.Now()
				tc := tls.Client(client, &tls.Config{RootCAs: roots, ServerName: "example.com", NextProtos: []string{"h2"}})
				go io.WriteString(tc, sent)
				_, _ = io.Copy(io.Discard, tc)
				const slack = 2 * time.Second
				if d := time.Since(start); d < time.Second || d > idleTimeout+slack {
					t.Errorf("the connection ended after %v", d)
				}
				client.Close()
			})
		})
	}
}

// TestNoHTTP1WhereHTTP2WasChosen: it would have no head guard in front of it.
func TestNoHTTP1WhereHTTP2WasChosen(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\nGET / HTTP/1.1\nHost: example.com\n\n",
	} {
		for _, cut := range []int{1, len(request)} {
			c := r.dial()
			r.connect(c, "example.com:443")
			tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "example.com", NextProtos: []string{"h2"}})
			for rest := request; len(rest) > 0; rest = rest[min(cut, len(rest)):] {
				if _, err := io.WriteString(tc, rest[:min(cut, len(rest))]); err != nil {
					break // it was ended by then
				}
			}
			if b, _ := io.ReadAll(tc); bytes.Contains(b, []byte("HTTP/1")) {
				t.Errorf("%q was answered: %q", request, b)
			}
			c.Close()
		}
	}
	if got := up.take(); len(got) > 0 {
		t.Errorf("the upstream got %+v", got)
	}
	r.journal.wait(t, func(e Event) bool { return e.Type == EventNote && e.Error == errPreface.Error() })
}

// FuzzFrames compares the heads of frames that are found in a stream, however it is
// cut, with those that x/net reads.
func FuzzFrames(f *testing.F) {
	var b bytes.Buffer
	fr := http2.NewFramer(&b, nil)
	_ = fr.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20})
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: testHead("/"), EndHeaders: true})
	_ = fr.WriteData(1, true, []byte("hello"))
	_ = fr.WritePing(false, [8]byte{})
	f.Add(b.Bytes(), uint16(1))
	f.Add(b.Bytes(), uint16(10))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255}, uint16(3))
	_ = fr.WriteDataPadded(1, false, []byte("hello"), make([]byte, 3))
	f.Add(b.Bytes(), uint16(1))
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16) {
		var want []string
		for r := bytes.NewReader(stream); ; {
			h, err := http2.ReadFrameHeader(r)
			if err != nil {
				break
			}
			if h.Type == http2.FrameData && h.Flags.Has(http2.FlagDataPadded) && h.Length > 0 && r.Len() == 0 {
				break // how much is padding is not known yet
			}
			want = append(want, fmt.Sprint(h.Type, h.Length, h.StreamID))
			if _, err := r.Seek(int64(h.Length), io.SeekCurrent); err != nil {
				break
			}
		}
		var in frames
		var got []string
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), int(cut)+1)
			in.follow(rest[:n], func(h frameHead) { got = append(got, fmt.Sprint(h.kind(), h.length(), h.stream())) })
			rest = rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
