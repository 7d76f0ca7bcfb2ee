package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

func (a *app) policyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Ask what the manifest's routes would do",
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.policyCheckCmd(), a.presetsCmd())
	return cmd
}

func (a *app) policyCheckCmd() *cobra.Command {
	var method, name string
	cmd := &cobra.Command{
		Use:   "check URL|REF [REF]",
		Short: "Print the verdict for a request, the rule that decides, and the routes that lose",
		Long: `Print what happens to a request: the verdict, the rule that decides with its
line in the manifest, and every other route of that host with why it loses.
Nothing is sent, and no name is resolved: one that leads to a private address is
refused when it is dialled. Of the URL of a repository under git: it says what git may
do there, and of a REF what a push may do to it. The exit code is 0 for allow, 1 for deny and ask.`,
		Example: "  bottle policy check https://api.github.com/user --method POST\n  bottle policy check git@github.com:org/repo main",
		Args:    cobra.RangeArgs(1, 2),

		ValidArgsFunction: a.completeWhy,
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := a.load(name)
			if err != nil {
				return err
			}
			if done, err := a.checkGit(m, args[0], second(args)); done || err != nil {
				return err
			}
			e, err := m.Explain(method, args[0])
			if err != nil {
				return err
			}
			a.sayUntrusted(m)
			if a.json {
				err = a.printJSON(e)
			} else if err = printExplanation(a.std.out, e); err == nil && e.Verdict != proxy.Allow && !a.quiet {
				fmt.Fprintln(a.std.err, "\"bottle why\" with the same arguments has the route that would allow it")
			}
			if err == nil && e.Verdict != proxy.Allow {
				err = &exitError{code: exitFound}
			}
			return err
		},
	}
	a.configFlag(cmd)
	cmd.Flags().StringVarP(&method, "method", "m", "GET", "HTTP method")
	cmd.Flags().StringVar(&name, "bottle", "", "variant of the manifest (a key of bottles)")
	offer(cmd, "method", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
	offerBy(cmd, "bottle", a.completeVariants)
	return cmd
}

// sayUntrusted tells who asks about a manifest that nothing would run with yet.
func (a *app) sayUntrusted(m *manifest.Manifest) {
	dir, err := env.StateDir()
	if err != nil || a.quiet {
		return
	}
	if err := manifest.OpenTrust(dir).IsTrusted(m); errors.Is(err, manifest.ErrNotTrusted) {
		fmt.Fprintf(a.std.err, "not trusted yet, so this is not in force: bottle trust (%s)\n", escape.Text(err.Error()))
	}
}

func printExplanation(w io.Writer, e *manifest.Explanation) error {
	fmt.Fprintf(w, "%s  %s %s\n", e.Verdict, escape.Word(e.Method), escape.Text(e.URL))
	fmt.Fprintf(w, "rule: %s\n", escape.Text(e.Rule))
	for _, line := range []struct{ name, value string }{
		{"why", e.Reason},
		{"tls", notDefault(string(e.TLS), string(proxy.Intercept))},
		{"dialled instead", e.Upstream},
		{"secrets", strings.Join(e.Secrets, ", ")},
	} {
		if line.value != "" {
			fmt.Fprintf(w, "%s: %s\n", line.name, escape.Text(line.value))
		}
	}
	for _, n := range e.Notes {
		fmt.Fprintf(w, "mind: %s\n", escape.Text(n))
	}
	if len(e.Losers) == 0 {
		return nil
	}
	fmt.Fprintln(w, "routes that lose:")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range e.Losers {
		fmt.Fprintf(tw, "  %s\t%s %s\t%s\n", escape.Text(l.Source), l.Action, escape.Host(l.Host), escape.Text(l.Why))
	}
	return tw.Flush()
}

func notDefault(value, def string) string {
	if value == def {
		return ""
	}
	return value
}
