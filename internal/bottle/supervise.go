package bottle

import (
	"net/http"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// superviseHosts is the virtual host that tells the agent what it may do; none when
// the manifest does not want it.
func superviseHosts(m *manifest.Manifest, r *reloader, record state.Bottle, version string, desk *supervise.Desk, counts func() map[string]int64) map[string]http.Handler {
	if !m.Supervise {
		return map[string]http.Handler{}
	}
	return map[string]http.Handler{supervise.Host: supervise.Handler(supervise.Options{
		Bottle: record.ID, Version: version, Started: record.Created, Manifest: r.manifest, Counts: counts, Desk: desk,
		Spent: func() proxy.Spent { return r.server.Spent(record.ID) },
	})}
}
