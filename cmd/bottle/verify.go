package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/verify"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/smolvm"
)

func (a *app) verifyCmd() *cobra.Command {
	var inner, victim bool
	var backend, image string
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
			return a.verify(cmd.Context(), backend, image)
		},
	}
	cmd.Flags().StringVar(&backend, "backend", a.backend().Name(), "what the bottle is made of: sandbox or smolvm")
	cmd.Flags().StringVar(&image, "image", "", "what a virtual machine is made of, as image of a manifest: a path or a reference")
	offer(cmd, "backend", "sandbox", "smolvm")
	cmd.Flags().BoolVar(&inner, "inner", false, "")
	cmd.Flags().BoolVar(&victim, "victim", false, "")
	for _, f := range []string{"inner", "victim"} {
		_ = cmd.Flags().MarkHidden(f)
	}
	return cmd
}

func (a *app) verify(ctx context.Context, name, image string) (err error) {
	backends := a.backends()
	i := slices.IndexFunc(backends, func(b vm.Backend) bool { return b.Name() == name })
	if i < 0 {
		return fmt.Errorf("--backend %s: want sandbox or smolvm", escape.Text(name))
	}
	if m, ok := backends[i].(*smolvm.Backend); ok { // said here, before an image is made for it
		if err := m.Installed(ctx); err != nil {
			return err
		}
	}
	// The manifest of that bottle lies in a folder of its own.
	if _, err := os.Stat(image); err == nil {
		if image, err = filepath.Abs(image); err != nil {
			return err
		}
	}
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
		Outside: outside(self), Inside: verify.InBottle(backends[i], image, self, bar.show),
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
