package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/verify"
)

func (a *app) verifyCmd() *cobra.Command {
	var inner, victim bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove from both sides that a bottle holds",
		Long: `Plant canaries on this host (listeners, a file in your home folder, a process, a
key, …), show that each can be reached from outside, then attack them from inside
a bottle. Contained means that the canary saw nothing. The exit code is 0 when no
attack came through, 1 otherwise.

A row is "untested" when the attack does not work on this host to begin with.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case inner:
				return verify.Inner(cmd.Context(), a.std.in, a.std.out)
			case victim:
				return verify.Victim(a.std.in, a.std.out)
			}
			return a.verify(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&inner, "inner", false, "")
	cmd.Flags().BoolVar(&victim, "victim", false, "")
	for _, f := range []string{"inner", "victim"} {
		_ = cmd.Flags().MarkHidden(f)
	}
	return cmd
}

func (a *app) verify(ctx context.Context) (err error) {
	self, err := program()
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	bar := a.progress()
	defer bar.done()
	report, err := verify.Run(ctx, verify.Options{
		Outside: outside(self), Inside: verify.InBottle(a.backend(), self, bar.show),
		Home: home, DeniedURL: verify.MetadataURL, Progress: bar.show,
	})
	if err != nil {
		return err
	}
	bar.done()
	if a.json {
		err = a.printJSON(report)
	} else {
		err = report.Write(a.std.out)
	}
	if err == nil && !report.Contained() {
		err = &exitError{code: exitFound}
	}
	return err
}

// program returns the path of this program, links resolved.
func program() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return self, nil
}

// outside runs the inner half on the host.
func outside(self string) verify.Runner {
	return func(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
		cmd := exec.CommandContext(ctx, self, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
		return cmd.Run()
	}
}
