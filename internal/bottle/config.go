package bottle

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

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
		RecordBodies:  m.RecordBodies,
	}, c, nil
}

// checkOptions is how secrets are looked at before anything is made: with what earlier
// bottles have noted of their logins, if there were any.
func checkOptions(env state.Env) secret.Options {
	dir, err := env.StateDir()
	if err != nil {
		dir = "" // who makes it says why it cannot be
	}
	return secret.Options{LockDir: dir}
}

// warnAnew puts what secrets warn of into the log, without what was said just before: a
// login that cannot be renewed yet says so at each request.
func warnAnew(log *slog.Logger) func(string) {
	var mu sync.Mutex
	last := ""
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if text != last {
			log.Warn(text)
		}
		last = text
	}
}
