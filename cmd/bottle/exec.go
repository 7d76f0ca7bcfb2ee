package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/vm"
)

func (a *app) execCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "exec [ID|NAME] -- COMMAND [ARG…]",
		Short: "Run a command in a running bottle",
		Long: `Run a command in a bottle that runs, with the same environment and behind the
same proxy as the agent. In a subfolder of the workspace it starts in that. The
exit code is the command's.`,
		Example:           "  bottle exec -- git status\n  bottle exec claude-7kq2m -- env",
		ValidArgsFunction: completeBottles(1, true),
		RunE: func(cmd *cobra.Command, args []string) error {
			d := cmd.ArgsLenAtDash()
			if d < 0 || d == len(args) {
				return errors.New("a command goes behind --, as in \"bottle exec -- git status\"")
			}
			if d > 1 {
				return errors.New("one bottle at most stands before --, as in \"bottle exec ID -- git status\"")
			}
			return a.exec(cmd.Context(), args[:d], args[d:])
		},
	}
}

func (a *app) shellCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "shell [ID|NAME]",
		Short: "Open a shell in a running bottle",
		Args:  cobra.MaximumNArgs(1),

		ValidArgsFunction: completeBottles(1, true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.exec(cmd.Context(), args, []string{"/bin/sh", "-c", `exec "${SHELL:-/bin/sh}" -l`})
		},
	}
}

// exec runs a command in the foreground of this terminal.
func (a *app) exec(ctx context.Context, ref, command []string) error {
	c, err := a.dial(ctx, ref)
	if err != nil {
		return err
	}
	cmd := vm.Command{Args: command, Dir: startDir(c.Info().Workspace)}
	if t := os.Getenv("TERM"); t != "" {
		cmd.Env = map[string]string{"TERM": t}
	}
	code, err := a.foreground(ctx, c, cmd)
	if err == nil && code != 0 {
		err = &exitError{code: code}
	}
	return err
}
