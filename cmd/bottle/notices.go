package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// notices is where what packages tell the operator goes: stderr, but for the
// time in which an agent has the terminal. A line in the middle of its screen
// would garble it, and in raw mode not even begin at the left.
type notices struct {
	w io.Writer

	mu   sync.Mutex
	held *bytes.Buffer // nil when nothing is held
	lost int           // writes that had no room
	over int           // questions that were not told, for they end with what holds
}

// maxHeld bounds what is kept while an agent has the terminal, in bytes. The
// journal has what was decided meanwhile in any case.
const maxHeld = 64 << 10

// Write implements io.Writer. A write is whole lines.
func (n *notices) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.held == nil:
		return n.w.Write(p)
	case n.held.Len()+len(p) > maxHeld:
		n.lost++
		return len(p), nil
	}
	return n.held.Write(p)
}

// question tells of a question, if it can be answered at once. When what is held is
// told it cannot be any more.
func (n *notices) question(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held == nil {
		return n.w.Write(p)
	}
	n.over++
	return len(p), nil
}

// hold keeps what is written until release.
func (n *notices) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = &bytes.Buffer{}
}

// release writes what was held, and what comes from now on at once.
func (n *notices) release() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held == nil {
		return nil
	}
	if n.lost > 0 {
		fmt.Fprintf(n.held, "bottle: warnings that found no room here: %d\n", n.lost)
	}
	if n.over > 0 {
		fmt.Fprintf(n.held, "bottle: questions that were asked meanwhile: %d; none waits any more, and \"bottle logs\" has what came of each\n", n.over)
	}
	_, err := n.held.WriteTo(n.w)
	n.held, n.lost, n.over = nil, 0, 0
	return err
}
