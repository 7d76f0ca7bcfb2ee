package demo

import (
	"fmt"
	"io"

	"github.com/bot-bottle/bottle/internal/escape"
)

// maxText bounds what is shown of one line, in columns.
const maxText = 240

// Write prints the report for a person.
func (r *Report) Write(w io.Writer) error {
	for i, s := range r.Scenes {
		if _, err := fmt.Fprintf(w, "%d. %s\n", i+1, s.Title); err != nil {
			return err
		}
		for _, l := range s.Lines {
			if _, err := fmt.Fprintf(w, "   %-15s %s\n", l.Who, escape.TextMax(l.What, maxText)); err != nil {
				return err
			}
		}
		for _, v := range s.verdicts() {
			if _, err := fmt.Fprintf(w, "   => %s\n", v); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}

// verdicts are what is wrong, or the summary of what is right.
func (s *Scene) verdicts() (list []string) {
	for _, b := range s.Broken {
		list = append(list, "NOT AS PROMISED: "+escape.TextMax(b, maxText))
	}
	if len(list) == 0 {
		list = []string{s.Summary}
	}
	return list
}
