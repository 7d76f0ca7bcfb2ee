package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/topics"
)

// strictHelp makes "bottle help WORD" an error where there is no such command and no
// such topic. Cobra's own shows the help of what is above it, and ends well.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help := child(root, "help")
	help.Use = "help [COMMAND | TOPIC]"
	help.Short = "Say more about a command or a topic"
	help.Long = "Say more about a command, or about a topic:\n\n" + topicList()
	help.RunE = func(_ *cobra.Command, args []string) error { return helpOn(root, args) }
	commands := help.ValidArgsFunction
	help.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		list, directive := commands(cmd, args, begun)
		if len(args) == 0 {
			for _, t := range topics.All() {
				list = append(list, cobra.CompletionWithDesc(t.Name, t.Short))
			}
		}
		return list, directive
	}
	root.Long += "\n\n\"bottle help TOPIC\" explains: " + topicNames() + "."
}

// topicList is a table of the topics.
func topicList() string {
	var b strings.Builder
	for _, t := range topics.All() {
		fmt.Fprintf(&b, "  %-14s %s\n", t.Name, t.Short)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// topicNames are the names, in lines as long as the text that they stand in.
func topicNames() string {
	var b strings.Builder
	column := len(`"bottle help TOPIC" explains: `)
	for i, t := range topics.All() {
		if i > 0 {
			b.WriteByte(',')
			column++
		}
		sep := " "
		if column+len(t.Name)+1 > 86 {
			sep, column = "\n", 0
		}
		if i == 0 {
			sep = ""
		}
		b.WriteString(sep + t.Name)
		column += len(sep) + len(t.Name)
	}
	return b.String()
}

func helpOn(root *cobra.Command, words []string) error {
	cmd := root
	for _, word := range words {
		next := child(cmd, word)
		if next == nil {
			if t, ok := topics.Find(word); ok && len(words) == 1 {
				return printTopic(root.OutOrStdout(), t)
			}
			return &exitError{code: exitFound, err: unknownTopic(cmd, word)}
		}
		cmd = next
	}
	cmd.InitDefaultHelpFlag() // so that it is listed
	return cmd.Help()
}

func printTopic(w io.Writer, t topics.Topic) error {
	text, err := t.Text()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// unknownTopic names the topics beside what unknownCommand does.
func unknownTopic(cmd *cobra.Command, word string) error {
	err := unknownCommand(cmd, word)
	if cmd.HasParent() {
		return err
	}
	var near []string
	for _, t := range topics.All() {
		if strings.HasPrefix(t.Name, word) || strings.HasPrefix(word, t.Name) {
			near = append(near, fmt.Sprintf("%q", "bottle help "+t.Name))
		}
	}
	if slices.Sort(near); len(near) > 0 {
		return fmt.Errorf("unknown topic %q: did you mean %s?", word, strings.Join(near, " or "))
	}
	return fmt.Errorf("%w\n\"bottle help help\" lists the topics", err)
}

func child(cmd *cobra.Command, word string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == word || c.HasAlias(word) {
			return c
		}
	}
	return nil
}
