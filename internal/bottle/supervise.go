package bottle

import (
	"context"
	"net/http"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// superviseHosts is the virtual host that tells the agent what it may do; none when
// the manifest does not want it.
func superviseHosts(m *manifest.Manifest, r *reloader, record state.Bottle, version string, counts func() map[string]int64) map[string]http.Handler {
	if !m.Supervise {
		return nil
	}
	return map[string]http.Handler{supervise.Host: supervise.Handler(supervise.Options{
		Bottle: record.ID, Version: version, Started: record.Created, Manifest: r.manifest, Counts: counts,
	})}
}

// manifest is what is in force. It may be called at any time.
func (r *reloader) manifest() *manifest.Manifest { return r.view.Load() }

// put gives the proxy what m says, as cfg.
func (r *reloader) put(ctx context.Context, m *manifest.Manifest, cfg proxy.Config) error {
	if err := r.server.Reload(ctx, cfg); err != nil {
		return err
	}
	r.view.Store(m)
	return nil
}
