package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/preset"
	"github.com/bot-bottle/bottle/proxy"
)

func (a *app) presetsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "presets",
		Short: "List the presets that use: can name, and their routes",
		Long: `List the named groups of routes that a manifest can take over by use: [NAME, …],
with the routes that each has on this host. The hosts of package managers are those
of their own configuration; one that names none has no routes. A secret with the
name of a preset is used on its routes.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			list := preset.List(preset.Host{Home: os.Getenv("HOME"), Getenv: os.Getenv})
			if a.json {
				return a.printJSON(list)
			}
			for _, p := range list {
				if err := a.printPreset(p); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *app) printPreset(p preset.Preset) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", p.Name, p.About)
	for _, r := range p.Routes {
		b.WriteString("  " + escape.Host(r.Host))
		for _, port := range r.Ports {
			fmt.Fprintf(&b, ":%d", port)
		}
		for _, l := range [][]string{r.Methods, r.Paths} {
			if len(l) > 0 {
				b.WriteString(" " + escape.Text(strings.Join(l, ", ")))
			}
		}
		if r.Action == proxy.Deny {
			b.WriteString(": denied")
		}
		b.WriteString("\n")
	}
	if len(p.Routes) == 0 {
		fmt.Fprintf(&b, "  (no registry is named on this host; looked at: %s)\n", escape.Text(strings.Join(p.From, ", ")))
	}
	_, err := a.std.out.Write([]byte(b.String()))
	return err
}
