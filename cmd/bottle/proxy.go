package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/shellword"
)

func (a *app) proxyCmd() *cobra.Command {
	opt := bottle.StandaloneOptions{}
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
	}
	cmd.Flags().BoolVar(&opt.NoAuth, "no-auth", false, "ask for no password (on a loopback address only)")
	a.standalone(cmd, &opt, "ADDR:PORT or unix:PATH; port 0 picks a free one", func(s *bottle.Standalone) (standaloneOutput, string) {
		return standaloneOutput{Proxy: s.URL(), Env: s.Vars()}, exports(s.Vars()) + a.hints(s)
	})
	return cmd
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
		return a.elsewhere(s) + "# Node heeds NODE_USE_ENV_PROXY from 22.21 on and from 24.5 on; in an older one a program needs a proxy setting of its own.\n"
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

// elsewhere says what a client on another host needs: the variables name files of
// this one.
func (a *app) elsewhere(s *bottle.Standalone) string {
	if !s.Open() {
		return ""
	}
	return `# The files that the variables name are on this host. A client on another one needs the
# certificate: copy what "bottle ca export" prints there, and let SSL_CERT_FILE,
# NODE_EXTRA_CA_CERTS and the others name the copy.
`
}

// socatQuote takes their meaning from the characters that divide an address.
func socatQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`, "!", `\!`, `"`, `\"`, "'", `\'`, "(", `\(`, "[", `\[`, "{", `\{`).Replace(path)
}
