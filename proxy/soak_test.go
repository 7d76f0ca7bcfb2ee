package proxy

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/bot-bottle/bottle/internal/wsframe"
	"github.com/bot-bottle/bottle/vm/relay"
)

var soakTime = flag.Duration("soak", 0, "how long TestSoak goes on; without it, each client does a few exchanges")

const (
	soakClients = 64
	// soakSlack is what the heap may grow by from one half to the other: pools and
	// maps that have seen more at once.
	soakSlack = 8 << 20
)

// TestSoak mixes all protocols, with clients that go away and others that read
// slowly, while the configuration is replaced. What each client gets is other tests'
// business: at the end nothing is left behind, and the journal has one decision and
// one end for each exchange.
func TestSoak(t *testing.T) {
	if !withExtendedConnect(t, "-test.v", "-test.timeout="+(*soakTime+5*time.Minute).String(), "-soak="+soakTime.String()) {
		return
	}
	goroutines, files := runtime.NumGoroutine(), openFiles()
	t.Run("clients", func(t *testing.T) {
		s := newSoak(t)
		half := s.run("first half")
		if whole := s.run("second half"); whole > half+soakSlack {
			t.Errorf("the heap has grown from %d to %d KiB", half>>10, whole>>10)
		}
	})
	settle(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	settle(t, "the descriptors are closed", func() bool { return openFiles() <= files })
}

// openFiles is 0 where the system does not tell.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// settle waits until something holds.
func settle(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("it is not so that %s:\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// ledger counts the lines of exchanges.
type ledger struct {
	mu                    sync.Mutex
	open                  map[string]Event
	allowed, denied, ends int
	wrong                 []string
}

func (l *ledger) Record(_ context.Context, e *Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, begun := l.open[e.ID]
	switch {
	case e.Type == EventDecision && e.Verdict == Deny:
		l.denied++
	case e.Type == EventDecision:
		l.allowed++
		l.open[e.ID] = *e
	case e.Type == EventEnd:
		l.ends++
		delete(l.open, e.ID)
	default:
		return nil
	}
	if begun != (e.Type == EventEnd) && len(l.wrong) < 10 {
		l.wrong = append(l.wrong, fmt.Sprintf("%+v", *e))
	}
	return nil
}

func (l *ledger) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// soak is a proxy with its upstreams.
type soak struct {
	t      *testing.T
	rig    *rig
	ledger *ledger
	plain  string // the address of an upstream without TLS
}

func newSoak(t *testing.T) *soak {
	s := &soak{t: t, ledger: &ledger{open: map[string]Event{}}}
	up := http.HandlerFunc(serveSoak)
	s.rig = newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{})}},
		func(_ *rig, o *Options, _ *ListenOptions) { o.Recorder = s.ledger })
	plain := httptest.NewServer(up)
	t.Cleanup(plain.Close)
	s.plain = plain.Listener.Addr().String()
	s.reload(0)
	return s
}

// reload goes on with the same routes but for one, whose tunnels are closed each
// time.
func (s *soak) reload(n int) {
	mode := []TLSMode{Intercept, Passthrough}[n%2]
	s.rig.reroute(Route{Host: "example.com", Secrets: []string{"acme"}}, Route{Host: "pass.example.com", TLS: Passthrough},
		Route{Host: "changes.example.com", TLS: mode}, Route{Host: "plain.example.com", Ports: []int{80}, Upstream: s.plain, Private: true},
		Route{Host: "raw.example.com", Ports: []int{7000}, TLS: Raw, Upstream: s.plain, Private: true})
}

// run has all clients work, waits until all has ended, and returns the heap in use.
func (s *soak) run(name string) uint64 {
	stop := make(chan struct{})
	var reloads, clients sync.WaitGroup
	reloads.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-tick.C:
				s.reload(n)
			case <-stop:
				return
			}
		}
	})
	end := time.Now().Add(*soakTime / 2)
	for i := range uint64(soakClients) {
		clients.Go(func() {
			c := newSoakClient(s, rand.New(rand.NewPCG(i, uint64(len(name))))) // the same mix each time
			defer c.close()
			kind := int(i) % len(soakKinds) // each has one client at least
			for n := 0; n < 3 || time.Now().Before(end); n++ {
				soakKinds[kind](c)
				kind = c.rand.IntN(len(soakKinds))
			}
		})
	}
	clients.Wait()
	close(stop)
	reloads.Wait()
	s.rig.server.closeTunnels(func(*tunnel) bool { return true })
	s.rig.server.current.Load().upstreams.close()
	settle(s.t, "all tunnels end", func() bool {
		s.rig.server.mu.Lock()
		defer s.rig.server.mu.Unlock()
		return len(s.rig.server.tunnels) == 0
	})
	settle(s.t, "each decision has its end", func() bool { return s.ledger.left() == 0 })
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for _, line := range s.ledger.wrong {
		s.t.Error("a line without the one before it, or again: ", line)
	}
	if s.ledger.allowed != s.ledger.ends || s.ledger.denied == 0 || s.ledger.allowed == 0 {
		s.t.Errorf("%d decisions, %d ends, %d denials", s.ledger.allowed, s.ledger.ends, s.ledger.denied)
	}
	debug.FreeOSMemory() // collects twice: pools are emptied too
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.t.Logf("%s: %d exchanges, %d denials, heap %d KiB, %d goroutines, %d descriptors", name, s.ledger.ends, s.ledger.denied, m.HeapAlloc>>10, runtime.NumGoroutine(), openFiles())
	return m.HeapAlloc
}

// serveSoak is the upstream.
func serveSoak(w http.ResponseWriter, q *http.Request) {
	switch q.URL.Path {
	case "/hang":
		<-q.Context().Done()
	case "/down":
		n, _ := strconv.ParseInt(q.URL.Query().Get("n"), 10, 64)
		_, _ = io.Copy(w, &patternReader{left: n})
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 20 {
			fmt.Fprintf(w, "data: %d %s\n\n", i, testValue)
			if http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	case "/call":
		w.Header().Set("Trailer", "Grpc-Status")
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(flushed{w, http.NewResponseController(w)}, q.Body)
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set("Grpc-Message", testValue)
	case "/cut":
		io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case "/early":
		http.Error(w, "enough", http.StatusTeapot)
	case "/socket":
		if q.ProtoMajor == 2 {
			rc := http.NewResponseController(w)
			w.WriteHeader(http.StatusOK)
			_ = rc.Flush()
			echoFrames(flushed{w, rc}, q.Body)
			return
		}
		up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
		c, err := up.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			typ, b, err := c.ReadMessage()
			if err != nil || c.WriteMessage(typ, b) != nil {
				return
			}
		}
	default:
		_, _ = io.Copy(w, q.Body)
	}
}

// soakClient is one agent.
type soakClient struct {
	s      *soak
	rand   *rand.Rand
	h1, h2 *http.Client
}

func newSoakClient(s *soak, r *rand.Rand) *soakClient {
	return &soakClient{s: s, rand: r, h1: s.rig.client(false), h2: s.rig.client(true)}
}

func (c *soakClient) close() {
	c.h1.CloseIdleConnections()
	c.h2.CloseIdleConnections()
}

func (c *soakClient) client() *http.Client { return []*http.Client{c.h1, c.h2}[c.rand.IntN(2)] }

// soon ends in between 0 and 20 ms.
func (c *soakClient) soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(c.rand.IntN(20_000))*time.Microsecond)
}

// ask makes a request and reads most bytes of the answer, each time a few.
func (c *soakClient) ask(ctx context.Context, client *http.Client, url string, body io.Reader, most int64, header ...string) {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		c.s.t.Error(err)
		return
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, most))
}

func (c *soakClient) text(n int64) io.Reader { return &patternReader{left: n} }

// raw opens a connection to the proxy, sends something, and reads a little.
func (c *soakClient) raw(text string) {
	conn, err := net.Dial("tcp", c.s.rig.addr)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = io.WriteString(conn, text)
	_, _ = conn.Read(make([]byte, 1+c.rand.IntN(200)))
}

// call makes a call as gRPC's are: it streams both ways, with trailers.
func (c *soakClient) call(ctx context.Context, last string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://example.com/call", io.MultiReader(c.text(5000), strings.NewReader(last)))
	if err != nil {
		c.s.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Trailer = http.Header{"X-Last": {last}}
	resp, err := c.client().Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}

// socket opens a WebSocket and has messages sent back. Half of them end without a
// closing handshake.
func (c *soakClient) socket(messages ...string) {
	tr := c.h1.Transport.(*http.Transport)
	d := websocket.Dialer{Proxy: tr.Proxy, TLSClientConfig: &tls.Config{RootCAs: c.s.rig.roots}, HandshakeTimeout: 10 * time.Second}
	ws, resp, err := d.Dial("wss://example.com/socket", nil)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	defer ws.Close()
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for _, m := range messages {
		if ws.WriteMessage(websocket.TextMessage, []byte(m)) != nil {
			return
		}
		if _, _, err := ws.ReadMessage(); err != nil {
			return
		}
	}
	if c.rand.IntN(2) == 0 {
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		_, _, _ = ws.ReadMessage()
	}
}

// socketOverHTTP2 is socket with the handshake of RFC 8441. Those without a closing
// handshake end with the stream, or with the connection.
func (c *soakClient) socketOverHTTP2(messages ...string) {
	conn, err := net.Dial("tcp", c.s.rig.addr)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	cc, err := c.s.rig.speakHTTP2(conn)
	if err != nil {
		return
	}
	resp, ws, err := connectOver(cc, conn, h2Request("/socket", nil))
	if err != nil || resp.StatusCode != http.StatusOK {
		return
	}
	out, in := &socketWriter{w: ws, mask: true}, &rawSocket{t: c.s.t, c: readerConn{r: ws}}
	for _, m := range messages {
		if out.frame(append(make([]byte, room), m...), wsframe.Text, true) != nil {
			return
		}
		f, err := in.next()
		if err != nil {
			return
		}
		if strings.HasPrefix(f, "8") {
			break // it is answered
		}
	}
	if kind := c.rand.IntN(3); kind > 0 {
		defer ws.Close()
		if kind > 1 {
			_ = out.frame(append(make([]byte, room), "\x03\xe8"...), wsframe.Close, true)
			_, _ = in.next()
		}
	}
}

const whole = 1 << 40

// soakKinds are the exchanges.
var soakKinds = []func(*soakClient){
	func(c *soakClient) {
		c.ask(context.Background(), c.client(), "https://example.com/", nil, whole, "X-Api-Key", testPlaceholder)
	},
	func(c *soakClient) {
		c.ask(context.Background(), c.client(), "https://example.com/", c.text(2000), whole)
	},
	func(c *soakClient) {
		c.ask(context.Background(), c.client(), "https://example.com/", c.text(2*decideBytes), whole)
	},
	func(c *soakClient) {
		c.ask(context.Background(), c.client(), "https://example.com/down?n=1000000", nil, whole)
	},
	func(c *soakClient) {
		c.ask(context.Background(), c.client(), "https://example.com/down?n=3000000", nil, 10_000)
	}, // gives up
	func(c *soakClient) { c.ask(context.Background(), c.client(), "https://example.com/events", nil, whole) },
	func(c *soakClient) { c.ask(context.Background(), c.client(), "https://example.com/cut", nil, whole) },
	func(c *soakClient) {
		c.ask(context.Background(), c.client(), "https://example.com/early", c.text(3*decideBytes), whole)
	},
	func(c *soakClient) { // reset, or broken off
		ctx, cancel := c.soon()
		defer cancel()
		c.ask(ctx, c.client(), "https://example.com/hang", nil, whole)
	},
	func(c *soakClient) { // an upload that is given up
		ctx, cancel := c.soon()
		defer cancel()
		c.ask(ctx, c.client(), "https://example.com/", c.text(50<<20), whole)
	},
	func(c *soakClient) { // an answer that is given up
		ctx, cancel := c.soon()
		defer cancel()
		c.ask(ctx, c.client(), "https://example.com/down?n=50000000", nil, whole)
	},
	func(c *soakClient) { // a leak, early and late
		c.ask(context.Background(), c.client(), "https://example.com/", strings.NewReader("it is "+testValue), whole)
		c.ask(context.Background(), c.client(), "https://example.com/", io.MultiReader(c.text(2*decideBytes), strings.NewReader(testValue)), whole)
	},
	func(c *soakClient) { c.ask(context.Background(), c.client(), "https://denied.example/", nil, whole) },
	func(c *soakClient) {
		c.ask(context.Background(), c.h1, "http://plain.example.com/", c.text(1000), whole)
	},
	func(c *soakClient) {
		c.ask(context.Background(), c.client(), "https://changes.example.com/", c.text(1000), whole)
	},
	func(c *soakClient) { c.socket("hello", strings.Repeat("many bytes ", 10_000), "") },
	func(c *soakClient) { c.socket("hello", "it is "+testValue, "never") },
	func(c *soakClient) { c.socketOverHTTP2("hello", "many of them", "") },
	func(c *soakClient) { c.socketOverHTTP2("hello", "it is "+testValue, "never") },
	func(c *soakClient) {
		c.raw("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n\x16\x03\x01\x02")
	},
	func(c *soakClient) {
		c.raw("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\nGET / HTTP/1.1\r\nHost: other\r\n\r\n")
	},
	func(c *soakClient) {
		c.raw("CONNECT pass.example.com:443 HTTP/1.1\r\nHost: pass.example.com:443\r\n\r\nno TLS")
	},
	func(c *soakClient) { c.raw("GET / HT") },
	func(c *soakClient) { c.call(context.Background(), "harmless") },
	func(c *soakClient) { c.call(context.Background(), testValue) },
	func(c *soakClient) {
		ctx, cancel := c.soon()
		defer cancel()
		c.call(ctx, "given up")
	},
	func(c *soakClient) {
		c.raw("CONNECT raw.example.com:7000 HTTP/1.1\r\nHost: raw.example.com:7000\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	},
	func(c *soakClient) {
		c.raw("CONNECT raw.example.com:7000 HTTP/1.1\r\nHost: raw.example.com:7000\r\n\r\nit is " + testValue + " and more")
	},
	func(c *soakClient) {
		c.raw("CONNECT denied.example:80 HTTP/1.1\r\nHost: denied.example:80\r\n" + relay.CapturedHeader + ": 1\r\n\r\nGET / HTTP/1.1\r\nHost: denied.example\r\n\r\n")
	},
	func(c *soakClient) {
		c.raw("CONNECT plain.example.com:80 HTTP/1.1\r\nHost: plain.example.com:80\r\n" + relay.CapturedHeader + ": 1\r\n\r\nGET / HTTP/1.1\r\nHost: plain.example.com\r\n\r\n")
	},
	func(c *soakClient) { c.ask(context.Background(), c.h1, "https://pass.example.com/", nil, whole) },
}
