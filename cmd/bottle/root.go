package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

// app is what the subcommands share: the streams and the common flags.
type app struct {
	std     stdio
	config  string
	json    bool
	quiet   bool
	verbose bool
	notices *notices
	shown   bool     // the summary of the manifest
	removed []string // the bottles that down removed
}

func newRoot(std stdio) *cobra.Command {
	a := &app{std: std, notices: &notices{w: std.err}}
	root := &cobra.Command{
		Use:   "bottle",
		Short: "A machine of its own for a coding agent, without credentials and without an open network",
		Long: `bottle runs a command or a coding agent in a sandbox of its own. The only ways out
are bottle's proxy and its git gate: default-deny routes, TLS interception, a scan of
what leaves for secrets, and credentials that are put in where the agent only has
placeholders. The agent can ask you for more. A journal says what happened.

Begin with "bottle demo"; in a project "bottle init" writes a bottle.yaml, "bottle
trust" shows what it grants, and "bottle up -- COMMAND" runs in a bottle.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	onlyCommands(root)
	root.SetFlagErrorFunc(flagError)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print data as JSON")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print no progress and no summary, only warnings")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "say more about what happens")
	root.MarkFlagsMutuallyExclusive("quiet", "verbose")
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Bottles:"},
		&cobra.Group{ID: "policy", Title: "Policy and evidence:"},
		&cobra.Group{ID: "host", Title: "This host:"},
	)
	for _, c := range []struct {
		group    string
		commands []*cobra.Command
	}{
		{"run", []*cobra.Command{a.upCmd(), a.execCmd(), a.shellCmd(), a.lsCmd(), a.pullCmd(), a.diffCmd(), a.downCmd(), a.proxyCmd(), a.gateCmd()}},
		{"policy", []*cobra.Command{a.uiCmd(), a.askCmd(), a.approveCmd(), a.denyCmd(), a.policyCmd(), a.trustCmd(), a.logsCmd(), a.whyCmd(), a.learnCmd(), a.scanCmd(), a.verifyCmd(), a.demoCmd()}},
		{"host", []*cobra.Command{a.initCmd(), a.doctorCmd(), a.caCmd(), a.manCmd(), a.versionCmd()}},
	} {
		for _, cmd := range c.commands {
			cmd.GroupID = c.group
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("host")
	addCompletion(root, "host")
	strictHelp(root)
	usageErrors(root)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := flagsTogether(cmd); err != nil {
			return err
		}
		return a.checkJSON(cmd)
	}
	return root
}

// printJSONLine writes one value on one line, for data that goes on.
func (a *app) printJSONLine(v any) error {
	e := json.NewEncoder(a.std.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printJSON writes one value, indented, as the data of a command.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.std.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
