package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// TestBrokenBodiesEndTheirConnection: nobody knows where a next request would begin, so
// nothing that stands in what was left may be taken for one.
func TestBrokenBodiesEndTheirConnection(t *testing.T) {
	past := "GET /past HTTP/1.1\r\nHost: example.com\r\nX: a\r\n folded\r\n\r\n"
	for name, body := range map[string]string{
		"more than net/http takes that is no data": strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\na\r\n", 16) +
			fmt.Sprintf("%04x;%s\r\n%s\r\n0\r\n\r\n", len(past), strings.Repeat("x", 1000), past),
		"more trailers than net/http takes":   "0\r\nX-T: " + strings.Repeat("a", maxTrailerBytes) + "\r\n\r\n" + past,
		"a trailer that is folded":            "0\r\nX-T:\r\n folded\r\n\r\n" + past,
		"a size that is none, behind the end": "5\r\nhello\r\nGET /past HTTP/1.1\r\n\r\n" + past,
	} {
		t.Run(name, func(t *testing.T) {
			up := &upstreamLog{}
			r := newRig(t, up, Config{})
			c := r.rawTunnel("example.com:443")
			if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n"+body); err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(c)
			if err != nil || strings.Count(string(b), "HTTP/1.1 ") != 1 || !strings.HasPrefix(string(b), "HTTP/1.1 400 ") || !strings.Contains(string(b), "bad-body") {
				t.Errorf("got %q, %v", b, err)
			}
			for _, got := range up.take() {
				if got.err == nil {
					t.Errorf("the upstream got %s %s", got.method, got.uri)
				}
			}
		})
	}
}

func TestTrailersUpToWhatNetHTTPTakes(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	value := strings.Repeat("a", maxTrailerBytes-len("X-T: \r\n\r\n"))
	resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"), "POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: "+value+"\r\n\r\n", "POST")
	if got := up.take(); resp.StatusCode != 200 || len(got) != 1 || got[0].trailer.Get("X-T") != value {
		t.Errorf("got %d %s, the upstream %d requests", resp.StatusCode, body, len(got))
	}
}

// TestTrailerThatNamesNoField: what is announced may not come, so it may be left out.
func TestTrailerThatNamesNoField(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	for _, name := range []string{`"x`, ":", "a b", "X-T, a b"} {
		resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"),
			"POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nTrailer: "+name+"\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "POST")
		if got := up.take(); resp.StatusCode != 200 || len(got) != 1 || got[0].body != "hello" || got[0].trailer.Get("X-T") != "1" {
			t.Errorf("%s: got %d %s, the upstream %+v", name, resp.StatusCode, body, got)
		}
	}
}

// TestUploadThatBreaksOff is no failure of the upstream's.
func TestUploadThatBreaksOff(t *testing.T) {
	r := newRig(t, &upstreamLog{}, Config{})
	for name, framing := range map[string]string{
		"in a chunk":           "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"in a declared length": fmt.Sprintf("Content-Length: %d\r\n\r\nhel", 2*decideBytes),
	} {
		c := r.rawTunnel("example.com:443")
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: example.com\r\n%s", framing)
		_ = c.CloseWrite()
		if b, err := io.ReadAll(c); err != nil || !strings.Contains(string(b), "the client ended its side") {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
	}
	fr, _ := r.framer()
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headBlock(":method", "POST", ":scheme", "https", ":authority", "example.com", ":path", "/", "content-length", fmt.Sprint(2*decideBytes)), EndHeaders: true})
	_ = fr.WriteData(1, true, []byte("hel"))
	if e := r.journal.wait(t, func(e Event) bool { return e.Type == EventEnd && e.Status == 400 }); e.Rule != "bad-body" {
		t.Errorf("in HTTP/2: the journal says %+v", e)
	}
}

func TestClientThatGoesAwayIsTold(t *testing.T) {
	asked := make(chan struct{})
	r := newRig(t, http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		asked <- struct{}{}
		<-q.Context().Done()
	}), Config{})
	c := r.rawTunnel("example.com:443")
	io.WriteString(c, get)
	<-asked
	c.Close()
	if e := r.lastEnd(); !strings.HasPrefix(e.Error, "the client went away: ") {
		t.Errorf("the journal says %+v", e)
	}
}

func TestHeadsOfHTTP2ThatAreRefused(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	fr, _ := r.framer()
	for i, tt := range []struct {
		name, method string
		more         []string
		why          string
	}{
		{"two lengths", "POST", []string{"content-length", "5", "content-length", "0"}, "more than one content-length"},
		{"a list of lengths", "POST", []string{"content-length", "5, 5"}, "plain number"},
		{"a length with a sign", "POST", []string{"content-length", "+5"}, "plain number"},
		{"a length that is empty", "POST", []string{"content-length", ""}, "plain number"},
		{"a method with a space", "G T", nil, "method"},
		{"a method with a colon", "G:T", nil, "method"},
	} {
		fields := append([]string{":method", tt.method, ":scheme", "https", ":authority", "example.com", ":path", "/"}, tt.more...)
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: headBlock(fields...), EndHeaders: true})
		r.journal.wait(t, func(e Event) bool {
			return isDenial("ambiguous-head")(e) && e.Method == tt.method && strings.Contains(e.Reason, tt.why)
		})
	}
	if got := up.take(); len(got) > 0 {
		t.Errorf("the upstream was asked: %+v", got)
	}
	q, _ := http.NewRequest(http.MethodGet, "https://example.com/", nil)
	q.Header[":protocol"] = []string{"websocket"} // which comes here with the switch of the process alone
	if err := checkHead2(q); err == nil || !strings.Contains(err.Error(), ":protocol") {
		t.Errorf("a protocol without CONNECT: %v", err)
	}
}
