package gitgate

import (
	"bytes"
	"fmt"

	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/proxy"
)

// maxRefEvents is how many refs of one push have an event of their own. A push may
// have 4096, and its client would decide how much is written for it.
const maxRefEvents = 64

// toldRefs are the commands that have an event of their own, those that first holds
// for among them, and the rest.
func (p *pushVisit) toldRefs(first func(pktline.Command) bool) (told, rest []pktline.Command) {
	if len(p.push.Commands) <= maxRefEvents {
		return p.push.Commands, nil
	}
	for _, c := range p.push.Commands {
		if first != nil && first(c) && len(told) < maxRefEvents {
			told = append(told, c)
		} else {
			rest = append(rest, c)
		}
	}
	n := maxRefEvents - len(told)
	return append(told, rest[:n]...), rest[n:]
}

// restEvent is the one event of all other refs.
func (p *pushVisit) restEvent(rest []pktline.Command) proxy.Event {
	created, deleted := 0, 0
	for _, c := range rest {
		switch {
		case c.Create():
			created++
		case c.Delete():
			deleted++
		}
	}
	e := p.pushEvent()
	e.Reason = fmt.Sprintf("%d more refs of this push: %d to create, %d to change, %d to delete", len(rest), created, len(rest)-created-deleted, deleted)
	return e
}

// maxReport bounds what of a server's answer is kept to be understood, in bytes.
const maxReport = 1 << 20

// reportBuffer keeps an answer to a push. One that is longer is kept not at all.
type reportBuffer struct {
	b    bytes.Buffer
	over bool
}

func (r *reportBuffer) Write(p []byte) (int, error) {
	if r.over = r.over || r.b.Len()+len(p) > maxReport; r.over {
		r.b = bytes.Buffer{}
		return len(p), nil
	}
	return r.b.Write(p)
}

// tookAll says whether the answer is that of a server which took all of a push. What
// is not said, as to a client that asked for no report, is no yes.
func (r *reportBuffer) tookAll(push *pktline.Push) bool {
	packets := pktline.NewReader(&r.b)
	if push.Capabilities.Has("side-band-64k") {
		packets = pktline.NewReader(pktline.NewDemux(packets, nil))
	}
	report, err := pktline.ReadReport(packets)
	if r.over || err != nil || report.Unpack != "" || len(report.Refs) != len(push.Commands) {
		return false
	}
	for _, s := range report.Refs {
		if s.Reason != "" {
			return false
		}
	}
	return true
}
