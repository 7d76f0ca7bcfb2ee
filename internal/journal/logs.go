package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
)

// LogsOptions are those of `bottle logs`.
type LogsOptions struct {
	Filter
	Follow   bool           // go on until the context is done
	JSON     bool           // one object a line, as in the journal
	Location *time.Location // of the times shown; nil for the local one
}

// Logs writes a journal to w, a line for each event, as [Line] shows them or as
// JSON objects that are safe to show as they are. A line that cannot be read is
// named in its place (in JSON as an object of the type "unreadable"), and in the
// end the error says how many there were.
func Logs(ctx context.Context, w io.Writer, dir string, o LogsOptions) error {
	out := bufio.NewWriter(w)
	entries := Read(dir, o.Filter)
	if o.Follow {
		entries = Follow(ctx, dir, o.Filter)
	}
	unreadable := 0
	for e, err := range entries {
		var bad *LineError
		switch {
		case ctx.Err() != nil && o.Follow: // that is how it ends
			return out.Flush()
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), out.Flush())
		case errors.As(err, &bad):
			unreadable++
			err = o.writeBad(out, bad)
		case err != nil:
			return errors.Join(fmt.Errorf("reading the journal %s: %w", dir, err), out.Flush())
		default:
			err = o.write(out, &e)
		}
		// What comes seldom is shown when it is found: the next one may be gigabytes away.
		if err == nil && (o.Follow || o.narrow()) {
			err = out.Flush()
		}
		if err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if unreadable > 0 {
		return fmt.Errorf("%d lines of the journal %s cannot be read: `bottle logs verify` says more", unreadable, dir)
	}
	return nil
}

func (o *LogsOptions) write(w *bufio.Writer, e *Entry) error {
	if o.JSON {
		return writeJSON(w, e, "")
	}
	loc := o.Location
	if loc == nil {
		loc = time.Local
	}
	e.Time = e.Time.In(loc)
	_, err := w.WriteString(Line(&e.Event) + "\n")
	return err
}

func (o *LogsOptions) writeBad(w *bufio.Writer, bad *LineError) error {
	if o.JSON {
		return writeJSON(w, map[string]any{"type": "unreadable", "segment": bad.Segment, "line": bad.Line, "error": bad.Err.Error()}, "")
	}
	_, err := w.WriteString("?? " + escape.TextMax(bad.Error(), reasonColumns) + "\n")
	return err
}

// writeJSON writes a value in which every rune that a terminal would not show is
// escaped.
func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escape.JSON(nil, b.Bytes()))
	return err
}
