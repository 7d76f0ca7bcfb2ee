package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/usage"
)

// budgetRig has limits on what goes to example.com and below it.
func budgetRig(t *testing.T, up http.Handler, b Budgets, opts ...rigOption) *rig {
	t.Helper()
	r := newRig(t, up, Config{Budgets: b}, opts...)
	r.reroute(Route{Host: "example.com"}, Route{Host: "*.example.com"}, Route{Host: "model.example.com", Kind: KindModel})
	return r
}

// answering answers questions, and keeps them.
func answering(asked *[]Question, answer func(Question) Answer) rigOption {
	var mu sync.Mutex
	return func(_ *rig, o *Options, _ *ListenOptions) {
		o.Ask = func(_ context.Context, q Question) (Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			*asked = append(*asked, q)
			return answer(q), nil
		}
	}
}

func notes(r *rig) (list []string) {
	for _, e := range r.journal.all() {
		if e.Type == EventNote {
			list = append(list, e.Reason)
		}
	}
	return list
}

func TestBytesOutAreBounded(t *testing.T) {
	up := &upstreamLog{}
	r := budgetRig(t, up, Budgets{BytesOut: 10_000})
	if status, body := r.post("https://example.com/a", "text/plain", strings.Repeat("a ", 2000)); status != 200 {
		t.Fatal(status, body)
	}
	before := r.server.Spent("test").BytesOut
	if before < 4000 || before > 5000 {
		t.Errorf("%d bytes are counted of a body of 4000 and a head", before)
	}
	up.take()
	status, body := r.post("https://example.com/b", "text/plain", strings.Repeat("b ", 4000))
	if d := denialIn(t, body); status != 400 || d.Rule != "budget:bytes_out" || !strings.Contains(d.Message, "budgets.bytes_out: ") || !strings.Contains(d.Message, "Do not retry") {
		t.Errorf("got %d %+v", status, d)
	}
	if got := up.take(); len(got) != 0 {
		t.Errorf("the upstream got %v", got)
	}
	// What was refused is not counted: less has room.
	if now := r.server.Spent("test").BytesOut; now != before {
		t.Errorf("%d bytes are counted, %d before", now, before)
	}
	if status, body := r.post("https://example.com/c", "text/plain", "c"); status != 200 {
		t.Error(status, body)
	}
	// The URL and the headers are a way out, too.
	if status, _ := r.get("https://example.com/?q=" + strings.Repeat("d%20", 2000)); status != 400 {
		t.Errorf("a long URL: %d", status)
	}
	if status, _ := r.get("https://example.com/", "X-Data", strings.Repeat("d ", 4000)); status != 400 {
		t.Errorf("a long header: %d", status)
	}
	// Another session has its own.
	if other := r.server.Spent("other"); other.BytesOut != 0 || other.Requests != 0 {
		t.Errorf("another session has %+v", other)
	}
}

// A body whose length nobody knows is stopped on its way.
func TestStreamsAreBounded(t *testing.T) {
	var got int64
	done := make(chan struct{})
	up := http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		defer close(done)
		got, _ = io.Copy(io.Discard, req.Body)
	})
	const limit = 300 << 10
	r := budgetRig(t, up, Budgets{PerHost: limit})
	req, err := http.NewRequest(http.MethodPost, "https://example.com/", struct{ io.Reader }{strings.NewReader(strings.Repeat("words ", 200<<10))})
	if err != nil {
		t.Fatal(err)
	}
	status, body := r.do(req)
	<-done
	if status != 400 || denialIn(t, body).Rule != "budget:per_host" {
		t.Errorf("got %d %s", status, body)
	}
	if got == 0 || got > limit {
		t.Errorf("the upstream got %d bytes, of at most %d", got, limit)
	}
	if e := r.lastEnd(); e.Verdict != Deny || e.Rule != "budget:per_host" {
		t.Errorf("journal: %+v", e)
	}
	// Another host has its own limit.
	if n := len(r.server.Spent("test").Limits); n != 1 {
		t.Errorf("%d limits are shown", n)
	}
}

// What goes over a WebSocket is counted with all else.
func TestMessagesAreBounded(t *testing.T) {
	up := newSocketUpstream(func(c *websocket.Conn) {
		for {
			if _, m, err := c.ReadMessage(); err != nil || c.WriteMessage(websocket.TextMessage, m[:1]) != nil {
				return
			}
		}
	})
	for name, opts := range map[string]Config{"looked into": {}, "passed on as it is": {DLP: off()}} {
		t.Run(name, func(t *testing.T) {
			cfg := opts
			cfg.Budgets = Budgets{BytesOut: 5000}
			r := newRig(t, up, cfg)
			c, _ := r.socket("wss://example.com/")
			socketWrite(t, c, websocket.TextMessage, strings.Repeat("a ", 1000))
			socketRead(t, c)
			if n := r.server.Spent("test").BytesOut; n < 2000 || n > 4000 {
				t.Errorf("%d bytes are counted", n)
			}
			socketWrite(t, c, websocket.TextMessage, strings.Repeat("b ", 2000))
			if name == "looked into" {
				if e := socketClosed(t, c); e.Code != websocket.ClosePolicyViolation || !strings.Contains(e.Text, "budget:bytes_out") {
					t.Errorf("got %v", e)
				}
			} else if _, _, err := c.ReadMessage(); err == nil {
				t.Error("it goes on")
			}
			if e := r.lastEnd(); e.Verdict != Deny || e.Rule != "budget:bytes_out" || e.BytesOut > 3000 {
				t.Errorf("journal: %+v", e)
			}
		})
	}
}

// off is a policy that lets everything pass.
func off() dlp.Policy { return dlp.Policy{Action: dlp.Off} }

func TestConnectionsAreBounded(t *testing.T) {
	for _, mode := range []TLSMode{Passthrough, Raw} {
		t.Run(string(mode), func(t *testing.T) {
			addr, conns := tcpServer(t)
			r := newRig(t, http.NotFoundHandler(), Config{Budgets: Budgets{BytesOut: 20_000}})
			r.reroute(Route{Host: "pass.example.com", Ports: []int{443}, TLS: mode, Upstream: addr, Private: true})
			c := r.dial()
			if l := r.connect(c, "pass.example.com:443"); !strings.Contains(l, " 200 ") {
				t.Fatal(l)
			}
			hello := clientHello(t, "pass.example.com")
			if _, err := c.Write(hello); err != nil {
				t.Fatal(err)
			}
			up := <-conns
			got := make(chan int64)
			go func() {
				n, _ := io.Copy(io.Discard, up)
				got <- n
			}()
			for range 200 { // until it is reset
				if _, err := c.Write([]byte(strings.Repeat("words ", 1000))); err != nil {
					break
				}
			}
			c.Close()
			if n := <-got; n > 20_000 {
				t.Errorf("the upstream got %d bytes", n)
			}
			if e := r.lastEnd(); e.Verdict != Deny || e.Rule != "budget:bytes_out" {
				t.Errorf("journal: %+v", e)
			}
		})
	}
}

func TestTheOperatorGivesAsMuchAgain(t *testing.T) {
	var asked []Question
	yes := true
	up := &upstreamLog{}
	r := budgetRig(t, up, Budgets{BytesOut: 5000, Ask: true}, answering(&asked, func(Question) Answer { return Answer{Allow: yes} }))
	post := func() int {
		status, _ := r.post("https://example.com/", "text/plain", strings.Repeat("a ", 1500))
		return status
	}
	for i := range 3 { // 3 kB each: one question at 5 kB
		if status := post(); status != 200 {
			t.Fatalf("request %d: %d", i, status)
		}
	}
	if len(asked) != 1 || asked[0].Budget != "bytes_out" || asked[0].Target.Host != "" || len(asked[0].Detail) != 1 || !strings.Contains(asked[0].Detail[0], "4.883 KiB") {
		t.Fatalf("asked %+v", asked)
	}
	if l := r.server.Spent("test").Limits; len(l) != 1 || l[0].Allowed != 10_000 {
		t.Errorf("limits %v", l)
	}
	yes = false
	for range 3 { // a no is kept
		if status := post(); status != 400 {
			t.Errorf("behind a no: %d", status)
		}
	}
	if len(asked) != 2 {
		t.Errorf("asked %d times", len(asked))
	}
}

// All who wait at the same limit get the same answer, and it is given once.
func TestOneYesIsGivenOnce(t *testing.T) {
	l, now := newAccount(), time.Unix(6000, 0)
	b := &Budgets{BytesOut: 10}
	var waiting []*overrun
	for range 3 {
		over, _ := l.take(b, "a", charge{bytes: 11}, now)
		if over == nil {
			t.Fatal("there is room")
		}
		waiting = append(waiting, over)
	}
	for _, over := range waiting {
		l.grant(over)
	}
	if got := l.spent(b, now).Limits[0].Allowed; got != 20 {
		t.Errorf("%g bytes are allowed", got)
	}
}

func TestRequestsPerMinute(t *testing.T) {
	l, b := newAccount(), &Budgets{RequestsPerMinute: 10, Ask: true}
	take := func(at int64) *overrun {
		over, _ := l.take(b, "a", charge{requests: 1}, time.Unix(at, 0))
		return over
	}
	for i := range 10 {
		if over := take(60 + int64(i)); over != nil {
			t.Fatalf("request %d: %v", i, over)
		}
	}
	over := take(119)
	if over == nil || over.Name != "requests_per_minute" {
		t.Fatalf("got %v", over)
	}
	l.refuse(over)
	if again := take(119); again == nil || !l.wasRefused(again) {
		t.Error("a no is for the rest of the minute")
	}
	if over := take(120); over != nil {
		t.Errorf("in the next minute: %v", over)
	}
	// A clock that is set back opens no second minute's worth at once.
	for range 9 {
		take(120)
	}
	if over := take(120); over == nil || l.wasRefused(over) {
		t.Error("the no of one minute is none of the next")
	}
	if over := take(60); over != nil {
		t.Errorf("after the clock was set back: %v", over)
	}
	if s := l.spent(b, time.Unix(60, 0)); s.Requests != 21 || s.Limits[0].Used != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestTheAgentIsWarnedOnce(t *testing.T) {
	up := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Bottle-Budget", "of the upstream's making")
	})
	r := budgetRig(t, up, Budgets{BytesOut: 10_000})
	client := r.client(false)
	var got []string
	for range 4 {
		resp, err := client.Post("https://example.com/", "text/plain", strings.NewReader(strings.Repeat("a ", 1500)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got = append(got, resp.Header.Get("Bottle-Budget"))
	}
	if got[0] != "" || got[1] != "" || !strings.HasPrefix(got[2], "budgets.bytes_out: ") || got[3] != "" {
		t.Errorf("got %q", got)
	}
	if list := notes(r); len(list) != 1 || !strings.HasPrefix(list[0], "near a limit: budgets.bytes_out: ") {
		t.Errorf("notes %q", list)
	}
}

func TestNewHosts(t *testing.T) {
	up := &upstreamLog{}
	r := budgetRig(t, up, Budgets{NewHosts: NewHostsWarn})
	for _, host := range []string{"example.com", "a.example.com", "a.example.com", "b.example.com"} {
		if status, body := r.get("https://" + host + "/"); status != 200 {
			t.Fatal(status, body)
		}
	}
	var hosts []string
	for _, e := range r.journal.all() {
		if e.Type == EventNote {
			hosts = append(hosts, e.Host)
		}
	}
	if !slices.Equal(hosts, []string{"a.example.com", "b.example.com"}) {
		t.Errorf("noted %v", hosts)
	}

	var asked []Question
	r = budgetRig(t, up, Budgets{NewHosts: NewHostsAsk}, answering(&asked, func(q Question) Answer { return Answer{Allow: q.Target.Host == "a.example.com"} }))
	for _, c := range []struct {
		host   string
		status int
	}{{"example.com", 200}, {"a.example.com", 200}, {"b.example.com", 400}, {"a.example.com", 200}, {"b.example.com", 400}} {
		if status, body := r.get("https://" + c.host + "/"); status != c.status {
			t.Errorf("%s: %d %s", c.host, status, body)
		}
	}
	if len(asked) != 2 || asked[0].Budget != "new_hosts" {
		t.Errorf("asked %+v", asked)
	}
}

// The names that an agent makes up do not grow what is kept of them.
func TestAccountsAreBounded(t *testing.T) {
	l, b, now := newAccount(), &Budgets{PerHost: 100, NewHosts: NewHostsWarn}, time.Unix(60, 0)
	for i := range maxAccountHosts + 10 {
		host := fmt.Sprintf("h%d.example.com", i)
		l.isNew(host, true)
		l.judgeHost(host, false)
		l.charge(b, usage.Report{Model: host}, 0, true)
		if over, _ := l.take(b, host, charge{bytes: 20}, now); over != nil && i < maxAccountHosts {
			t.Fatalf("host %d: %v", i, over)
		}
	}
	if len(l.hosts) > maxAccountHosts+1 || len(l.seen) > maxAccountHosts || len(l.models) > maxAccountModels+1 {
		t.Errorf("kept: %d hosts, %d seen, %d models", len(l.hosts), len(l.seen), len(l.models))
	}
	if over, _ := l.take(b, "another.example.com", charge{bytes: 20}, now); over == nil {
		t.Error("hosts beyond the bound have no limit")
	}
}

// modelAnswers answers as a provider does.
func modelAnswers(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/stream":
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range []string{
			`{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":100,"cache_read_input_tokens":50,"output_tokens":1}}}`,
			`{"type":"message_delta","delta":{},"usage":{"output_tokens":20}}`,
		} {
			fmt.Fprintf(w, "data: %s\n\n", event)
			_ = http.NewResponseController(w).Flush()
		}
	case "/cut":
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\"usage\":{\"input_tokens\":7}}}\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"model":"gpt-x","usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":5}}`)
	}
}

func TestUsageOfModelsIsRead(t *testing.T) {
	b := Budgets{Prices: map[string]Price{"claude-*": {Input: 1, CacheRead: 0.1, Output: 10}}}
	r := budgetRig(t, http.HandlerFunc(modelAnswers), b)
	for path, want := range map[string]string{"/stream": "{claude-x {100 50 0 20} 0.000305 false}", "/document": "{gpt-x {6 4 0 5} 0 true}"} {
		if status, body := r.post("https://model.example.com"+path, "application/json", "{}"); status != 200 {
			t.Fatal(status, body)
		}
		if e := r.lastEnd(); e.Usage == nil || fmt.Sprint(*e.Usage) != want {
			t.Errorf("%s: got %+v, want %s", path, e.Usage, want)
		}
	}
	// What broke off was taken all the same.
	if resp, err := r.client(false).Get("https://model.example.com/cut"); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if e := r.lastEnd(); e.Usage == nil || e.Usage.Input != 7 || e.Error == "" {
		t.Errorf("broken off: got %+v", e)
	}
	// No other host is a model's.
	if r.get("https://example.com/document"); r.lastEnd().Usage != nil {
		t.Error("read on another route")
	}
	got := r.server.Spent("test").Models
	if len(got) != 2 || got[0].Input != 107 || got[0].Unpriced || !got[1].Unpriced {
		t.Errorf("got %+v", got)
	}
}

func TestUsageOverSockets(t *testing.T) {
	up := newSocketUpstream(func(c *websocket.Conn) {
		for {
			if _, _, err := c.ReadMessage(); err != nil {
				return
			}
			for _, m := range []string{`{"type":"response.created","response":{"model":"gpt-x","usage":null}}`, `{"type":"response.completed","response":{"model":"gpt-x","usage":{"input_tokens":10,"output_tokens":5}}}`} {
				if c.WriteMessage(websocket.TextMessage, []byte(m)) != nil {
					return
				}
			}
		}
	})
	r := newRig(t, up, Config{Budgets: Budgets{ModelTokens: 30}})
	r.reroute(Route{Host: "example.com", Kind: KindModel})
	c, _ := r.socket("wss://example.com/")
	for range 2 {
		socketWrite(t, c, websocket.TextMessage, `{"type":"response.create"}`)
		socketRead(t, c)
		socketRead(t, c)
	}
	socketWrite(t, c, websocket.TextMessage, `{"type":"response.create"}`)
	for { // what the agent is told in its protocol, then the close
		_, m, err := c.ReadMessage()
		if err != nil {
			if !strings.Contains(err.Error(), "budget:model_tokens") {
				t.Errorf("got %v", err)
			}
			break
		}
		if strings.Contains(string(m), "response.completed") {
			t.Error("a third answer came")
		}
	}
	if e := r.lastEnd(); e.Usage == nil || e.Usage.Input != 20 || e.Usage.Output != 10 || e.Rule != "budget:model_tokens" {
		t.Errorf("journal: %+v", e)
	}
}

// At a limit on what models take, no further request goes out, and a model without a
// price has cost all of it.
func TestModelsAreBounded(t *testing.T) {
	priced := map[string]Price{"gpt-x": {Input: 1e6}}
	for _, c := range []struct {
		name   string
		b      Budgets
		passed int // requests
		rule   string
	}{
		{"tokens", Budgets{ModelTokens: 30}, 2, "budget:model_tokens"},
		{"cost", Budgets{ModelCost: 13, Prices: priced}, 3, "budget:model_cost"},
		{"no price", Budgets{ModelCost: 1000, Prices: map[string]Price{"other": {}}}, 1, "budget:model_cost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := budgetRig(t, http.HandlerFunc(modelAnswers), c.b)
			for i := range c.passed {
				if status, body := r.post("https://model.example.com/document", "application/json", "{}"); status != 200 {
					t.Fatalf("request %d: %d %s", i, status, body)
				}
			}
			if status, body := r.post("https://model.example.com/document", "application/json", "{}"); status != 400 || denialIn(t, body).Rule != c.rule {
				t.Errorf("got %d %s", status, body)
			}
		})
	}
}

// An agent at its limit can still ask how it stands.
func TestVirtualHostsCostNothing(t *testing.T) {
	r := budgetRig(t, &upstreamLog{}, Budgets{BytesOut: 1}, func(_ *rig, o *Options, _ *ListenOptions) {
		o.Hosts = map[string]http.Handler{"supervise.test": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") })}
	})
	if status, _ := r.get("https://example.com/"); status != 400 {
		t.Fatal(status)
	}
	if status, body := r.get("https://supervise.test/"); status != 200 || body != "here" {
		t.Errorf("got %d %s", status, body)
	}
}

// What comes little by little is paid for by and by, up to the limit, and a connection
// that ends before is carried to its end.
func TestAConnectionIsPaidBeforeItIsCopied(t *testing.T) {
	addr, conns := tcpServer(t)
	r := newRig(t, http.NotFoundHandler(), Config{})
	hello := clientHello(t, "pass.example.com")
	limit := len(hello) + 1000
	r.cfg.Budgets.PerHost = int64(limit)
	r.reroute(Route{Host: "pass.example.com", TLS: Passthrough, Upstream: addr, Private: true})
	c := r.dial()
	if l := r.connect(c, "pass.example.com:443"); !strings.Contains(l, " 200 ") {
		t.Fatal(l)
	}
	write := func(p []byte) {
		t.Helper()
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	write(hello)
	up := <-conns
	read := func(n int) {
		t.Helper()
		if _, err := io.ReadFull(up, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	read(len(hello))
	for range 4 {
		write(make([]byte, 250))
		read(250)
	}
	if got := r.server.Spent("test").BytesOut; got != int64(limit) {
		t.Errorf("%d bytes were counted", got)
	}
	write([]byte{0})
	if n, err := up.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("one byte too much: %d, %v", n, err)
	}

	r.cfg.Budgets.PerHost = 1 << 20
	r.reroute(Route{Host: "pass.example.com", TLS: Passthrough, Upstream: addr, Private: true})
	c = r.dial()
	r.connect(c, "pass.example.com:443")
	write(hello)
	up = <-conns
	read(len(hello))
	write([]byte("end"))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(up); string(rest) != "end" || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
}
