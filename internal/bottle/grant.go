package bottle

import (
	"context"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// manifest is what is in force, with what was granted. It may be called at any
// time.
func (r *reloader) manifest() *manifest.Manifest { return r.view.Load() }

// put gives the proxy what m says, as cfg, and what was granted. A grant that
// cannot stand beside the routes of a new manifest is gone: a person agreed to
// those.
func (r *reloader) put(ctx context.Context, m *manifest.Manifest, cfg proxy.Config) error {
	with, _ := m.With(r.grants)
	cfg.Policy = with.Egress.Policy
	gate, err := grantGate(cfg.Gate, with, r.grants)
	if err != nil {
		return err
	}
	cfg.Gate = gate
	if err := r.server.Reload(ctx, cfg); err != nil {
		return err
	}
	r.view.Store(with)
	if r.changed != nil {
		r.changed()
	}
	return nil
}

// grant adds a route, or what of a push, until the bottle ends.
func (r *reloader) grant(ctx context.Context, g manifest.Grant) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.grantLocked(ctx, g)
}

func (r *reloader) grantLocked(ctx context.Context, g manifest.Grant) error {
	return r.setGrants(ctx, append(r.grants[:len(r.grants):len(r.grants)], g))
}

// setGrants has other grants in force. The caller holds r.mu.
func (r *reloader) setGrants(ctx context.Context, grants []manifest.Grant) error {
	before := r.grants
	r.grants = grants
	cfg := r.inForce
	cfg.KeepValues = true // no secret of it is new
	err := r.put(ctx, r.current, cfg)
	if err != nil {
		r.grants = before
	}
	return err
}

// grantAlways writes it into the project's manifest, and trusts that as it is
// then: the person who answers agreed to all else in it before.
func (r *reloader) grantAlways(ctx context.Context, g manifest.Grant, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.trust.AddRoute(r.load, g, id); err != nil {
		return err
	}
	// The change of the file is taken up a moment later; who waits need not.
	return r.grantLocked(ctx, g)
}
