package wirebench

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// run measures everything. Memory comes first, and last what leaves much of it in
// use for a while.
func (b *bench) run() {
	b.peaks()
	b.stalled()
	b.idleTunnels()
	b.measure(b.smallH1(1))
	b.measure(b.smallH1(16))
	b.measure(b.smallH2(1))
	b.measure(b.smallH2(16))
	b.measure(b.connections(false))
	b.measure(b.connections(true))
	b.bulk()
	b.measure(b.eventStream())
	b.measure(b.lateHeads())
	b.newHosts()
}

// forSlice calls do in n goroutines until the slice of time is over, and returns
// how often, and how long each call took.
func (b *bench) forSlice(n int, do func(i int) error) (float64, []time.Duration) {
	lats := make([][]time.Duration, n)
	end := time.Now().Add(b.much.slice)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for began := time.Now(); ; {
				if err := do(i); err != nil {
					b.t.Error(err)
					return
				}
				now := time.Now()
				lats[i] = append(lats[i], now.Sub(began))
				if began = now; !now.Before(end) {
					return
				}
			}
		})
	}
	wg.Wait()
	if b.t.Failed() {
		b.t.FailNow()
	}
	var all []time.Duration
	for _, l := range lats {
		all = append(all, l...)
	}
	return float64(len(all)), all
}

func (b *bench) smallH1(n int) scenario {
	return scenario{name: fmt.Sprintf("small h1 %d", n), unit: "request", ways: "direct splice reverse goproxy bottle", per: time.Microsecond,
		open: func(w *way) (func() (float64, []time.Duration), func()) {
			lines, req := make([]*line, n), w.smallRequest(apiHost)
			one := func(i int) error {
				_, _, err := lines[i].do(req, 0)
				return err
			}
			for i := range lines {
				var err error
				lines[i], err = w.line(apiHost, nil)
				b.must(err)
				b.must(one(i))
			}
			return func() (float64, []time.Duration) { return b.forSlice(n, one) }, func() { closeAll(lines) }
		}}
}

func closeAll(lines []*line) {
	for _, l := range lines {
		l.Close()
	}
}

func (b *bench) smallH2(n int) scenario {
	return scenario{name: fmt.Sprintf("small h2 %d", n), unit: "request", ways: "direct splice reverse bottle", per: time.Microsecond,
		open: func(w *way) (func() (float64, []time.Duration), func()) {
			c := w.h2(apiHost, 0)
			one := func(int) error {
				_, err := w.fetch(c, http.MethodPost, "https://"+apiHost+"/v1/messages?beta=true", int64(len(smallBody)), strings.NewReader(smallBody))
				return err
			}
			b.must(one(0))
			return func() (float64, []time.Duration) { return b.forSlice(n, one) }, c.CloseIdleConnections
		}}
}

// connections are new ones with one request each.
func (b *bench) connections(resumed bool) scenario {
	s := scenario{name: "new connection", unit: "connection", ways: "direct splice reverse goproxy bottle captured", per: time.Microsecond}
	if resumed {
		s.name, s.ways = "resumed connection", "direct splice reverse bottle captured" // goproxy resumes none
	}
	s.open = func(w *way) (func() (float64, []time.Duration), func()) {
		var cache tls.ClientSessionCache
		if resumed {
			cache = tls.NewLRUClientSessionCache(0)
		}
		req, n := w.smallRequest(apiHost), b.much.conns
		if w.role == "goproxy" {
			n = max(1, n/30) // each costs as much as a hundred others
		}
		one := func(want bool) time.Duration {
			began := time.Now()
			l, err := w.line(apiHost, cache)
			b.must(err)
			defer l.Close()
			if got := l.ConnectionState().DidResume; got != want {
				b.t.Fatalf("%s: resumed is %v", w.role, got)
			}
			_, _, err = l.do(req, 0)
			b.must(err)
			return time.Since(began)
		}
		one(false)
		return func() (float64, []time.Duration) {
			var lat []time.Duration
			for range n {
				lat = append(lat, one(resumed))
			}
			return float64(n), lat
		}, func() {}
	}
	return s
}

// newHosts makes one request to each of many hosts that were never heard of. Past
// the first it is done at the pace at which leaves are minted.
func (b *bench) newHosts() {
	if !b.wanted("new hosts") {
		return
	}
	const atOnce, pace = 400, 11 * time.Millisecond
	w := b.ways["bottle"]
	w.ask("reset")
	defer b.profile("new hosts")()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	before := w.cpu()
	for i := range b.much.hosts {
		if i >= atOnce {
			<-tick.C
		}
		host := fmt.Sprintf("n%d.%s", i, newHosts)
		l, err := w.line(host, nil)
		b.must(err)
		_, _, err = l.do([]byte("GET /down?n=2 HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), 0)
		b.must(err)
		l.Close()
	}
	s := sample{n: float64(b.much.hosts), cpu: w.cpu() - before, wall: 1}
	r := summarize([]sample{s}, nil, nil, time.Microsecond)
	r.Way, r.Rate, r.Peak = "bottle", 0, float64(w.ask("usage").Peak)/(1<<20)
	b.results = append(b.results, result{Name: "new hosts", Unit: "host", Rows: []row{r}})
}

// eventStream measures how late events are.
func (b *bench) eventStream() scenario {
	return scenario{name: "event stream", unit: "event", ways: "direct splice reverse bottle", per: time.Microsecond,
		open: func(w *way) (func() (float64, []time.Duration), func()) {
			l, err := w.line(apiHost, nil)
			b.must(err)
			req := fmt.Appendf(nil, "GET /events?n=%d HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", b.much.events, apiHost)
			return func() (float64, []time.Duration) {
				_, err := l.Write(req)
				b.must(err)
				resp, err := http.ReadResponse(l.br, nil)
				b.must(err)
				defer resp.Body.Close()
				var lat []time.Duration
				for buf := make([]byte, 4<<10); ; {
					n, err := resp.Body.Read(buf)
					now := time.Now()
					for line := range strings.Lines(string(buf[:n])) {
						if sent, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok {
							lat = append(lat, now.Sub(unixNano(sent)))
						}
					}
					if err != nil {
						break
					}
				}
				if len(lat) == 0 {
					b.t.Fatalf("%s: no events", w.role)
				}
				return float64(len(lat)), lat
			}, func() { l.Close() }
		}}
}

// lateHeads measures how late the head of an answer is whose body comes later.
func (b *bench) lateHeads() scenario {
	return scenario{name: "answer head", unit: "request", ways: "direct splice reverse bottle", per: time.Microsecond,
		open: func(w *way) (func() (float64, []time.Duration), func()) {
			l, err := w.line(apiHost, nil)
			b.must(err)
			return func() (float64, []time.Duration) {
				var lat []time.Duration
				for range b.much.heads {
					_, err := fmt.Fprintf(l, "GET /late HTTP/1.1\r\nHost: %s\r\n\r\n", apiHost)
					b.must(err)
					resp, err := http.ReadResponse(l.br, nil)
					now := time.Now()
					b.must(err)
					lat = append(lat, now.Sub(unixNano(resp.Header.Get("X-Sent"))))
					_, err = readAll(resp, l.buf)
					b.must(err)
				}
				return float64(len(lat)), lat
			}, func() { l.Close() }
		}}
}

func unixNano(s string) time.Time {
	n, _ := strconv.ParseInt(s, 10, 64)
	return time.Unix(0, n)
}
