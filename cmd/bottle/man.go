package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/bot-bottle/bottle/internal/topics"
)

// manCmd writes the manual pages; it is for who makes packages.
func (a *app) manCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeManual(cmd.Root(), args[0], builtAt())
		},
	}
}

// writeManual writes a page in section 1 for each command, and one in section 7 for
// each topic.
func writeManual(root *cobra.Command, dir string, built time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root.DisableAutoGenTag = true // it has the day of today
	header := &doc.GenManHeader{Section: "1", Source: "bottle", Manual: "bottle", Date: &built}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("write the manual pages: %w", err)
	}
	for _, t := range topics.All() {
		md, err := t.Manual()
		if err != nil {
			return err
		}
		page := md2man.Render([]byte(topicPage(t, md, built)))
		if err := os.WriteFile(filepath.Join(dir, "bottle-"+t.Name+".7"), page, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// topicPage puts what a manual page begins with before a text.
func topicPage(t topics.Topic, md string, built time.Time) string {
	return fmt.Sprintf("%% \"BOTTLE-%s\" \"7\" \"%s\" \"bottle\" \"bottle\"\n# NAME\nbottle-%s - %s\n\n%s",
		strings.ToUpper(t.Name), built.Format("Jan 2006"), t.Name, t.Short, md)
}

// builtAt is the time of the commit, so that the same source gives the same pages;
// without one that of the epoch.
func builtAt() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Unix(0, 0).UTC()
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				return t.UTC()
			}
		}
	}
	return time.Unix(0, 0).UTC()
}
