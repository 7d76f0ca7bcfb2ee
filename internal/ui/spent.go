package ui

import (
	"context"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// spentMsg says what was sent and used, and how the limits stand.
type spentMsg proxy.Spent

// spentTime is how often the view asks for it.
const spentTime = 2 * time.Second

// feedSpent sends it until the bottle gives no answer, of which the questions tell.
func feedSpent(ctx context.Context, c *control.Client, send func(any)) {
	turn := time.NewTicker(spentTime)
	defer turn.Stop()
	for {
		var s proxy.Spent
		if c.Call(ctx, supervise.OpSpent, nil, &s) != nil {
			return
		}
		send(spentMsg(s))
		select {
		case <-turn.C:
		case <-ctx.Done():
			return
		}
	}
}

// maxShownModels is how many models have a line.
const maxShownModels = 3

// spentLines say what models took, and how the limits stand; one that is near is
// marked.
func (m *model) spentLines() (lines []string) {
	for i := range min(len(m.spent.Models), maxShownModels) {
		lines = append(lines, escape.TextMax(m.spent.Models[i].String(), 200))
	}
	var parts []string
	for _, l := range m.spent.Limits {
		text := escape.TextMax(l.String(), 100)
		switch {
		case l.Near():
			parts = append(parts, red.Render("! "+text))
		case l.Name != "requests_per_minute": // of no interest while it is far
			parts = append(parts, text)
		}
	}
	if len(parts) > 0 {
		lines = append(lines, strings.Join(parts, "  "))
	}
	return lines
}
