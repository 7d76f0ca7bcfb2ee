package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/bot-bottle/bottle/internal/wsframe"
)

// withExtendedConnect runs the test in a process of its own in which Go's switch is
// on: net/http looks at it once, when it is initialised. It reports whether this is
// that process.
func withExtendedConnect(t *testing.T, args ...string) bool {
	t.Helper()
	if strings.Contains(os.Getenv("GODEBUG"), "http2xconnect=1") {
		return true
	}
	cmd := exec.Command(os.Args[0], append([]string{"-test.run=^" + t.Name() + "$", "-test.timeout=2m"}, args...)...)
	cmd.Env = append(os.Environ(), "GODEBUG=http2xconnect=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("with the switch: %v", err)
	}
	t.Logf("%s", out)
	return false
}

// h2Agent opens a tunnel to example.com in which HTTP/2 is spoken.
func (r *rig) h2Agent() (*http2.ClientConn, io.Closer) { //nolint:staticcheck // net/http's refuses :protocol
	r.t.Helper()
	c := r.dial()
	cc, err := r.speakHTTP2(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return cc, c
}

// speakHTTP2 opens a tunnel over a connection to the proxy, and HTTP/2 in it.
func (r *rig) speakHTTP2(c net.Conn) (*http2.ClientConn, error) { //nolint:staticcheck // as above
	fmt.Fprint(c, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
	head, err := tryReadHead(c)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(head[0], "HTTP/1.1 200 ") {
		return nil, errors.New(head[0])
	}
	tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "example.com", NextProtos: []string{"h2"}})
	return (&http2.Transport{}).NewClientConn(tc) //nolint:staticcheck // as above
}

func h2Request(path string, header http.Header) *http.Request {
	if header == nil {
		header = http.Header{}
	}
	return (&http.Request{Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: "example.com", Path: path}, Host: "example.com", Header: header}).WithContext(context.Background())
}

// h2Echo answers extended CONNECTs and upgrades, frame by frame as they come.
func h2Echo(protos chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		protos <- q.Proto + " " + q.Method + " " + q.Header.Get(":protocol") + " " + q.Header.Get("X-Api-Key")
		if q.ProtoMajor == 1 {
			newSocketUpstream(nil).ServeHTTP(w, q)
			return
		}
		rc := http.NewResponseController(w)
		w.Header().Set("X-Back", q.Header.Get("X-Api-Key"))
		w.WriteHeader(http.StatusOK)
		rc.Flush()
		echoFrames(flushed{w, rc}, q.Body)
	})
}

// echoFrames sends the frames back that come, as far as they are there.
func echoFrames(w io.Writer, r io.Reader) {
	out := &socketWriter{w: w}
	p := wsframe.Parser{FromClient: true}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		for data := buf[:n]; len(data) > 0; {
			ev, n, ok, _ := p.Next(data)
			if data = data[n:]; !ok {
				break
			}
			op := ev.Op
			if !ev.First || !ev.Begin {
				op = wsframe.Continuation
			}
			_ = out.frame(append(make([]byte, room), ev.Payload...), op, ev.Fin && ev.End)
			if ev.Op == wsframe.Close {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func TestWebSocketOverHTTP2(t *testing.T) {
	if !withExtendedConnect(t) {
		return
	}
	protos := make(chan string, 10)
	r := secretRig(t, h2Echo(protos), Inject{Headers: []string{"X-Api-Key"}, Body: true})
	h1 := httptest.NewUnstartedServer(h2Echo(protos)) // has the same certificate
	h1.StartTLS()
	t.Cleanup(h1.Close)
	for name, c := range map[string]struct {
		upstream, proto string
	}{
		"both legs":            {"", "HTTP/2.0 CONNECT websocket " + testValue},
		"an HTTP/1.1 upstream": {h1.Listener.Addr().String(), "HTTP/1.1 GET  " + testValue},
	} {
		t.Run(name, func(t *testing.T) {
			r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}, Paths: []string{"/ok/**"}, Methods: []string{"GET"}, Upstream: c.upstream, Private: true})
			if c.upstream == "" {
				r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}, Paths: []string{"/ok/**"}, Methods: []string{"GET"}})
			}
			for _, end := range []string{"close", "block", "break", "reset"} {
				cc, conn := r.h2Agent()
				resp, up, err := connectOver(cc, conn, h2Request("/ok/responses", http.Header{"X-Api-Key": {testPlaceholder}, "Sec-Websocket-Extensions": {"permessage-deflate"}}))
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != 200 || resp.Header.Get("X-Back") != testPlaceholder || resp.Header.Get("Sec-Websocket-Extensions") != "" {
					t.Fatalf("got %d %v", resp.StatusCode, resp.Header)
				}
				if got := <-protos; got != c.proto {
					t.Errorf("the upstream got %q", got)
				}
				out := &socketWriter{w: up, mask: true}
				in := &rawSocket{t: t, c: readerConn{r: up}}
				say := func(op wsframe.Op, text string) {
					if err := out.frame(append(make([]byte, room), text...), op, true); err != nil {
						t.Fatal(err)
					}
				}
				for _, text := range []string{"hello", "key " + testPlaceholder, strings.Repeat("long ", 10000)} {
					say(wsframe.Text, text)
					got := ""
					for f := ""; !strings.HasPrefix(f, "1+") && !strings.HasPrefix(f, "0+"); {
						if f, err = in.next(); err != nil {
							t.Fatal(err)
						}
						_, payload, _ := strings.Cut(f, " ")
						got += payload
					}
					if got != text {
						t.Errorf("%s: sent %d bytes, got %d: %.400s", end, len(text), len(got), got)
					}
				}
				switch end {
				case "close":
					say(wsframe.Close, "\x0f\xa1bye")
					in.wantClose(4001)
					in.wantEnd()
				case "block":
					say(wsframe.Text, githubToken)
					if f, err := in.next(); err != nil || !strings.HasPrefix(f, `1+ {"type":"error"`) {
						t.Errorf("told %q, %v", f, err)
					}
					in.wantClose(1008)
					say(wsframe.Close, "\x03\xf0")
					in.wantEnd()
				case "break":
					say(wsframe.Continuation, "of nothing")
					in.wantClose(1002)
					in.wantEnd()
				case "reset":
					conn.Close()
				}
				up.Close()
				e := r.lastEnd()
				if e.Duration >= socketCloseTimeout {
					t.Errorf("%s: took %v", end, e.Duration)
				}
				if e.Status != 200 || (e.Error != "") != (end == "reset" || end == "break") || (e.Rule == "dlp:github-token") != (end == "block") || e.BytesOut < 50000 {
					t.Errorf("%s: the journal says %+v", end, e)
				}
			}
		})
	}
	// What is refused is refused as over HTTP/1.1.
	cc, conn := r.h2Agent()
	defer conn.Close()
	resp, _, err := connectOver(cc, conn, h2Request("/no", nil))
	if err != nil || resp.StatusCode != 403 {
		t.Errorf("another path: %v %v", resp, err)
	}
	req := h2Request("/ok/x", nil)
	req.Header.Set(":protocol", "connect-udp")
	cc, conn = r.h2Agent()
	defer conn.Close()
	if resp, err := cc.RoundTrip(req); err != nil || resp.StatusCode != 501 {
		t.Errorf("another protocol: %v %v", resp, err)
	}
}

// readerConn reads an end that is no net.Conn.
type readerConn struct {
	r io.Reader
	net.Conn
}

func (c readerConn) Read(p []byte) (int, error) { return c.r.Read(p) }

func TestUpstreamsWithoutExtendedConnect(t *testing.T) {
	asked := 0
	r := newRig(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }), Config{})
	h1 := httptest.NewTLSServer(nil)
	defer h1.Close()
	if strings.Contains(os.Getenv("GODEBUG"), "http2xconnect=1") {
		t.Skip("it has one")
	}
	u := r.server.current.Load().upstreams
	for _, addr := range []string{r.upstream.Listener.Addr().String(), h1.Listener.Addr().String()} {
		for range 2 { // the second time it is known
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			resp, up, err := u.connectSocket(h2Request("/", nil).WithContext(ctx), Target{Scheme: "https", Host: "example.com", Port: 443}, &Route{Upstream: addr, Private: true})
			cancel()
			if resp != nil || up != nil || !errors.Is(err, errNoConnect) {
				t.Errorf("got %v, %v", resp, err)
			}
		}
	}
	if asked != 0 || len(u.noConnect.set) != 2 {
		t.Errorf("it was asked %d times, and %d are known", asked, len(u.noConnect.set))
	}
}
