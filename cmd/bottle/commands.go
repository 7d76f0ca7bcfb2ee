package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// onlyCommands makes cmd what only has subcommands: alone it shows its help,
// with anything else it says what there is.
func onlyCommands(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownCommand(cmd, args[0])
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// usageErrors has each command below cmd say how it is used where the number of its
// arguments is wrong: cobra's own error tells the number alone.
func usageErrors(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		usageErrors(c)
	}
	check := cmd.Args
	if check == nil || cmd.HasSubCommands() && cmd.Name() != "logs" || cmd.Name() == "up" { // these say it themselves
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fmt.Errorf("%w: it is used as \"%s\", and \"%s --help\" says more", err, cmd.UseLine(), cmd.CommandPath())
		}
		return nil
	}
}

// flagError says where the flags of a command are listed.
func flagError(cmd *cobra.Command, err error) error {
	text := fmt.Sprintf("\"%s --help\" lists the flags", cmd.CommandPath())
	switch cmd.Name() {
	case "up":
		text += "; those of the agent or of a command go behind --, as in \"bottle up claude -- -p hi\""
	case "exec":
		text += "; those of the command go behind --, as in \"bottle exec -- ls -l\""
	}
	var num *strconv.NumError
	if errors.As(err, &num) && num.Func != "ParseBool" {
		return fmt.Errorf("%s: a whole number is wanted: %s", strings.TrimSuffix(err.Error(), ": "+num.Error()), text)
	}
	return fmt.Errorf("%w: %s", err, text)
}

// flagsTogether says which flags of a call exclude each other. cobra's own error, which
// would come later, speaks of groups.
func flagsTogether(cmd *cobra.Command) error {
	err := cmd.ValidateFlagGroups()
	if err == nil {
		return nil
	}
	_, set, _ := strings.Cut(err.Error(), "; [")
	set, _, ok := strings.Cut(set, "] were all set")
	if !ok {
		return flagError(cmd, err)
	}
	return flagError(cmd, fmt.Errorf("--%s do not go together", strings.Join(strings.Fields(set), " and --")))
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var near []string
	if !cmd.DisableSuggestions {
		near = cmd.SuggestionsFor(name)
	}
	slices.Sort(near)
	near = slices.Compact(near) // one may be near in two ways
	// What was meant begins like it more often than not.
	if alike := slices.DeleteFunc(slices.Clone(near), func(s string) bool { return !strings.HasPrefix(name, s) && !strings.HasPrefix(s, name) }); len(alike) > 0 {
		near = alike
	}
	for i := range near {
		near[i] = fmt.Sprintf("%q", cmd.CommandPath()+" "+near[i])
	}
	hint := "did you mean " + strings.Join(near, " or ") + "?"
	if len(near) == 0 {
		var names []string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				names = append(names, c.Name())
			}
		}
		hint = "there are " + strings.Join(names, ", ")
	}
	return fmt.Errorf("unknown command %q for %q: %s", name, cmd.CommandPath(), hint)
}

// isCommand reports whether a word is one of bottle's own commands.
func isCommand(root *cobra.Command, word string) bool {
	for _, c := range root.Commands() {
		if c.Name() == word {
			return true
		}
	}
	return false
}
