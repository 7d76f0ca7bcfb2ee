package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

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
}

// load reads the manifest for a name on the command line, with the flags that
// override it.
func (a *app) load(name string, flags ...manifest.Override) (*manifest.Manifest, error) {
	m, err := manifest.Load(manifest.Options{File: a.config, Name: name, Flags: flags, RuleIDs: dlp.RuleIDs()})
	if errors.Is(err, manifest.ErrNoManifest) {
		return nil, fmt.Errorf("%w; write one, or name one with -f", err)
	}
	return m, err
}

// openTrust returns the list of trusted projects.
func openTrust() (*manifest.Trust, error) {
	dir, err := env.MakeStateDir()
	if err != nil {
		return nil, err
	}
	return manifest.OpenTrust(dir), nil
}

// trusted returns the list of trusted projects once the manifest is on it. On
// a terminal the person is asked; yes answers for them.
func (a *app) trusted(m *manifest.Manifest, yes bool) (*manifest.Trust, error) {
	t, err := openTrust()
	if err != nil {
		return nil, err
	}
	why := t.IsTrusted(m)
	switch {
	case why == nil:
		return t, nil
	case !errors.Is(why, manifest.ErrNotTrusted):
		return nil, why
	case yes:
		return t, t.Trust(m)
	}
	if !a.interactive() {
		return nil, fmt.Errorf("%w: look at it, then run \"bottle trust\" (or use --yes)", why)
	}
	fmt.Fprintf(a.std.err, "%v.\n\n", why)
	printSummary(a.std.err, m.Summary())
	if ok, err := a.confirm("Trust this manifest?"); err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("%s was not trusted, so nothing was done", m.Project.Path))
	}
	return t, t.Trust(m)
}

// interactive reports whether a person can be asked.
func (a *app) interactive() bool {
	errFile, ok := a.std.err.(*os.File)
	return ok && term.IsTerminal(int(a.std.in.Fd())) && term.IsTerminal(int(errFile.Fd()))
}

// confirm asks on stderr, so that stdout stays data. No is the default.
func (a *app) confirm(question string) (bool, error) {
	if _, err := fmt.Fprintf(a.std.err, "%s [y/N] ", question); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(a.std.in).ReadString('\n')
	if err != nil && line == "" {
		return false, nil // the end of input is a no
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}
