package bottle

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// narrow applies a manifest that gives no more than what is in force, while what
// was agreed to is not trusted any more: the yes was revoked, or a script that
// prints a secret has changed. What takes away needs nothing of what the manifest
// names, so nothing of that is run or read: what stays goes on with the
// credentials that it has.
func (r *reloader) narrow(ctx context.Context, m *manifest.Manifest) error {
	yes, err := r.presentYes(m)
	if err != nil {
		return err
	}
	cfg := r.inForce
	cfg.Policy, cfg.DLP, cfg.AskTimeout = m.Egress.Policy, m.DLP, m.Egress.AskTimeout
	cfg.Budgets, cfg.RecordBodies = m.Budgets, m.RecordBodies
	cfg.Scan.Custom = m.Scan.Custom
	if gate, ok := cfg.Gate.(*gitgate.Gate); ok {
		cfg.Gate = narrowGate(gate, m)
	}
	used := injectedSecrets(m)
	cfg.Secrets = slices.DeleteFunc(slices.Clone(cfg.Secrets), func(s proxy.Secret) bool { return !used[s.Name] })
	if !slices.Equal(m.Egress.UpstreamCA, r.current.Egress.UpstreamCA) {
		// Which roots of the pool came from which file is not kept, and a file may
		// be another by now: all of them go.
		ours, err := ownCertificates(filepath.Join(r.user.stateDir, caDir))
		if err != nil {
			return err
		}
		if cfg.RootCAs, err = r.user.roots.upstreamRoots(nil, ours); err != nil {
			return err
		}
	}
	now := cfg
	now.KeepValues = true
	if err := r.put(ctx, m, now); err != nil {
		return err
	}
	r.inForce, r.spent = cfg, yes
	return nil
}
