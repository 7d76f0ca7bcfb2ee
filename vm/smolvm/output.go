package smolvm

import (
	"io"
	"strings"
	"sync"
)

// oneWriter is a writer for two that write at once.
type oneWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *oneWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// errorTail passes stderr on, without the note of a program of another name, and
// keeps its end, in which smolvm says what it could not do.
type errorTail struct {
	to io.Writer

	mu    sync.Mutex
	first []byte // the beginning, until it is known what it is
	past  bool
	kept  []byte
}

func (t *errorTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-maxErrorText):]
	if t.past {
		return len(p), t.pass(p)
	}
	t.first = append(t.first, p...)
	if couldBe := strings.HasPrefix(packNote, string(t.first)) || strings.HasPrefix(string(t.first), packNote) && !strings.Contains(string(t.first), "\n"); couldBe {
		return len(p), nil
	}
	return len(p), t.decide()
}

func (t *errorTail) decide() error {
	t.past = true
	first := clean1(string(t.first))
	t.first = nil
	return t.pass([]byte(first))
}

func clean1(text string) string {
	if !strings.HasPrefix(text, packNote) {
		return text
	}
	_, rest, _ := strings.Cut(text, "\n")
	return rest
}

func (t *errorTail) pass(p []byte) error {
	if t.to == nil || len(p) == 0 {
		return nil
	}
	_, err := t.to.Write(p)
	return err
}

func (t *errorTail) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.past {
		_ = t.decide()
	}
}

func (t *errorTail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
