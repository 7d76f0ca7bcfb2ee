package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/shellword"
)

func (a *app) gateCmd() *cobra.Command {
	opt := bottle.StandaloneOptions{Gate: true}
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
	}
	a.standalone(cmd, &opt, "a loopback ADDR:PORT or unix:PATH; port 0 picks a free one", func(s *bottle.Standalone) (standaloneOutput, string) {
		return standaloneOutput{GitConfig: s.GitConfig()}, s.GitConfig() + a.gateHint(s.Addr())
	})
	return cmd
}

// gateHint says in comments how git comes to a unix socket.
func (a *app) gateHint(addr string) string {
	path, isUnix := strings.CutPrefix(addr, "unix:")
	if !isUnix || a.quiet || escape.Text(path) != path {
		return ""
	}
	return "# git cannot open a unix socket. Where the client runs, a relay on port 80 leads there:\n#   socat TCP-LISTEN:80,bind=127.0.0.1,fork " + shellword.Quote("UNIX-CONNECT:"+socatQuote(path)) + "\n"
}
