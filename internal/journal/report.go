package journal

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bot-bottle/bottle/internal/escape"
)

// ErrBroken is returned by LogsVerify for a journal with problems.
var ErrBroken = errors.New("the journal is broken")

// LogsVerify is `bottle logs verify`: it verifies a journal, against heads that
// were kept elsewhere too, and writes the report to w. The error is ErrBroken
// when there are problems.
func LogsVerify(w io.Writer, dir string, asJSON bool, kept ...Head) error {
	r, err := Verify(dir, kept...)
	if err != nil {
		return err
	}
	write := r.Write
	if asJSON {
		write = r.WriteJSON
	}
	if err := write(w); err != nil {
		return err
	}
	if !r.OK {
		return ErrBroken
	}
	return nil
}

// WriteJSON writes the report as a JSON object.
func (r *Report) WriteJSON(w io.Writer) error { return writeJSON(w, r, "  ") }

// Write writes the report for a person.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	state := "whole"
	if !r.OK {
		state = fmt.Sprintf("BROKEN, %s", count(uint64(len(r.Problems)+r.More), "problem"))
	}
	fmt.Fprintf(&b, "journal %s: %s\n", escape.Text(r.Dir), state)
	fmt.Fprintf(&b, "%s in %s\n", count(r.Lines, "line"), count(uint64(r.Segments), "segment"))
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %-12s %s%s\n", p.Kind, where(p.Segment, p.Line), escape.TextMax(p.Text, reasonColumns))
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.More)
	}
	if len(r.Repairs) > 0 {
		b.WriteString("what the journal says about itself:\n")
	}
	for _, n := range r.Repairs {
		fmt.Fprintf(&b, "  %s%s\n", where(n.Segment, n.Line), escape.TextMax(n.Text, reasonColumns))
	}
	if r.MoreRepairs > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.MoreRepairs)
	}
	if r.OK && r.Head.Count > 0 {
		fmt.Fprintf(&b, "head %s\n", r.Head)
		b.WriteString("This shows that the lines belong together. Somebody with the rights of the user\n" +
			"that writes the journal could have written another that does too: keep the head\n" +
			"elsewhere to be able to tell.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func where(segment string, line int) string {
	switch {
	case segment == "":
		return ""
	case line == 0:
		return segment + ": "
	}
	return fmt.Sprintf("%s:%d: ", segment, line)
}

func count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
