package bottle

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// proxyConfig makes what a proxy runs on from a manifest. Secrets are resolved
// here, for the first time.
func proxyConfig(ctx context.Context, m *manifest.Manifest, key secret.Key, opts secret.Options) (proxy.Config, *credentials, error) {
	c, err := resolve(ctx, m, key, opts)
	if err != nil {
		return proxy.Config{}, nil, err
	}
	roots, err := upstreamRoots(m.Egress.UpstreamCA)
	if err != nil {
		return proxy.Config{}, nil, err
	}
	return proxy.Config{
		Policy:        m.Egress.Policy,
		Scan:          dlp.Options{Known: c.known},
		DLP:           m.DLP,
		Secrets:       c.secrets,
		RootCAs:       roots,
		UpstreamProxy: c.upstreamProxy,
		AskTimeout:    m.Egress.AskTimeout,
	}, c, nil
}

// upstreamRoots are the system's roots and those of the files. The bottle's
// own CA is never among them: nobody outside could show a leaf of it.
func upstreamRoots(files []string) (*x509.CertPool, error) {
	if len(files) == 0 {
		return nil, nil // the system's
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, name := range files {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("egress.upstream_ca: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("egress.upstream_ca: %s holds no PEM certificate", name)
		}
	}
	return pool, nil
}
