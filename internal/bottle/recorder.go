package bottle

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/metrics"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/internal/telemetry"
	"github.com/bot-bottle/bottle/proxy"
)

// recorder writes the journal and counts what it writes, for the views.
type recorder struct {
	*journal.Writer
	allowed, denied atomic.Int64
	manifest        atomic.Pointer[manifestNote]
	trouble         atomic.Pointer[string]    // why the journal took the last event not; nil when it did
	metrics         *metrics.Metrics          // nil for none; set before the proxy serves
	telemetry       *telemetry.Exporter       // nil for none; set before the proxy serves
	inForce         func() *manifest.Manifest // set before there is somebody to read notes
}

// manifestNote is how a changed manifest stands to what is in force.
type manifestNote struct {
	waits     string // why it is not in force; "" when it is
	newBottle string // its keys that only a new bottle has
}

// manifestIs notes how the manifest stands to what is in force.
func (r *recorder) manifestIs(n manifestNote) { r.manifest.Store(&n) }

// Record implements proxy.Recorder.
func (r *recorder) Record(ctx context.Context, e *proxy.Event) error {
	if err := r.Writer.Record(ctx, e); err != nil {
		if why := err.Error(); ctx.Err() == nil {
			r.trouble.Store(&why)
		}
		return err
	}
	r.trouble.Store(nil)
	allowed, denied := tally(e)
	r.allowed.Add(allowed)
	r.denied.Add(denied)
	if r.metrics != nil {
		r.metrics.Record(e)
	}
	r.telemetry.Record(e)
	return nil
}

// serveMetrics serves what the journal gets from now on as numbers, where the
// manifest says so.
func (r *recorder) serveMetrics(ctx context.Context, m *manifest.Manifest, record state.Bottle, version string, desk *supervise.Desk) error {
	if m.Metrics == "" {
		return nil
	}
	r.metrics = metrics.New(record.ID, version, func() int { return len(desk.List()) })
	return r.metrics.Listen(ctx, m.Metrics)
}

// export exports what the journal gets from now on, where the environment says so.
func (r *recorder) export(ctx context.Context, record state.Bottle, version string, log *slog.Logger) {
	r.telemetry = telemetry.New(ctx, telemetry.Options{Bottle: record.ID, Version: version, Getenv: os.Getenv, Log: log})
}

// Close ends the writing, the serving of metrics, and the export. The journal comes
// first: it waits for nobody.
func (r *recorder) Close() error {
	return errors.Join(r.metrics.Close(), r.Writer.Close(), r.telemetry.Close())
}

// tally says what an event adds to the counts.
func tally(e *proxy.Event) (allowed, denied int64) {
	switch {
	case e.Type == proxy.EventDecision && e.Verdict == proxy.Deny:
		return 0, 1
	case e.Type == proxy.EventDecision:
		return 1, 0
	case e.Type == proxy.EventEnd && e.Verdict == proxy.Deny: // stopped while it streamed
		return 0, 1
	}
	return 0, 0
}

// The names of the counts.
const (
	CountAllowed = "allowed"
	CountDenied  = "denied"
	// CountWaits is 1 while the manifest has changed and is not in force.
	CountWaits = "manifest_waits"
)

// The names of the notes.
const (
	// NoteWaits says why a changed manifest is not in force.
	NoteWaits = "manifest_waits"
	// NoteNewBottle has the keys of the manifest that need a new bottle.
	NoteNewBottle = "needs_new_bottle"
	// NoteBodies says that bodies are being recorded.
	NoteBodies = "records_bodies"
	// NoteJournal says why the journal cannot be written, while it cannot.
	NoteJournal = "journal"
	// NoteTelemetry says what cannot be exported, while it cannot.
	NoteTelemetry = "telemetry"
)

// maxNote bounds a note, in bytes.
const maxNote = 16 << 10

func (r *recorder) counts() map[string]int64 {
	waits := int64(0)
	if n := r.manifest.Load(); n != nil && n.waits != "" {
		waits = 1
	}
	return map[string]int64{CountAllowed: r.allowed.Load(), CountDenied: r.denied.Load(), CountWaits: waits}
}

func (r *recorder) notes() map[string]string {
	texts := map[string]string{NoteTelemetry: r.telemetry.Trouble()}
	if n := r.manifest.Load(); n != nil {
		texts[NoteWaits], texts[NoteNewBottle] = n.waits, n.newBottle
	}
	if why := r.trouble.Load(); why != nil {
		texts[NoteJournal] = "the journal cannot be written, and what is not recorded is denied; it goes on by itself when it can: " + *why
	}
	if r.inForce != nil && r.inForce().RecordBodies {
		texts[NoteBodies] = "record.bodies is true: " + manifest.RecordText
	}
	for name, text := range texts {
		switch {
		case text == "":
			delete(texts, name)
		case len(text) > maxNote:
			texts[name] = strings.ToValidUTF8(text[:maxNote], "") + "…"
		}
	}
	return texts
}

// Counts reads the counts of a bottle that has ended from its journal in dir,
// of most lines at the most; whole says that there are no more. Lines that
// cannot be read are passed over.
func Counts(dir string, most int) (counts map[string]int64, whole bool, err error) {
	counts = map[string]int64{}
	var bad *journal.LineError
	for e, err := range journal.Read(dir, journal.Filter{}) {
		switch {
		case most == 0:
			return counts, false, nil
		case err != nil && !errors.As(err, &bad):
			return nil, false, err
		case err == nil:
			allowed, denied := tally(&e.Event)
			counts[CountAllowed] += allowed
			counts[CountDenied] += denied
		}
		most--
	}
	return counts, true, nil
}

func openJournal(dir string) (*recorder, error) {
	w, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return nil, err
	}
	return &recorder{Writer: w}, nil
}
