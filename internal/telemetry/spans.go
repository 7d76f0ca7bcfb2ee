package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/bot-bottle/bottle/proxy"
)

// scope is the instrumentation scope of all.
const scope = "github.com/bot-bottle/bottle"

// maxOpen bounds the exchanges whose end has not come.
const maxOpen = 4096

// spans makes spans of exchanges. It is the processor of its own tracer, so that what is
// made is kept until it is exported.
type spans struct {
	bottle   string
	exporter sdktrace.SpanExporter
	tracer   trace.Tracer
	open     map[string]*proxy.Event // decisions, by the id of the exchange
	order    []string                // of them; some may have ended
	made     []sdktrace.ReadOnlySpan
}

func newSpans(bottle string, res *resource.Resource, exporter sdktrace.SpanExporter) *spans {
	s := &spans{bottle: bottle, exporter: exporter, open: map[string]*proxy.Event{}}
	s.tracer = sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithSpanProcessor(s), sdktrace.WithIDGenerator(ids{})).Tracer(scope)
	return s
}

// OnStart, OnEnd, ForceFlush and Shutdown are those of a processor.
func (s *spans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (s *spans) OnEnd(span sdktrace.ReadOnlySpan)                { s.made = append(s.made, span) }
func (s *spans) ForceFlush(context.Context) error                { return nil }
func (s *spans) Shutdown(context.Context) error                  { return nil }

func (s *spans) export(ctx context.Context) error {
	made := s.made
	s.made = nil
	if len(made) == 0 {
		return nil
	}
	return s.exporter.ExportSpans(ctx, made)
}

var _ sdktrace.SpanProcessor = (*spans)(nil)

func (s *spans) shutdown(ctx context.Context) error { return s.exporter.Shutdown(ctx) }

func (s *spans) add(e *proxy.Event) {
	switch {
	case e.Type == proxy.EventNote:
	case e.Ref != "":
		s.ref(e)
	case e.Type == proxy.EventDecision && e.Verdict == proxy.Deny:
		s.exchange(nil, e, e.Time, e.Time)
	case e.Type == proxy.EventDecision:
		s.begin(e)
	default:
		d := s.open[e.ID]
		delete(s.open, e.ID)
		s.exchange(d, e, e.Time.Add(-e.Duration), e.Time)
	}
}

// begin keeps a decision until its end comes.
func (s *spans) begin(e *proxy.Event) {
	s.open[e.ID] = e
	s.order = append(s.order, e.ID)
	for len(s.open) > maxOpen {
		s.unfinished(s.order[0], e.Time)
		s.order = s.order[1:]
	}
	if len(s.order) > 2*maxOpen {
		kept := make([]string, 0, len(s.open))
		for _, id := range s.order {
			if s.open[id] != nil {
				kept = append(kept, id)
			}
		}
		s.order = kept
	}
}

// unfinished is the span of an exchange without an end.
func (s *spans) unfinished(id string, now time.Time) {
	if d := s.open[id]; d != nil {
		delete(s.open, id)
		s.exchange(d, nil, d.Time, now)
	}
}

func (s *spans) rest() {
	for _, id := range s.order {
		s.unfinished(id, time.Now())
	}
	s.order = nil
}

// exchange makes a span of what is known of an exchange: its decision, its end, or both.
// What was denied was answered here, so it is a server's; the others were sent on.
func (s *spans) exchange(decision, end *proxy.Event, from, to time.Time) {
	about, answered := decision, end != nil && end.Type == proxy.EventDecision
	if about == nil {
		about = end
	}
	kind := trace.SpanKindClient
	if answered {
		kind = trace.SpanKindServer
	}
	ctx := context.WithValue(context.Background(), idsKey{}, exchangeOf(s.bottle, about.ID))
	_, span := s.tracer.Start(ctx, name(about), trace.WithSpanKind(kind), trace.WithTimestamp(from), trace.WithAttributes(attributesOf(about, end)...))
	finish(span, about, end, answered, to)
}

// ref makes a span of what was decided of one ref of a push, below that of the exchange.
func (s *spans) ref(e *proxy.Event) {
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), exchangeOf(s.bottle, e.ID))
	_, span := s.tracer.Start(ctx, "git push", trace.WithTimestamp(e.Time), trace.WithAttributes(attributesOf(e, e)...))
	finish(span, e, e, true, e.Time)
}

// finish ends a span with what came of it. A client's has failed from 400 on, a server's
// from 500 on (semantic conventions, HTTP spans).
func finish(span trace.Span, about, end *proxy.Event, answered bool, at time.Time) {
	last := end
	if last == nil {
		last = about
	}
	for i := range last.Findings {
		f := &last.Findings[i]
		span.AddEvent("bottle.finding", trace.WithTimestamp(at), trace.WithAttributes(
			attribute.String("bottle.finding.rule", f.Rule), attribute.String("bottle.finding.where", f.Where),
			attribute.String("bottle.finding.confidence", f.Confidence), attribute.String("bottle.finding.action", f.Action)))
	}
	switch {
	case last.Error != "":
		span.SetStatus(codes.Error, valid(last.Error))
	case last.Status >= 500, last.Status >= 400 && !answered, last.Verdict == proxy.Deny && !answered:
		span.SetStatus(codes.Error, valid(last.Reason))
	}
	span.End(trace.WithTimestamp(at))
}
