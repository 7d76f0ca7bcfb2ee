package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/shellword"
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
		_, err = io.WriteString(a.std.out, exports(s.Vars())+a.hints(s))
	}
	if err != nil {
		// Nobody knows of it, so nobody would use it.
		return errors.Join(fmt.Errorf("print what clients need: %w", err), s.Abandon())
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: %s listens on %s; what it decides: bottle logs -f %s\n", s.ID(), escape.Text(s.Addr()), s.ID())
	}
	return s.Serve(ctx)
}

func exports(vars map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		fmt.Fprintf(&b, "export %s=%s\n", name, shellword.Quote(vars[name]))
	}
	return b.String()
}

// hints are what the variables do not do, as comments of a shell. They stand
// behind the exports, where one that is pasted wrongly hides nothing.
func (a *app) hints(s *bottle.Standalone) string {
	if a.quiet {
		return ""
	}
	path, isUnix := strings.CutPrefix(s.Addr(), "unix:")
	if !isUnix {
		return "# Node heeds NODE_USE_ENV_PROXY from 22.21 on and from 24.5 on; in an older one a program needs a proxy setting of its own.\n"
	}
	hint := `# No variable can name a unix socket, and curl and git cannot use one as a proxy. A
# program that dials by itself can: send CONNECT to the socket (in Go, a DialContext
# that opens it and any http:// URL as the Proxy). For all others use --listen 127.0.0.1:0,
# or open a port, which every user of this host can use then:
`
	if escape.Text(path) != path { // a comment must stay one line
		return hint + "#   with a relay such as socat\n"
	}
	return hint + "#   socat TCP-LISTEN:8080,bind=127.0.0.1,fork " + shellword.Quote("UNIX-CONNECT:"+socatQuote(path)) + `
#   export HTTPS_PROXY=http://127.0.0.1:8080 HTTP_PROXY=http://127.0.0.1:8080
`
}

// socatQuote takes their meaning from the characters that divide an address.
func socatQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`, "!", `\!`, `"`, `\"`, "'", `\'`, "(", `\(`, "[", `\[`, "{", `\{`).Replace(path)
}
