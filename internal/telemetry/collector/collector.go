// Package collector is an OpenTelemetry collector for tests: it takes spans and log
// records by OTLP over HTTP, and writes each down as a line.
package collector

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Item is a span or a log record.
type Item struct {
	Signal     string         `json:"signal"` // span or log
	Name       string         `json:"name"`   // of a span, or of an event
	Kind       string         `json:"kind"`   // of a span, or the severity of a record
	Trace      string         `json:"trace"`
	Span       string         `json:"span"`
	Parent     string         `json:"parent,omitempty"`
	Body       string         `json:"body,omitempty"`
	Start      uint64         `json:"start,omitempty"`
	End        uint64         `json:"end,omitempty"`
	Status     string         `json:"status,omitempty"`
	Events     []string       `json:"events,omitempty"` // of a span
	Attributes map[string]any `json:"attributes"`
	Resource   map[string]any `json:"resource"`
	Header     string         `json:"header,omitempty"` // X-Collector-Key, of the request
}

// Collector is a handler of /v1/traces and /v1/logs.
type Collector struct {
	mu    sync.Mutex
	items []Item
	out   io.Writer
}

// New makes a collector that writes lines of JSON to out, if there is one.
func New(out io.Writer) *Collector { return &Collector{out: out} }

// Items are those that came.
func (c *Collector) Items() []Item {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Item(nil), c.items...)
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := read(r)
	if err == nil {
		err = c.take(r, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func (c *Collector) take(r *http.Request, body []byte) error {
	if got := r.Header.Get("Content-Type"); got != "application/x-protobuf" {
		return fmt.Errorf("content type %q", got)
	}
	var items []Item
	switch r.URL.Path {
	case "/v1/traces":
		var m trace.TracesData
		if err := proto.Unmarshal(body, &m); err != nil {
			return err
		}
		items = spansOf(&m)
	case "/v1/logs":
		var m logs.LogsData
		if err := proto.Unmarshal(body, &m); err != nil {
			return err
		}
		items = recordsOf(&m)
	default:
		return fmt.Errorf("path %q", r.URL.Path)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range items {
		items[i].Header = r.Header.Get("X-Collector-Key")
		c.items = append(c.items, items[i])
		if c.out != nil {
			if err := json.NewEncoder(c.out).Encode(items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func spansOf(m *trace.TracesData) (items []Item) {
	for _, rs := range m.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				i := Item{Signal: "span", Name: s.GetName(), Kind: s.GetKind().String(), Trace: fmt.Sprintf("%x", s.GetTraceId()), Span: fmt.Sprintf("%x", s.GetSpanId()),
					Parent: fmt.Sprintf("%x", s.GetParentSpanId()), Start: s.GetStartTimeUnixNano(), End: s.GetEndTimeUnixNano(),
					Status: s.GetStatus().GetCode().String(), Attributes: flat(s.GetAttributes()), Resource: flat(rs.GetResource().GetAttributes())}
				for _, e := range s.GetEvents() {
					i.Events = append(i.Events, fmt.Sprint(e.GetName(), " ", flat(e.GetAttributes())))
				}
				items = append(items, i)
			}
		}
	}
	return items
}

func recordsOf(m *logs.LogsData) (items []Item) {
	for _, rl := range m.GetResourceLogs() {
		for _, sl := range rl.GetScopeLogs() {
			for _, l := range sl.GetLogRecords() {
				items = append(items, Item{Signal: "log", Name: l.GetEventName(), Kind: l.GetSeverityText(), Trace: fmt.Sprintf("%x", l.GetTraceId()), Span: fmt.Sprintf("%x", l.GetSpanId()),
					Body: l.GetBody().GetStringValue(), Start: l.GetTimeUnixNano(), Attributes: flat(l.GetAttributes()), Resource: flat(rl.GetResource().GetAttributes())})
			}
		}
	}
	return items
}

func flat(all []*common.KeyValue) map[string]any {
	m := map[string]any{}
	for _, kv := range all {
		m[kv.GetKey()] = value(kv.GetValue())
	}
	return m
}

func value(v *common.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_IntValue:
		return v.IntValue
	case *common.AnyValue_DoubleValue:
		return v.DoubleValue
	case *common.AnyValue_ArrayValue:
		var list []any
		for _, x := range v.ArrayValue.GetValues() {
			list = append(list, value(x))
		}
		return list
	}
	return nil
}
