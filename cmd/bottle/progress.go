package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/bot-bottle/bottle/internal/escape"
)

// progress shows on one line of a terminal what is going on, once it takes
// longer than a moment. Elsewhere it prints nothing.
type progress struct {
	mu      sync.Mutex
	out     *os.File // nil for no terminal
	begun   time.Time
	visible bool
}

// patience is how long something may take before it is mentioned.
const patience = time.Second

func (a *app) progress() *progress {
	f := file(a.std.err)
	if a.quiet || f == nil || !term.IsTerminal(int(f.Fd())) {
		f = nil
	}
	return &progress{out: f, begun: time.Now()}
}

func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil || time.Since(p.begun) < patience {
		return
	}
	p.visible = true
	fmt.Fprintf(p.out, "\r\x1b[K%s", escape.TextMax(text, 78))
}

// done clears the line. It may be called more than once.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.visible {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.visible, p.begun = false, time.Now()
}
