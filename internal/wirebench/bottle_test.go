package wirebench

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
)

// The hosts of the measurements.
const (
	apiHost   = "api.bench.test"   // with all the secrets, so its answers are redacted
	plainHost = "plain.bench.test" // without any
	rawHost   = "raw.bench.test"   // passthrough
	newHosts  = "hosts.bench.test" // what is below
)

const (
	secretCount = 20
	routeCount  = 50
)

// writeManifest makes a manifest with everything on, and what more says.
func writeManifest(s setup, more string) string {
	var b strings.Builder
	b.WriteString("version: 1\n" + more + "env: {BENCH_TOKEN: \"${secret:s00}\"}\nbudgets: {requests_per_minute: 0}\negress:\n  upstream_ca: [" + s.CA + "]\n  routes:\n")
	names := make([]string, secretCount)
	for i := range names {
		names[i] = fmt.Sprintf("s%02d", i)
	}
	to := fmt.Sprintf("private: true, upstream: %q", s.Upstream)
	fmt.Fprintf(&b, "    - {host: %s, %s, secrets: [%s]}\n", apiHost, to, strings.Join(names, ", "))
	fmt.Fprintf(&b, "    - {host: %s, %s}\n    - {host: \"*.%s\", %s}\n", plainHost, to, newHosts, to)
	fmt.Fprintf(&b, "    - {host: %s, %s, tls: passthrough}\n", rawHost, to)
	for i := range routeCount - 4 {
		fmt.Fprintf(&b, "    - {host: h%d.example.com, methods: [GET, POST], paths: [\"/v1/**\"]}\n", i)
	}
	b.WriteString("secrets:\n")
	for _, n := range names {
		fmt.Fprintf(&b, "  %s: {from: {env: BENCH_%s}}\n", n, strings.ToUpper(n))
	}
	return b.String()
}

// bottleProxy is `bottle proxy` with that manifest.
func bottleProxy(s setup, more string) (where, func() error, error) {
	for i := range secretCount {
		os.Setenv(fmt.Sprintf("BENCH_S%02d", i), fmt.Sprintf("acme-%02dJq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa", i))
	}
	text := writeManifest(s, more)
	file := filepath.Join(s.Dir, manifest.FileName)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return where{}, nil, err
	}
	m, err := manifest.Load(manifest.Options{File: file, Dir: s.Dir, Environ: []string{"HOME=" + s.Dir}})
	if err != nil {
		return where{}, nil, err
	}
	if budgets := m.Budgets; budgets.RequestsPerMinute+budgets.BytesOut+budgets.PerHost+budgets.ModelTokens > 0 || budgets.ModelCost > 0 {
		// The short form would pass below limits that the whole one comes to.
		return where{}, nil, fmt.Errorf("a budget would end the measurement: %+v", budgets)
	}
	env := state.Within(s.Dir)
	stateDir, err := env.MakeStateDir()
	if err != nil {
		return where{}, nil, err
	}
	trust := manifest.OpenTrust(stateDir)
	if err := trust.Trust(m); err != nil {
		return where{}, nil, err
	}
	p, _, err := bottle.NewStandalone(context.Background(), bottle.StandaloneOptions{Manifest: m, Trust: trust, Env: env, Listen: "127.0.0.1:0"})
	if err != nil {
		return where{}, nil, err
	}
	u, err := url.Parse(p.URL())
	if err != nil {
		return where{}, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx) }()
	stop := func() error {
		cancel()
		return <-served
	}
	return where{Addr: u.Host, User: u.User.String(), Vars: p.Vars(), Config: text}, stop, nil
}
