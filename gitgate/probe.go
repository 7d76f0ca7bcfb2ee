package gitgate

import (
	"context"
	"fmt"
	"strings"

	"github.com/bot-bottle/bottle/proxy"
)

// CanPush asks the server of a repository for what begins a push, and returns why it
// would take none with the credential that there is, or nil. Rules are not asked, and
// nothing is pushed: a server can still refuse a ref.
func (g *Gate) CanPush(ctx context.Context, c *proxy.GateCall, path string) error {
	h := g.hosts[c.Host]
	if h == nil || h.repos[strings.TrimSuffix(path, ".git")] == nil {
		return fmt.Errorf("%s/%s is none of the gate's repositories", c.Host, path)
	}
	body, err := h.upstream.advertise(ctx, c, path, receivePack, "")
	if err != nil {
		v := &visit{g: g, host: h, call: c, ctx: ctx}
		return fmt.Errorf("%s", c.Redact(v.upstreamRefusal(err).text))
	}
	return body.Close()
}
