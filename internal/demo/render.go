package demo

import (
	"fmt"
	"io"

	"github.com/bot-bottle/bottle/internal/escape"
)

// Write prints the report for a person.
func (r *Report) Write(w io.Writer) error {
	for i, s := range r.Scenes {
		if _, err := fmt.Fprintf(w, "%d. %s\n", i+1, s.Title); err != nil {
			return err
		}
		for _, l := range s.Lines {
			if _, err := fmt.Fprintf(w, "   %-15s %s\n", l.Who, escape.TextMax(l.What, 160)); err != nil {
				return err
			}
		}
		verdict := "=> " + s.Summary
		for _, b := range s.Broken {
			verdict = "=> NOT AS PROMISED: " + escape.Text(b)
			if _, err := fmt.Fprintf(w, "   %s\n", verdict); err != nil {
				return err
			}
		}
		if len(s.Broken) == 0 {
			if _, err := fmt.Fprintf(w, "   %s\n", verdict); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}
