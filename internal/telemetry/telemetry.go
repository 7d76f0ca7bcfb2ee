// Package telemetry exports what a journal gets to an OpenTelemetry collector, by OTLP
// over HTTP, where the environment names one: an exchange is a span, and each event a
// log record of the same trace. It exports what is in the journal and nothing else, so no
// secret's value and no header is in it.
//
// A collector is waited for by nobody. Events wait for it in a queue of maxQueue; what
// comes while that is full is dropped, counted, and said.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/bot-bottle/bottle/proxy"
)

// Options of New.
type Options struct {
	Bottle  string // its id
	Version string // of this program
	// Getenv is the environment; the resource is read from that of the process.
	Getenv func(string) string
	Log    *slog.Logger
}

// Exporter exports events. A nil one exports nothing. Its methods may be called from any
// goroutine.
type Exporter struct {
	pipes []*pipe
}

// New makes an exporter of what the environment asks for; nil when it asks for nothing.
// What of it cannot be done is said to the log and left out: an agent does not have to
// wait until its telemetry is right.
func New(ctx context.Context, o Options) *Exporter {
	set, problems := settingsOf(o.Getenv)
	for _, p := range problems {
		o.Log.Warn("OpenTelemetry: " + p)
	}
	if set.traces == nil && set.logs == nil {
		return nil
	}
	// What the library says by itself holds values of the environment. What matters is
	// said here.
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))

	x, res := &Exporter{}, resourceOf(ctx, o)
	if set.traces != nil {
		x.pipes = append(x.pipes, newPipe("spans", newSpans(o.Bottle, res, otlptrace.NewUnstarted(set.traces)), o.Log))
	}
	if set.logs != nil {
		x.pipes = append(x.pipes, newPipe("logs", newLogs(o.Bottle, res, set.logs), o.Log))
	}
	return x
}

// resourceOf is what all that is exported has; the environment has the last word.
func resourceOf(ctx context.Context, o Options) *resource.Resource {
	res, _ := resource.New(ctx, resource.WithTelemetrySDK(), // what of the environment cannot be read is left out
		resource.WithAttributes(semconv.ServiceName("bottle"), semconv.ServiceVersion(o.Version), semconv.ServiceInstanceID(o.Bottle), attribute.String("bottle.id", o.Bottle)),
		resource.WithFromEnv())
	return res
}

// Record takes an event. It waits for nothing.
func (x *Exporter) Record(e *proxy.Event) {
	if x == nil {
		return
	}
	c := clone(e)
	for _, p := range x.pipes {
		p.put(c)
	}
}

// Close exports what waits, for closeTime at most.
func (x *Exporter) Close() error {
	if x == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	var all sync.WaitGroup
	for _, p := range x.pipes {
		all.Go(func() { p.close(ctx) })
	}
	all.Wait()
	return nil
}

// Trouble says what cannot be exported, "" when all is well.
func (x *Exporter) Trouble() string {
	if x == nil {
		return ""
	}
	for _, p := range x.pipes {
		if why := p.trouble.Load(); why != nil {
			return fmt.Sprintf("%s cannot be exported by OpenTelemetry, %d events were dropped so far; the journal has them: %s", p.name, p.dropped.Load(), *why)
		}
	}
	return ""
}

// The times of exporting.
const (
	batchTime  = time.Second      // how long events wait for more
	exportTime = 10 * time.Second // of one batch, with all attempts
	closeTime  = 3 * time.Second  // of all that waits in the end
	sayTime    = time.Minute      // between two lines about the same
)
