package bottle

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/proxy"
)

// user is what belongs to the person and not to one bottle.
type user struct {
	stateDir string
	key      secret.Key // of the placeholders
	roots    rootStore
}

// loadUser reads the user's state, and makes it the first time.
func loadUser(env state.Env) (*user, error) {
	dir, err := env.MakeStateDir()
	if err != nil {
		return nil, err
	}
	key, err := secret.LoadKey(dir)
	if err != nil {
		return nil, err
	}
	return &user{stateDir: dir, key: key}, nil
}

// emptyDir makes the folder that the commands of secrets run in. No mount may
// show the state folder, so no agent writes there.
func (u *user) emptyDir() (string, error) {
	dir := filepath.Join(u.stateDir, "empty")
	if err := os.Mkdir(dir, 0o500); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
}

// proxyConfig makes what a proxy runs on from a manifest. Secrets are resolved
// here, for the first time.
func (u *user) proxyConfig(ctx context.Context, m *manifest.Manifest, opts secret.Options) (proxy.Config, *credentials, error) {
	ours, err := ownCertificates(filepath.Join(u.stateDir, caDir))
	if err != nil {
		return proxy.Config{}, nil, err
	}
	roots, err := u.roots.upstreamRoots(m.Egress.UpstreamCA, ours)
	if err != nil {
		return proxy.Config{}, nil, err
	}
	if opts.Dir, err = u.emptyDir(); err != nil {
		return proxy.Config{}, nil, err
	}
	if opts.Environ == nil {
		folders := hostFolders(m)
		opts.Environ = func() []string { return commandEnviron(folders) }
	}
	opts.LockDir = u.stateDir
	c, err := resolve(ctx, m, u.key, opts, roots)
	if err != nil {
		return proxy.Config{}, nil, err
	}
	gate, err := newGate(m, c)
	if err != nil {
		return proxy.Config{}, nil, err
	}
	return proxy.Config{
		Gate:          gate,
		Policy:        m.Egress.Policy,
		Scan:          dlp.Options{Known: c.known, Custom: m.Scan.Custom},
		DLP:           m.DLP,
		Secrets:       c.secrets,
		Canned:        c.canned,
		RootCAs:       roots,
		UpstreamProxy: c.upstreamProxy,
		AskTimeout:    m.Egress.AskTimeout,
		Budgets:       m.Budgets,
	}, c, nil
}
