package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/shellword"
)

func (a *app) gateCmd() *cobra.Command {
	var listen, name string
	var yes bool
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Serve the git gate alone, for agents that run elsewhere",
		Long: `Serve the repositories under git in the manifest to git clients that run
elsewhere, and print the gitconfig that they need.

The gate holds the credentials, and what is pushed is judged and scanned. On a
loopback address its URLs have a part that cannot be guessed. A unix socket needs
none: only you can open it.`,
		Example: "  bottle gate > gate.gitconfig &\n  git -c include.path=$PWD/gate.gitconfig clone https://github.com/org/repo",
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
			return a.serveGate(cmd.Context(), bottle.StandaloneOptions{Manifest: m, Trust: trust, Env: env, Listen: listen, Gate: true, Reload: load, Log: a.logger(), Version: readBuild().Version})
		},
	}
	a.configFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&listen, "listen", "l", "127.0.0.1:0", "a loopback ADDR:PORT or unix:PATH; port 0 picks a free one")
	f.BoolVarP(&yes, "yes", "y", false, "trust the manifest without asking")
	f.StringVar(&name, "bottle", "", "variant of the manifest (a key of bottles)")
	offer(cmd, "listen", "127.0.0.1:0", "unix:")
	offerBy(cmd, "bottle", a.completeVariants)
	return cmd
}

func (a *app) serveGate(ctx context.Context, opt bottle.StandaloneOptions) error {
	s, warnings, err := bottle.NewStandalone(ctx, opt)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintf(a.std.err, "warning: %s\n", escape.Text(w))
	}
	if a.json {
		err = a.printJSON(map[string]any{"id": s.ID(), "listen": s.Addr(), "gitconfig": s.GitConfig(), "journal": s.JournalDir()})
	} else {
		_, err = io.WriteString(a.std.out, s.GitConfig()+a.gateHint(s.Addr()))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("print what clients need: %w", err), s.Abandon())
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: %s listens on %s; what it decides: bottle logs -f %s\n", s.ID(), escape.Text(s.Addr()), s.ID())
	}
	return s.Serve(ctx)
}

// gateHint says in comments how git comes to a unix socket.
func (a *app) gateHint(addr string) string {
	path, isUnix := strings.CutPrefix(addr, "unix:")
	if !isUnix || a.quiet || escape.Text(path) != path {
		return ""
	}
	return "# git cannot open a unix socket. Where the client runs, a relay on port 80 leads there:\n#   socat TCP-LISTEN:80,bind=127.0.0.1,fork " + shellword.Quote("UNIX-CONNECT:"+socatQuote(path)) + "\n"
}
