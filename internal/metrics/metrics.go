// Package metrics tells Prometheus how a bottle stands. No label holds what an agent
// chose, such as a host: their number would be the agent's to choose, too.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bot-bottle/bottle/proxy"
)

// Metrics counts the events of a bottle and serves the numbers. Its methods may be
// called from any goroutine.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	findings *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	duration prometheus.Histogram

	listener net.Listener
	server   *http.Server
}

// New makes the metrics of a bottle, which are served nowhere yet. questions returns
// how many wait for the operator.
func New(bottle, version string, questions func() int) *Metrics {
	of := prometheus.Labels{"bottle": bottle}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bottle_requests_total", Help: "Decisions on requests, by verdict (allow, deny).", ConstLabels: of}, []string{"verdict"}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bottle_findings_total", Help: "What the scanner found, by rule and what was done.", ConstLabels: of}, []string{"rule", "action"}),
		bytes:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bottle_body_bytes_total", Help: "Bytes of bodies, by direction (out: sent by the agent).", ConstLabels: of}, []string{"direction"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bottle_request_duration_seconds", Help: "Time from the request to the end of its answer.", ConstLabels: of,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "bottle_info", Help: "1, with the version of bottle.", ConstLabels: prometheus.Labels{"bottle": bottle, "version": version}})
	info.Set(1)
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bottle_questions_waiting", Help: "Questions that wait for the operator.", ConstLabels: of}, func() float64 { return float64(questions()) })
	m.registry.MustRegister(m.requests, m.findings, m.bytes, m.duration, info, waiting)
	for _, v := range []proxy.Action{proxy.Allow, proxy.Deny} {
		m.requests.WithLabelValues(string(v)) // so that a rate can begin at 0
	}
	return m
}

// Record counts an event.
func (m *Metrics) Record(e *proxy.Event) {
	switch {
	case e.Type == proxy.EventDecision, e.Verdict == proxy.Deny:
		m.requests.WithLabelValues(string(e.Verdict)).Inc()
	case e.Type == proxy.EventEnd:
		m.duration.Observe(e.Duration.Seconds())
	}
	m.bytes.WithLabelValues("out").Add(float64(max(0, e.BytesOut)))
	m.bytes.WithLabelValues("in").Add(float64(max(0, e.BytesIn)))
	// The findings of a request that went on stand in its end again, with those of
	// the rest of its body.
	if e.Type == proxy.EventEnd || e.Type == proxy.EventDecision && e.Verdict == proxy.Deny {
		for _, f := range e.Findings {
			m.findings.WithLabelValues(f.Rule, f.Action).Inc()
		}
	}
}

// Listen serves /metrics at a loopback address until Close.
func (m *Metrics) Listen(ctx context.Context, at string) (err error) {
	var lc net.ListenConfig
	if m.listener, err = lc.Listen(ctx, "tcp", at); err != nil {
		return fmt.Errorf("metrics.listen: %w: choose another port; two bottles of one manifest cannot have the same", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", loopbackOnly(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})))
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { _ = m.server.Serve(m.listener) }() // ends with http.ErrServerClosed
	return nil
}

// loopbackOnly refuses requests in the name of another host: a page in a browser
// could else have its own name lead here.
func loopbackOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
			http.Error(w, "metrics are served to this host by its own address only", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Addr is where it listens.
func (m *Metrics) Addr() string { return m.listener.Addr().String() }

// Close ends the serving.
func (m *Metrics) Close() error {
	if m == nil || m.server == nil {
		return nil
	}
	if err := m.server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
