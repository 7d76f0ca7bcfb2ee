package main

import (
	"github.com/spf13/cobra"
)

// strictHelp makes "bottle help WORD" an error where there is no such command.
// Cobra's own shows the help of what is above it, and ends well.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.RunE = func(_ *cobra.Command, args []string) error { return helpOn(root, args) }
		}
	}
}

func helpOn(cmd *cobra.Command, words []string) error {
	for _, word := range words {
		next := child(cmd, word)
		if next == nil {
			return &exitError{code: exitFound, err: unknownCommand(cmd, word)}
		}
		cmd = next
	}
	cmd.InitDefaultHelpFlag() // so that it is listed
	return cmd.Help()
}

func child(cmd *cobra.Command, word string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == word || c.HasAlias(word) {
			return c
		}
	}
	return nil
}
