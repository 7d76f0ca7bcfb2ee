package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/proxy"
)

// plainHost is what a shell takes as a word as it stands. An agent chooses the hosts in
// a journal, and a shell puts what is offered on the person's command line: another
// name is not offered.
var plainHost = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// maxOffered bounds the hosts and the requests that are offered.
const maxOffered = 50

// seen is what a journal tells for completion.
type seen struct {
	hosts   map[string]int // how often each was denied
	refused []proxy.Event  // the last denials
}

// lookInto reads what ls counts too: the first lines, in some hundredths of a second.
func lookInto(dir string) seen {
	s, lines := seen{hosts: map[string]int{}}, 0
	for e, err := range journal.Read(dir, journal.Filter{}) {
		if lines++; lines > maxCounted {
			break
		}
		var bad *journal.LineError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			break
		}
		s.add(&e.Event)
	}
	return s
}

func (s *seen) add(e *proxy.Event) {
	denied := e.Verdict == proxy.Deny
	if denied && requestID.MatchString(e.ID) {
		if s.refused = append(s.refused, *e); len(s.refused) > maxOffered {
			s.refused = slices.Delete(s.refused, 0, 1)
		}
	}
	if _, known := s.hosts[e.Host]; plainHost.MatchString(e.Host) && (known || len(s.hosts) < maxOffered) {
		if s.hosts[e.Host] += 0; denied {
			s.hosts[e.Host]++
		}
	}
}

// offered lists the hosts, those that were denied most first.
func (s *seen) offered() (list []cobra.Completion) {
	names := make([]string, 0, len(s.hosts))
	for name := range s.hosts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.hosts[b], s.hosts[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		text := "in the journal"
		if n := s.hosts[name]; n > 0 {
			text = fmt.Sprintf("denied %s", times(n))
		}
		list = append(list, cobra.CompletionWithDesc(name, text))
	}
	return list
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// seenBy looks into the journal of the bottle that is meant; of several of this
// workspace into the latest one's.
func (a *app) seenBy(ctx context.Context, ref ...string) seen {
	b, err := a.find(ctx, ref, false)
	var many *control.AmbiguousError
	if errors.As(err, &many) {
		b, err = latest(many.Candidates), nil
	}
	if err != nil {
		return seen{}
	}
	dir, err := journalDir(b.ID)
	if err != nil {
		return seen{}
	}
	return lookInto(dir)
}

// completeSeen offers hosts of the journal that logs would show, or, with ids, the
// requests that were denied.
func (a *app) completeSeen(ids bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		s := a.seenBy(cmd.Context(), args...)
		if ids {
			return s.requests(), cobra.ShellCompDirectiveNoFileComp
		}
		return s.offered(), cobra.ShellCompDirectiveNoFileComp
	}
}

func (s *seen) requests() (list []cobra.Completion) {
	for i := range slices.Backward(s.refused) {
		e := &s.refused[i]
		text := escape.Word(e.Method)
		if plainHost.MatchString(e.Host) {
			text += " " + e.Host
		}
		list = append(list, cobra.CompletionWithDesc(e.ID, text))
	}
	return list
}

// completeWhy offers what why explains: hosts of the journal and of the manifest, and
// the requests that were denied.
func (a *app) completeWhy(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ref []string
	if f := cmd.Flags().Lookup("bottle"); f != nil && f.Value.String() != "" && cmd.Name() == "why" {
		ref = []string{f.Value.String()}
	}
	s := a.seenBy(cmd.Context(), ref...)
	list := s.offered()
	if m, err := a.load(""); err == nil {
		for i := range m.Egress.Routes {
			r := &m.Egress.Routes[i]
			if _, known := s.hosts[r.Host]; !known && plainHost.MatchString(r.Host) {
				list = append(list, cobra.CompletionWithDesc(r.Host, r.Source))
			}
		}
	}
	if cmd.Name() == "why" {
		list = append(list, s.requests()...)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
