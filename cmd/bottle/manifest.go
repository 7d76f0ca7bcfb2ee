package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
)

// env is where bottle keeps its files.
var env state.Env

// configFlag lets a command that reads a manifest be told which. It is not a
// flag of all commands: logs follows with -f, as people expect.
func (a *app) configFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.config, "config", "f", "", "manifest to use (default: bottle.yaml here or in a folder above)")
	offerBy(cmd, "config", cobra.FixedCompletions([]cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt))
}

// load reads the manifest for a name on the command line, with the flags that
// override it.
func (a *app) load(name string, flags ...manifest.Override) (*manifest.Manifest, error) {
	m, err := manifest.Load(manifest.Options{File: a.config, Name: name, Flags: flags, RuleIDs: dlp.RuleIDs()})
	if errors.Is(err, manifest.ErrNoManifest) {
		return nil, fmt.Errorf("%w; \"bottle init\" writes one, -f names one", err)
	}
	return m, err
}
