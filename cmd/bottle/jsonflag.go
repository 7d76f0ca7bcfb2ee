package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// withoutJSON are the commands that print no data, by their path. Where only a
// flag makes it data, it is named.
var withoutJSON = map[string]string{
	"bottle up":   "dry-run",
	"bottle exec": "", "bottle ui": "", "bottle shell": "", "bottle help": "", "bottle man": "",
	"bottle completion bash": "", "bottle completion fish": "", "bottle completion powershell": "", "bottle completion zsh": "",
}

// checkJSON refuses --json where it would change nothing: who asks for it reads
// the output by a program.
func (a *app) checkJSON(cmd *cobra.Command) error {
	only, is := withoutJSON[cmd.CommandPath()]
	if !a.json || !is {
		return nil
	}
	if only == "" {
		return fmt.Errorf("%s prints no data, so it takes no --json: its exit code says what happened", cmd.CommandPath())
	}
	if f := cmd.Flags().Lookup(only); f != nil && f.Changed && f.Value.String() == "true" {
		return nil
	}
	return fmt.Errorf("%s prints no data, so it takes --json only with --%s", cmd.CommandPath(), only)
}
