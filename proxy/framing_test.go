package proxy

import (
	"fmt"
	"io"
	"strings"
	"testing"
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
