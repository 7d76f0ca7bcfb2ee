package wirebench

import (
	"fmt"
	"net/http"
	"time"
)

// bulk measures large bodies, in CPU seconds per GB (of 10^9 bytes).
func (b *bench) bulk() {
	for _, s := range []struct {
		name, ways, host string
		up, h2           bool
	}{
		{"down h1, not redacted", "direct splice reverse goproxy bottle", plainHost, false, false},
		{"down h1, redacted", "reverse bottle", apiHost, false, false},
		{"up h1, scanned", "direct splice reverse goproxy bottle", apiHost, true, false},
		{"up h1, dlp off", "reverse off", apiHost, true, false},
		{"up h1, passthrough", "splice reverse bottle", rawHost, true, false},
		{"down h2, not redacted", "reverse bottle", plainHost, false, true},
		{"up h2, scanned", "reverse bottle", apiHost, true, true},
	} {
		b.measure(scenario{name: s.name, unit: "GB", ways: s.ways, per: time.Second,
			open: func(w *way) (func() (float64, []time.Duration), func()) {
				move, end := b.mover(w, s.host, s.up, s.h2)
				b.must(move(64 << 10))
				return func() (float64, []time.Duration) {
					b.must(move(b.much.bulk))
					return float64(b.much.bulk) / 1e9, nil
				}, end
			}})
	}
}

// mover moves bytes over one connection.
func (b *bench) mover(w *way, host string, up, h2 bool) (move func(n int64) error, end func()) {
	if h2 {
		c := w.h2(host, 0)
		return func(n int64) error {
			if up {
				_, err := w.fetch(c, http.MethodPost, "https://"+host+"/up", n, &textReader{n: n})
				return err
			}
			return wantBytes(n)(w.fetch(c, http.MethodGet, fmt.Sprintf("https://%s/down?n=%d", host, n), 0, nil))
		}, c.CloseIdleConnections
	}
	l, err := w.line(host, nil)
	b.must(err)
	return func(n int64) error {
		if up {
			head := fmt.Appendf(nil, "POST /up HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", host, n)
			_, _, err := l.do(head, n)
			return err
		}
		_, got, err := l.do(fmt.Appendf(nil, "GET /down?n=%d HTTP/1.1\r\nHost: %s\r\n\r\n", n, host), 0)
		return wantBytes(n)(got, err)
	}, func() { l.Close() }
}

func wantBytes(want int64) func(int64, error) error {
	return func(got int64, err error) error {
		if err == nil && got != want {
			err = fmt.Errorf("%d bytes of %d", got, want)
		}
		return err
	}
}

// peaks measures the memory that 1 GB in either direction takes.
func (b *bench) peaks() {
	if !b.wanted("memory, 1 GB") {
		return
	}
	res := result{Name: "memory, 1 GB up and down", Unit: ""}
	for _, name := range []string{"splice", "reverse", "bottle"} {
		w := b.ways[name]
		w.ask("reset")
		for _, up := range []bool{true, false} {
			move, end := b.mover(w, apiHost, up, false)
			b.must(move(b.much.stream))
			end()
		}
		u := w.ask("usage")
		res.Rows = append(res.Rows, row{Way: name, Peak: float64(u.Peak) / (1 << 20), File: float64(u.File) / (1 << 20)})
	}
	b.results = append(b.results, res)
}

// idleTunnels measures the memory of connections that were used once.
func (b *bench) idleTunnels() {
	if !b.wanted("idle tunnels") {
		return
	}
	res := result{Name: "idle tunnels", Unit: "tunnel"}
	for _, name := range []string{"splice", "reverse", "goproxy", "bottle"} {
		w, n := b.ways[name], b.much.tunnels
		if name == "goproxy" {
			n = max(1, n/10) // its handshakes take too long
		}
		req := w.smallRequest(apiHost)
		open := func() *line {
			l, err := w.line(apiHost, nil)
			b.must(err)
			_, _, err = l.do(req, 0)
			b.must(err)
			return l
		}
		lines := []*line{open()}
		before := w.ask("rss").RSS
		for range n {
			lines = append(lines, open())
		}
		each := float64(w.ask("rss").RSS-before) / float64(n) / (1 << 10)
		closeAll(lines)
		res.Rows = append(res.Rows, row{Way: name, Each: each})
	}
	b.results = append(b.results, res)
}

// stalled measures the memory of downloads over HTTP/2 that nobody reads.
func (b *bench) stalled() {
	if !b.wanted("stalled downloads") {
		return
	}
	res := result{Name: "stalled h2 downloads", Unit: ""}
	for _, name := range []string{"reverse", "bottle"} {
		w := b.ways[name]
		w.ask("reset")
		c := w.h2(plainHost, 64<<10)
		for range b.much.stalled {
			resp, err := c.Get(fmt.Sprintf("https://%s/down?n=%d", plainHost, 64<<20))
			b.must(err)
			defer resp.Body.Close()
		}
		// What fits into the buffers on the way goes on coming for a while.
		peak := int64(0)
		for now := w.ask("usage").Peak; now > peak; now = w.ask("usage").Peak {
			peak = now
			time.Sleep(b.much.slice)
		}
		res.Rows = append(res.Rows, row{Way: name, Peak: float64(peak) / (1 << 20)})
	}
	b.results = append(b.results, res)
}
