package proxy

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// TestRefusedStreamsAreNoted: net/http refuses them before there is an exchange.
func TestRefusedStreamsAreNoted(t *testing.T) {
	good := []string{":method", "GET", ":scheme", "https", ":authority", "example.com", ":path", "/"}
	noted := func(e Event) bool { return e.Type == EventNote && strings.Contains(e.Error, errRefusedStream.Error()) }
	for _, tt := range []struct {
		name   string
		fields []string
		want   bool
	}{
		{"a TE that there is not", append(good[:8:8], "te", "gzip"), true},
		{"no path", good[:6], true},
		{"a pseudo header that there is not", append(good[:8:8], ":odd", "1"), true},
		{"a field of the connection", append(good[:8:8], "connection", "close"), true},
		{"nothing wrong", good, false},
		{"what an exchange refuses", []string{":method", "GET", ":scheme", "https", ":authority", "other.example", ":path", "/"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := newRig(t, up, Config{})
			fr, ended := r.framer()
			_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headBlock(tt.fields...), EndHeaders: true, EndStream: true})
			if tt.want {
				r.journal.wait(t, noted)
			} else {
				r.journal.wait(t, func(e Event) bool { return e.Type == EventEnd || e.Verdict == Deny })
			}
			_ = fr.WriteRawFrame(http2.FrameData, 0, 0, []byte{0}) // which ends the connection
			<-ended
			for _, e := range r.journal.all() {
				if noted(e) != tt.want && e.Type == EventNote {
					t.Errorf("%+v", e)
				}
			}
			if tt.want && len(up.take()) > 0 {
				t.Error("the upstream was asked")
			}
		})
	}
}

// TestMoreRefusedStreamsAreNotedAtTheEnd of their connection.
func TestMoreRefusedStreamsAreNotedAtTheEnd(t *testing.T) {
	var in, out bytes.Buffer
	in.WriteString(http2.ClientPreface)
	from, to := http2.NewFramer(&in, nil), http2.NewFramer(&out, nil)
	for id := uint32(1); id < 8; id += 2 {
		_ = from.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: testHead("/"), EndHeaders: true, EndStream: true})
	}
	_ = to.WriteRSTStream(1, http2.ErrCodeProtocol)
	_ = to.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: testHead("/"), EndHeaders: true})
	_ = to.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: testHead("/"), EndHeaders: true, EndStream: true})
	_ = to.WriteRSTStream(5, http2.ErrCodeProtocol)
	journal := &memoryJournal{}
	g := newFrameGuard(discardConn{scriptConn{r: &in}}, &tunnel{s: &Server{opts: Options{Recorder: journal}, ctx: t.Context()}})
	if _, err := io.Copy(io.Discard, g); err != nil {
		t.Fatal(err)
	}
	g.refused.take() // 3 or 7
	if _, err := g.Write(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	g.ended()
	var got []string
	for _, e := range journal.all() {
		got = append(got, e.Error)
	}
	if want := []string{errRefusedStream.Error(), "2 requests of the connection: " + errRefusedStream.Error()}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// discardConn takes what is written.
type discardConn struct{ scriptConn }

func (discardConn) Write(p []byte) (int, error) { return len(p), nil }

// TestUnansweredStreamsAreNoRefusals, whatever comes first.
func TestUnansweredStreamsAreNoRefusals(t *testing.T) {
	var s refusedStreams
	s.begin(1)
	s.take()
	s.begin(3)
	s.begin(3) // trailers
	s.reset(3)
	if s.answer(3) {
		t.Error("a stream that the client has reset was refused")
	}
	for range 2 {
		if s.answer(1) || s.more() != nil {
			t.Error("a stream that was taken was refused")
		}
	}
	for id := range uint32(10 * maxOpenStreams) {
		s.begin(id)
	}
	if len(s.open) > maxOpenStreams {
		t.Errorf("%d are remembered", len(s.open))
	}
}
