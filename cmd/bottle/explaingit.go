package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// second returns the second argument, a ref, if there is one.
func second(args []string) string {
	if len(args) > 1 {
		return args[1]
	}
	return ""
}

// checkGit prints what git may do; done is false where the text is not about git.
func (a *app) checkGit(m *manifest.Manifest, about, ref string) (done bool, err error) {
	list, err := m.ExplainGit(about, ref)
	if err != nil || len(list) == 0 {
		return err != nil, err
	}
	a.sayUntrusted(m)
	if a.json {
		err = a.printJSON(list)
	} else {
		err = printGit(a.std.out, list)
	}
	for i := range list {
		if err == nil && list[i].Verdict != proxy.Allow {
			err = &exitError{code: exitFound}
		}
	}
	return true, err
}

// printGit prints each repository with what decides, and what would allow it.
func printGit(w io.Writer, list []manifest.GitExplanation) error {
	for i := range list {
		e := &list[i]
		source := ""
		if e.Source != "" {
			source = " (" + e.Source + ")"
		}
		fmt.Fprintf(w, "%s  git %s%s\n", e.Verdict, strings.TrimSuffix(escape.Text(e.Repository)+" "+escape.Text(e.Ref), " "), escape.Text(source))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, d := range e.Decisions {
			rule := d.Rule + ", " + d.Source
			if d.Source == "" {
				rule = d.Rule + ", by default"
			}
			reason := ""
			if d.Reason != "" {
				reason = "\t" + escape.Text(d.Reason)
			}
			fmt.Fprintf(tw, "  %s\t%s\t%s%s\n", d.Operation, d.Verdict, escape.Text(rule), reason)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		printAllow(w, e.Allow)
	}
	return nil
}

// lastGit returns the last decisions and answers of a journal about repositories, and
// about the ref if one is asked about.
func lastGit(dir string, list []manifest.GitExplanation) ([]proxy.Event, error) {
	f := journal.Filter{Proto: "git", Last: maxTimes, Where: func(e *proxy.Event) bool {
		told := e.Type == proxy.EventDecision || e.Type == proxy.EventNote || e.Verdict == proxy.Deny // what was asked for, too
		return told && ofAny(list, e)
	}}
	if len(list) == 1 {
		f.Host = list[0].Host
	}
	return lastOf(dir, f)
}

func ofAny(list []manifest.GitExplanation, e *proxy.Event) bool {
	for i := range list {
		x := &list[i]
		rest, ok := strings.CutPrefix(e.Path, x.Path)
		if ok && strings.EqualFold(e.Host, x.Host) && (rest == "" || rest == ".git" || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ".git/")) && (x.Ref == "" || x.Ref == e.Ref) {
			return true
		}
	}
	return false
}

// repoOfEvent is the URL of the repository that a request of git's was for.
func repoOfEvent(e *proxy.Event) string {
	path, _, _ := strings.Cut(e.Path, "/info/lfs/")
	if !strings.HasSuffix(path, ".git") && path != e.Path {
		path += ".git"
	}
	return "https://" + e.Host + path
}
