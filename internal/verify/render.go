package verify

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/bot-bottle/bottle/internal/escape"
)

// Write prints the report as a table for a person.
func (r *Report) Write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	counts := map[Outcome]int{}
	for _, row := range r.Rows {
		counts[row.Outcome]++
		if _, err := fmt.Fprintf(tw, "%s\t%s\t%s\n", row.Outcome, row.Attack, escape.TextMax(row.Detail, 90)); err != nil {
			return err
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	verdict := "Contained: no attack from inside reached its target."
	if counts[Fail] > 0 {
		verdict = "NOT CONTAINED: see the rows that say fail."
	}
	_, err := fmt.Fprintf(w, "\n%d passed, %d failed, %d untested. %s\n", counts[Pass], counts[Fail], counts[Untested], verdict)
	return err
}
