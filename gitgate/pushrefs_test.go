package gitgate

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// Only a report that says of all refs that they were taken is a yes.
func TestWhetherTheServerTookAPush(t *testing.T) {
	id := oid.SHA1.From(bytes.Repeat([]byte{1}, oid.SHA1.Size()))
	push := func(caps ...string) *pktline.Push {
		return &pktline.Push{Commands: []pktline.Command{{New: id, Ref: "refs/heads/a"}, {New: id, Ref: "refs/heads/b"}}, Capabilities: caps}
	}
	ok := pktline.Report{Refs: []pktline.RefStatus{{Ref: "refs/heads/a"}, {Ref: "refs/heads/b"}}}
	for name, c := range map[string]struct {
		push   *pktline.Push
		report pktline.Report
		text   string
		want   bool
	}{
		"all":            {push("report-status"), ok, "", true},
		"all, in a band": {push("report-status", "side-band-64k"), ok, "see here\n", true},
		"one not":        {push("report-status"), pktline.Report{Refs: []pktline.RefStatus{{Ref: "refs/heads/a"}, {Ref: "refs/heads/b", Reason: "hook declined"}}}, "", false},
		"one unsaid":     {push("report-status"), pktline.Report{Refs: ok.Refs[:1]}, "", false},
		"no pack":        {push("report-status"), pktline.Report{Unpack: "disk full", Refs: ok.Refs}, "", false},
		"no report":      {push("side-band-64k"), ok, "", false},
		"too long":       {push("report-status", "side-band-64k"), ok, strings.Repeat("x", maxReport), false},
	} {
		var got reportBuffer
		for b := c.push.Answer(c.report, c.text); len(b) > 0; b = b[min(7, len(b)):] { // in pieces
			_, _ = got.Write(b[:min(7, len(b))])
		}
		if got.tookAll(c.push) != c.want {
			t.Errorf("%s: it is taken for %v", name, !c.want)
		}
	}
}

// However many refs a push has, what is written is bounded, and those that broke a
// rule are written first.
func TestEventsOfAPushAreBounded(t *testing.T) {
	id := oid.SHA1.From(bytes.Repeat([]byte{1}, oid.SHA1.Size()))
	p := &pushVisit{push: &pktline.Push{}}
	for i := range 10 * maxRefEvents {
		p.push.Commands = append(p.push.Commands, pktline.Command{New: id, Ref: fmt.Sprintf("refs/heads/%d", i)})
	}
	last := p.push.Commands[len(p.push.Commands)-1].Ref
	told, rest := p.toldRefs(func(c pktline.Command) bool { return c.Ref == last })
	if len(told) != maxRefEvents || len(rest) != 9*maxRefEvents || told[0].Ref != last {
		t.Errorf("%d are told, the first is %s, and %d are not", len(told), told[0].Ref, len(rest))
	}
	if told, rest = p.toldRefs(func(pktline.Command) bool { return true }); len(told) != maxRefEvents || len(rest) != 9*maxRefEvents {
		t.Errorf("of broken rules %d are told", len(told))
	}
	p.push.Commands = p.push.Commands[:maxRefEvents]
	if told, rest = p.toldRefs(nil); len(told) != maxRefEvents || len(rest) != 0 {
		t.Errorf("of few %d are told", len(told))
	}
}
