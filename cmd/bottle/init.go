package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/scaffold"
)

func (a *app) initCmd() *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a bottle.yaml for the project in this folder",
		Long: `Look at the project in this folder (its remotes, package managers and .env files)
and at this host (agents, logins, keys), and write a bottle.yaml that says what was
found and why. Nothing is executed, no value of a credential is written, and a
bottle.yaml that is there stays.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return a.init(show) },
	}
	cmd.Flags().BoolVar(&show, "dry-run", false, "print it, and write nothing")
	return cmd
}

func (a *app) init(show bool) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	text := scaffold.Propose(dir, scaffold.ThisHost())
	if show && a.json {
		return a.printJSON(initOutput{Manifest: text})
	}
	if show {
		_, err := a.std.out.Write([]byte(text))
		return err
	}
	path := filepath.Join(dir, manifest.FileName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a %s here already, which stays: \"bottle init --dry-run\" prints what would be written", manifest.FileName)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // half of one would stay as if it were the person's
		return err
	}
	if a.json {
		return a.printJSON(initOutput{Path: path, Manifest: text})
	}
	up := "bottle up"
	if strings.Contains(text, "\nagent: generic\n") {
		up = "bottle up -- COMMAND" // of no agent there is a command
	}
	fmt.Fprintf(a.std.err, "%s was written: look at it, then \"bottle trust\", and %q\n", path, up)
	return nil
}
