package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
)

// addCompletion adds the command that prints scripts for shells. Cobra's own
// takes any word for a shell, and ends well.
func addCompletion(root *cobra.Command, group string) {
	root.SetCompletionCommandGroupID(group)
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			onlyCommands(c)
			c.DisableSuggestions = true // tcsh is not meant to be bash
		}
	}
}

// Shells show what these return; what is wrong is not theirs to tell, so it
// offers nothing.

// behindDash reports whether what is completed stands behind a "--". Cobra adds
// one of its own before it asks, so that ArgsLenAtDash does not tell.
func behindDash() bool { return slices.Contains(os.Args[:len(os.Args)-1], "--") }

// completeBottles offers the ids of bottles for the first most arguments that
// are not behind --; with most 0 for all. What a shell offers behind -- is its
// own.
func completeBottles(most int, alive bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
		if behindDash() {
			return nil, cobra.ShellCompDirectiveDefault
		}
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, _ := control.All(cmd.Context(), env)
		for _, b := range all {
			if (!alive || b.Status.Alive()) && !slices.Contains(args, b.ID) {
				list = append(list, cobra.CompletionWithDesc(b.ID, string(b.Status)+" "+escape.Text(b.Workspace)))
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeName offers what `bottle up NAME` takes.
func (a *app) completeName(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch {
	case behindDash():
		return nil, cobra.ShellCompDirectiveDefault
	case len(args) > 0:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, _ := a.completeVariants(cmd, args, "")
	for _, name := range agent.Names() {
		list = append(list, cobra.CompletionWithDesc(name, "agent"))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeVariants offers the keys of bottles.
func (a *app) completeVariants(*cobra.Command, []string, string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
	m, err := a.load("")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, name := range m.Variants {
		list = append(list, cobra.CompletionWithDesc(escape.Word(name), "variant"))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// offer completes the value of a flag with fixed ones; with none it keeps files
// from being offered.
func offer(cmd *cobra.Command, flag string, values ...string) {
	offerBy(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// offerBy completes the value of a flag. It panics for a flag that is not there.
func offerBy(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}
