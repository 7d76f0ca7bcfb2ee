package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

const (
	maxQueue = 2048 // events that wait
	maxBatch = 512  // events that are exported at a time
)

// sink makes of events what is exported. One goroutine uses it.
type sink interface {
	add(e *proxy.Event)
	// rest adds what waits for a later event, which will not come.
	rest()
	// export sends what was added, and forgets it however that ends.
	export(ctx context.Context) error
	shutdown(ctx context.Context) error
}

// pipe brings events to a sink, as fast as that takes them.
type pipe struct {
	name   string
	sink   sink
	log    *slog.Logger
	queue  chan *proxy.Event
	quit   chan struct{} // closed by close
	done   chan struct{} // closed when the last batch is exported
	ctx    context.Context
	cancel context.CancelFunc

	dropped atomic.Int64
	trouble atomic.Pointer[string] // why the last batch was not exported
	said    time.Time              // when the log was told last
	told    int64                  // how many were dropped by then
}

func newPipe(name string, s sink, log *slog.Logger) *pipe {
	p := &pipe{name: name, sink: s, log: log, queue: make(chan *proxy.Event, maxQueue), quit: make(chan struct{}), done: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	go p.run()
	return p
}

// put queues an event, or drops it.
func (p *pipe) put(e *proxy.Event) {
	select {
	case p.queue <- e:
	default:
		p.dropped.Add(1)
	}
}

func (p *pipe) run() {
	defer close(p.done)
	turn := time.NewTicker(batchTime)
	defer turn.Stop()
	n := 0
	for {
		var full bool
		select {
		case e := <-p.queue:
			p.sink.add(e)
			n++
			full = n == maxBatch
		case <-turn.C:
			full = n > 0
		case <-p.quit:
			p.last(n)
			return
		}
		if full {
			p.export(n)
			n = 0
			if time.Since(p.said) >= sayTime {
				p.say()
			}
		}
	}
}

// last exports all that is there.
func (p *pipe) last(n int) {
	for {
		select {
		case e := <-p.queue:
			p.sink.add(e)
			if n++; n == maxBatch {
				p.export(n)
				n = 0
			}
			continue
		default:
		}
		p.sink.rest()
		p.export(n)
		p.say()
		return
	}
}

// export exports a batch, of so many events.
func (p *pipe) export(n int) {
	err := p.sink.export(p.ctx)
	if err == nil {
		p.trouble.Store(nil)
		return
	}
	lost := int64(n)
	if partial := partialError(0); errors.As(err, &partial) {
		lost = min(lost, int64(partial))
	}
	why := reason(err)
	p.trouble.Store(&why)
	p.dropped.Add(lost)
}

// say tells the operator what was dropped since it was told before.
func (p *pipe) say() {
	n := p.dropped.Load()
	if n == p.told {
		return
	}
	p.said, p.told = time.Now(), n
	why := "the collector takes them too slowly"
	if w := p.trouble.Load(); w != nil {
		why = *w
	}
	p.log.Warn(fmt.Sprintf("OpenTelemetry: %s of %d events so far were not exported: %s. The journal has them. Look at the OTEL_EXPORTER_OTLP_ variables, and start again if they are wrong", p.name, n, why))
}

// close exports what waits until ctx is done.
func (p *pipe) close(ctx context.Context) {
	stop := context.AfterFunc(ctx, p.cancel)
	defer stop()
	close(p.quit)
	<-p.done
	_ = p.sink.shutdown(ctx) // nothing is left to be sent
	p.cancel()
}

// clone copies an event as far as its maker may still change it.
func clone(e *proxy.Event) *proxy.Event {
	c := *e
	c.Findings, c.Secrets, c.Inert = slices.Clone(e.Findings), slices.Clone(e.Secrets), slices.Clone(e.Inert)
	if e.Usage != nil {
		u := *e.Usage
		c.Usage = &u
	}
	return &c
}
