package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
)

func (a *app) proxyCmd() *cobra.Command {
	var listen, name string
	var noAuth, yes bool
	cmd := &cobra.Command{
		Use:   "proxy",
		Short: "Serve the egress proxy alone, for agents that run elsewhere",
		Long: `Serve the manifest's policy to clients that run elsewhere, and print the
variables that they need as shell commands: eval "$(cat FILE)" or paste them.

On TCP a random password is part of the printed HTTPS_PROXY. A unix socket needs
none: only you can open it. Clients trust the proxy by the printed CA variables;
"bottle ca install" puts the same CA into this host's trust stores instead.`,
		Example: "  bottle proxy --listen 127.0.0.1:0\n  bottle proxy -f bottle.yaml --listen unix:/run/user/1000/agent.sock",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			load := func() (*manifest.Manifest, error) { return a.load(name) }
			m, err := load()
			if err != nil {
				return err
			}
			trust, err := a.trusted(cmd.Context(), m, yes)
			if err != nil {
				return err
			}
			return a.serveProxy(cmd.Context(), bottle.StandaloneOptions{Manifest: m, Trust: trust, Env: env, Listen: listen, NoAuth: noAuth, Reload: load, Log: a.logger(), Version: readBuild().Version})
		},
	}
	a.configFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&listen, "listen", "l", "127.0.0.1:0", "ADDR:PORT or unix:PATH; port 0 picks a free one")
	f.BoolVar(&noAuth, "no-auth", false, "ask for no password (on a loopback address only)")
	f.BoolVarP(&yes, "yes", "y", false, "trust the manifest without asking")
	f.StringVar(&name, "bottle", "", "variant of the manifest (a key of bottles)")
	offer(cmd, "listen", "127.0.0.1:0", "unix:")
	offerBy(cmd, "bottle", a.completeVariants)
	return cmd
}

func (a *app) serveProxy(ctx context.Context, opt bottle.StandaloneOptions) error {
	s, warnings, err := bottle.NewStandalone(ctx, opt)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintf(a.std.err, "warning: %s\n", escape.Text(w))
	}
	if a.json {
		err = a.printJSON(map[string]any{"id": s.ID(), "listen": s.Addr(), "proxy": s.URL(), "env": s.Vars(), "journal": s.JournalDir()})
	} else {
		err = printExports(a, s)
	}
	if err != nil {
		return err
	}
	return s.Serve(ctx)
}

func printExports(a *app, s *bottle.Standalone) error {
	vars := s.Vars()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if _, err := fmt.Fprintf(a.std.out, "export %s=%s\n", name, shellQuote(vars[name])); err != nil {
			return err
		}
	}
	if a.quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.std.err, "bottle: %s listens on %s; what it decides: bottle logs -f %s\n", s.ID(), s.Addr(), s.ID())
	return err
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
