package ui

import (
	"context"
	"fmt"
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

// spentModels say what models took, and how many are not told of.
func spentModels(s *proxy.Spent) (lines []string) {
	for i := range min(len(s.Models), maxShownModels) {
		lines = append(lines, escape.TextMax(s.Models[i].String(), 200))
	}
	if more := len(s.Models) - maxShownModels; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d models more", more))
	}
	return lines
}

// spentLimits are those that are of interest: that of requests is not while it is far.
func spentLimits(s *proxy.Spent) (list []proxy.Limit) {
	for _, l := range s.Limits {
		if l.Near() || l.Name != "requests_per_minute" {
			list = append(list, l)
		}
	}
	return list
}

func limitText(l proxy.Limit) string { return escape.TextMax(l.String(), 100) }

// spentLines say what models took, and how the limits stand; one that is near is
// marked.
func (m *model) spentLines() (lines []string) {
	lines = spentModels(&m.spent)
	var parts []string
	for _, l := range spentLimits(&m.spent) {
		text := limitText(l)
		if l.Near() {
			text = red.Render("! " + text)
		}
		parts = append(parts, text)
	}
	if len(parts) > 0 {
		lines = append(lines, strings.Join(parts, "  "))
	}
	return lines
}
