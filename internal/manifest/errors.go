package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/escape"
)

// maxErrors bounds how many mistakes of one manifest are reported.
const maxErrors = 100

// Error is one mistake in a manifest.
type Error struct {
	// File is the path of the file as it is shown, or what else the value came
	// from: "environment variable BOTTLE_AGENT", "--agent". Line and Column
	// count from 1 in a file and are 0 elsewhere. Column counts characters.
	File         string
	Line, Column int
	// Key is the path of the key, such as egress.routes[0].host; "" when the
	// file as a whole is meant.
	Key string
	// Message says what is wrong and what is accepted.
	Message string
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(escape.Text(e.File))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(escape.Text(e.Key) + ": ")
	}
	return b.String() + e.Message
}

// Errors are all mistakes that were found, by file, line and column. It is what
// the errors of Load and Check are or wrap whenever a file is to blame.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// problems collects mistakes, each once.
type problems struct {
	list Errors
	seen map[Error]bool
	more bool
}

func (p *problems) add(e Error) {
	if p.seen[e] {
		return
	}
	if len(p.list) >= maxErrors {
		p.more = true
		return
	}
	if p.seen == nil {
		p.seen = map[Error]bool{}
	}
	p.seen[e] = true
	p.list = append(p.list, &e)
}

// at reports a mistake at a node, or at a key below it that is not there.
func (p *problems) at(n *node, below, format string, args ...any) {
	p.add(Error{File: n.src.shown, Line: n.line, Column: n.col, Key: joinKey(n.path, below), Message: fmt.Sprintf(format, args...)})
}

// err returns nil when there is nothing to report.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b *Error) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if p.more {
		last := *p.list[len(p.list)-1]
		last.Key, last.Message = "", "there are more mistakes; these are the first"
		return append(p.list, &last)
	}
	return p.list
}

// merge takes over the Errors in err, and returns what else it is.
func (p *problems) merge(err error) error {
	var list Errors
	if !errors.As(err, &list) {
		return err
	}
	for _, e := range list {
		p.add(*e)
	}
	return nil
}
