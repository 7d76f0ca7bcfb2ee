package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/proxy"
)

// logs makes a log record of each event.
type logs struct {
	bottle   string
	client   *client
	resource *resourcepb.Resource
	made     []*logspb.LogRecord
}

func newLogs(bottle string, res *resource.Resource, c *client) *logs {
	return &logs{bottle: bottle, client: c, resource: &resourcepb.Resource{Attributes: keyValues(res.Attributes())}}
}

func (l *logs) add(e *proxy.Event) {
	r := &logspb.LogRecord{
		EventName: "bottle." + string(e.Type), TimeUnixNano: nanos(e.Time), ObservedTimeUnixNano: nanos(time.Now()),
		Body: text(journal.Text(e)), Attributes: keyValues(attributesOf(e, nil)),
	}
	r.SeverityNumber, r.SeverityText = logspb.SeverityNumber_SEVERITY_NUMBER_INFO, "INFO"
	if e.Verdict == proxy.Deny || e.Error != "" || len(e.Findings) > 0 { // what a person may want to see
		r.SeverityNumber, r.SeverityText = logspb.SeverityNumber_SEVERITY_NUMBER_WARN, "WARN"
	}
	if c := exchangeOf(l.bottle, e.ID); c.IsValid() {
		trace, span := c.TraceID(), c.SpanID()
		r.TraceId, r.SpanId, r.Flags = trace[:], span[:], uint32(c.TraceFlags())
	}
	l.made = append(l.made, r)
}

func nanos(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) }

func (l *logs) rest() {}

// export sends what was made. The message of the request has the form of LogsData.
func (l *logs) export(ctx context.Context) error {
	made := l.made
	l.made = nil
	if len(made) == 0 {
		return nil
	}
	return l.client.send(ctx, &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{Resource: l.resource,
		ScopeLogs: []*logspb.ScopeLogs{{Scope: &commonpb.InstrumentationScope{Name: scope}, LogRecords: made}}}}})
}

func (l *logs) shutdown(ctx context.Context) error { return l.client.Stop(ctx) }

func text(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: valid(s)}}
}

// keyValues are attributes as they are sent, of the types that are used here.
func keyValues(all []attribute.KeyValue) []*commonpb.KeyValue {
	list := make([]*commonpb.KeyValue, len(all))
	for i, a := range all {
		v := text(a.Value.String())
		switch a.Value.Type() {
		case attribute.INT64:
			v.Value = &commonpb.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		case attribute.FLOAT64:
			v.Value = &commonpb.AnyValue_DoubleValue{DoubleValue: a.Value.AsFloat64()}
		case attribute.STRINGSLICE:
			array := &commonpb.ArrayValue{}
			for _, s := range a.Value.AsStringSlice() {
				array.Values = append(array.Values, text(s))
			}
			v.Value = &commonpb.AnyValue_ArrayValue{ArrayValue: array}
		}
		list[i] = &commonpb.KeyValue{Key: string(a.Key), Value: v}
	}
	return list
}
