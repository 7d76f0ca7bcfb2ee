package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/desktop"
	"github.com/bot-bottle/bottle/internal/escape"
)

// logger writes what packages want the operator to know: one line each, for a
// person, on stderr. Warnings are there with -q as well: a leak is worth a line to
// everybody.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(&lineHandler{out: a.notices, level: level})
}

// desktop is where the person is told of questions.
func (a *app) desktop() *desktop.Notifier {
	return desktop.New(runtime.GOOS, os.Getenv, a.logger())
}

// lineHandler prints "bottle: warning: MESSAGE (NAME: VALUE, …)". Names and
// values may come from an agent, so they are escaped.
type lineHandler struct {
	out   io.Writer // takes whole lines, from any goroutine
	level slog.Level
	attrs []slog.Attr
}

func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lineHandler{out: h.out, level: h.level, attrs: append(append([]slog.Attr(nil), h.attrs...), attrs...)}
}

// WithGroup drops the group: nothing here uses one.
func (h *lineHandler) WithGroup(string) slog.Handler { return h }

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString("bottle: ")
	if r.Level >= slog.LevelWarn {
		b.WriteString(map[bool]string{true: "error: ", false: "warning: "}[r.Level >= slog.LevelError])
	}
	b.WriteString(escape.Text(r.Message))
	sep := " ("
	question := false
	add := func(a slog.Attr) bool {
		if a.Equal(bottle.QuestionAttr) {
			question = true
			return true
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, escape.Text(a.Key), escape.Text(a.Value.Resolve().String()))
		sep = ", "
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	if sep == ", " {
		b.WriteByte(')')
	}
	b.WriteByte('\n')
	if n, ok := h.out.(*notices); ok && question {
		_, err := n.question([]byte(b.String()))
		return err
	}
	_, err := io.WriteString(h.out, b.String())
	return err
}
