package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// forClients is what clients of a server need: as data, and as the text that is printed.
type forClients func(*bottle.Standalone) (standaloneOutput, string)

// standalone has a command serve a manifest's policy to agents that run elsewhere. The
// flags are those that all such commands have.
func (a *app) standalone(cmd *cobra.Command, opt *bottle.StandaloneOptions, listens string, clients forClients) {
	var name string
	var yes bool
	a.configFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&opt.Listen, "listen", "l", "127.0.0.1:0", listens)
	f.BoolVarP(&yes, "yes", "y", false, "trust the manifest without asking")
	f.StringVar(&name, "bottle", "", "variant of the manifest (a key of bottles)")
	offer(cmd, "listen", "127.0.0.1:0", "unix:")
	offerBy(cmd, "bottle", a.completeVariants)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		opt.Reload = func() (*manifest.Manifest, error) { return a.load(name) }
		if opt.Manifest, err = opt.Reload(); err != nil {
			return err
		}
		if opt.Trust, err = a.trusted(cmd.Context(), opt.Manifest, yes); err != nil {
			return err
		}
		a.sayNoManifest(opt.Manifest)
		opt.Env, opt.Log, opt.Version, opt.Desktop = env, a.logger(), readBuild().Version, a.desktop()
		return a.serve(cmd.Context(), *opt, clients)
	}
}

// sayNoManifest tells who forgot the manifest why everything will be denied.
func (a *app) sayNoManifest(m *manifest.Manifest) {
	if m.Project == nil && len(m.Egress.Routes)+len(m.Git) == 0 && m.Egress.Default == proxy.Deny {
		fmt.Fprintln(a.std.err, "warning: there is no bottle.yaml here or in a folder above, so every request is denied: \"bottle init\" writes one, -f names one")
	}
}

func (a *app) serve(ctx context.Context, opt bottle.StandaloneOptions, clients forClients) error {
	s, warnings, err := bottle.NewStandalone(ctx, opt)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintf(a.std.err, "warning: %s\n", escape.Text(w))
	}
	data, text := clients(s)
	if a.json {
		data.ID, data.Listen, data.Journal = s.ID(), s.Addr(), s.JournalDir()
		err = a.printJSON(data)
	} else {
		_, err = io.WriteString(a.std.out, text)
	}
	if err != nil {
		// Nobody knows of it, so nobody would use it.
		return errors.Join(fmt.Errorf("print what clients need: %w", err), s.Abandon())
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: %s listens on %s; what it decides: bottle logs -f %s\n", s.ID(), escape.Text(s.Addr()), s.ID())
	}
	return s.Serve(ctx)
}
