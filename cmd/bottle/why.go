package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// maxTimes is how many of the last decisions about a host are shown.
const maxTimes = 5

// why is what is to be said about a request.
type why struct {
	*manifest.Explanation
	// Git is about repositories, in the place of the explanation, or beside that of what
	// can be a page or a repository.
	Git []manifest.GitExplanation `json:"git,omitempty"`
	// Event is the decision that was asked about by its id, and Bottle whose it is.
	Bottle string       `json:"bottle,omitempty"`
	Event  *proxy.Event `json:"event,omitempty"`
	// Allow is what of a manifest would allow it; NoWay why nothing would.
	Allow string `json:"allow,omitempty"`
	NoWay string `json:"no_way,omitempty"`
	// Times are the last decisions about the host.
	Times []proxy.Event `json:"times,omitempty"`
}

func (a *app) whyCmd() *cobra.Command {
	var method, of string
	cmd := &cobra.Command{
		Use:   "why HOST|URL|REF|REQUEST-ID [REF]",
		Short: "Say what decided about a request, where that is written, and what would allow it",
		Long: `Say what the manifest decides about a host or URL, by which rule and where that
is written; what would allow it, as a route that can be pasted; and when it happened
last. Of the URL of a repository under git: it says what git may do there, with the
REF behind it what a push may do to that, and of a REF alone the same for all of them.
The id of a request, which the agent gets with a denial and "bottle logs" shows,
is looked up in the journal first. Nothing is sent.`,
		Example: "  bottle why api.example.com\n  bottle why -m POST https://api.example.com/v1/x\n  bottle why git@github.com:org/repo refs/heads/main\n  bottle why k7m2qxw4-17",
		Args:    cobra.RangeArgs(1, 2),

		ValidArgsFunction: a.completeWhy,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := a.explainWhy(cmd.Context(), method, args[0], second(args), of)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(w)
			}
			return printWhy(a.std.out, w)
		},
	}
	a.configFlag(cmd)
	cmd.Flags().StringVarP(&method, "method", "m", "GET", "HTTP method")
	cmd.Flags().StringVar(&of, "bottle", "", "the `ID|NAME` of the bottle whose journal is looked into; else the latest one of this workspace")
	offer(cmd, "method", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
	offerBy(cmd, "bottle", completeBottles(0, false))
	return cmd
}

// requestID is how the proxy names exchanges.
var requestID = regexp.MustCompile(`^[a-z2-7]{8}-[0-9]+$`)

func (a *app) explainWhy(ctx context.Context, method, about, ref, of string) (*why, error) {
	var w why
	dir, err := a.whyJournal(ctx, of, &w)
	if err != nil {
		return nil, err
	}
	if requestID.MatchString(about) {
		if w.Event, err = decisionOf(dir, about); err != nil {
			return nil, err
		}
		if w.Event.Host == "" {
			return &w, nil
		}
		if w.Event.Proto == "git" {
			a.explainGitEvent(&w)
			return &w, nil
		}
		method, about = w.Event.Method, eventURL(w.Event)
	}
	m, err := a.load("")
	if err != nil {
		return nil, err
	}
	if w.Git, err = m.ExplainGit(about, ref); err != nil {
		return nil, err
	}
	if len(w.Git) > 0 {
		w.Times, err = lastGit(dir, w.Git)
		return &w, err
	}
	if w.Explanation, err = m.Explain(method, about); err != nil {
		return nil, err
	}
	w.advise(m, method, about)
	if w.Verdict == proxy.Deny {
		w.Git = m.ExplainUnnamed(about)
	}
	w.Times, err = lastTimes(dir, about)
	return &w, err
}

// whyJournal returns the journal that is looked into, "" when there is none.
func (a *app) whyJournal(ctx context.Context, of string, w *why) (string, error) {
	var ref []string
	if of != "" {
		ref = []string{of}
	}
	b, err := a.find(ctx, ref, false)
	var many *control.AmbiguousError
	switch {
	case errors.As(err, &many):
		b = latest(many.Candidates)
	case errors.Is(err, control.ErrNotFound) && of == "":
		return "", nil
	case err != nil:
		return "", err
	}
	w.Bottle = b.ID
	return journalDir(b.ID)
}

// decisionOf finds the decision of an exchange, or what ended it later.
func decisionOf(dir, id string) (*proxy.Event, error) {
	list, err := lastDecided(dir, journal.Filter{ID: id, Last: 1})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no request %s is in the journal that was looked into: name its bottle with --bottle; \"bottle ls\" lists them", id)
	}
	return &list[0], nil
}

// lastDecided returns the last decisions that a filter wants, as many as it says, and
// what stopped requests later. In no journal there are none.
func lastDecided(dir string, f journal.Filter) ([]proxy.Event, error) {
	f.Decided = true
	return lastOf(dir, f)
}

// lastOf returns the last events that a filter lets pass.
func lastOf(dir string, f journal.Filter) (list []proxy.Event, err error) {
	if dir == "" {
		return nil, nil
	}
	for e, err := range journal.Read(dir, f) {
		var bad *journal.LineError
		switch {
		case errors.As(err, &bad):
			continue
		case err != nil:
			return nil, err
		}
		if list = append(list, e.Event); len(list) > f.Last { // some came meanwhile
			list = slices.Delete(list, 0, 1)
		}
	}
	return list, nil
}

func eventURL(e *proxy.Event) string {
	host, scheme := e.Host, e.Scheme
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if scheme != "http" {
		scheme = "https"
	}
	if e.Port != 0 {
		host = fmt.Sprintf("%s:%d", host, e.Port)
	}
	path, _, _ := strings.Cut(e.Path, "?")
	return scheme + "://" + host + path
}

// lastTimes returns the last decisions about the host of a URL.
func lastTimes(dir, about string) ([]proxy.Event, error) {
	t, err := manifest.TargetOf("", about)
	if err != nil {
		return nil, err
	}
	return lastDecided(dir, journal.Filter{Host: t.Host, Last: maxTimes})
}

// explainGitEvent says what would allow a request of git's. Routes decide none. A
// manifest that is gone, or has nothing of the host any more, says nothing of it; the
// decision in the journal is told all the same.
func (a *app) explainGitEvent(w *why) {
	if w.Event.Verdict != proxy.Deny || w.adviseEvent() {
		return
	}
	if m, err := a.load(""); err == nil {
		if list, err := m.ExplainGit(repoOfEvent(w.Event), w.Event.Ref); err == nil {
			w.Git = list
		}
	}
	w.adviseGit()
}

// adviseGit is about what the names of refs do not tell.
func (w *why) adviseGit() {
	for i := range w.Git {
		if w.Git[i].Verdict == proxy.Deny {
			return // which says what would allow it
		}
	}
	w.NoWay = "git is decided by the repositories under git in bottle.yaml, by their access, push and files"
}

// adviseEvent says what would allow what no route decided, if that is so.
func (w *why) adviseEvent() bool { return w.adviseDLP() || w.adviseBudget() }

// adviseDLP says what would allow what the scanner stopped, if it did.
func (w *why) adviseDLP() bool {
	e := w.Event
	if e == nil || !strings.HasPrefix(e.Rule, "dlp:") {
		return false
	}
	w.Allow = fmt.Sprintf("dlp:\n  allow: [{rule: %s, host: %s}]\n", strings.TrimPrefix(e.Rule, "dlp:"), e.Host)
	return true
}

// adviseBudget says which limit stopped a request, if one did.
func (w *why) adviseBudget() bool {
	if w.Event == nil || !strings.HasPrefix(w.Event.Rule, "budget:") {
		return false
	}
	name := strings.TrimPrefix(w.Event.Rule, "budget:")
	w.NoWay = fmt.Sprintf("it was at the limit of the session, budgets.%s in bottle.yaml: a higher one lets more pass", name)
	return true
}

// advise says what would allow a request.
func (w *why) advise(m *manifest.Manifest, method, about string) {
	if w.adviseEvent() {
		return
	}
	if w.Verdict == proxy.Allow {
		return
	}
	t, err := manifest.TargetOf(method, about)
	if err != nil {
		return
	}
	if w.Rule == "address-guard" {
		g := manifest.Grant{Route: proxy.Route{Host: t.Host, Methods: []string{t.Method}, Action: proxy.Allow, Private: true}}
		w.Allow = routesHead + g.YAML("    ")
		return
	}
	g, err := m.GrantFor(manifest.Want{Scheme: t.Scheme, Host: t.Host, Port: t.Port, Methods: []string{t.Method}, Path: t.Path}, proxy.Allow)
	if err != nil {
		w.NoWay = err.Error()
		return
	}
	w.Allow = routesHead + g.YAML("    ")
}

// routesHead stands above the entries of routes in a manifest.
const routesHead = "egress:\n  routes:\n"

// printWhy shows it; all that an agent wrote is escaped.
func printWhy(out io.Writer, w *why) error {
	if w.Event != nil {
		fmt.Fprintf(out, "in %s:\n  %s\n", w.Bottle, journal.Line(w.Event))
	}
	if w.Event != nil && (w.Explanation != nil || len(w.Git) > 0) {
		fmt.Fprintln(out, "by the manifest as it is now:")
	}
	if w.Explanation != nil {
		if err := printExplanation(out, w.Explanation); err != nil {
			return err
		}
	}
	if w.Explanation == nil {
		if err := printGit(out, w.Git); err != nil {
			return err
		}
	}
	if w.NoWay != "" {
		fmt.Fprintf(out, "no further route would allow it: %s\n", escape.Text(w.NoWay))
	} else {
		printAllow(out, w.Allow)
	}
	if w.Explanation != nil && len(w.Git) > 0 {
		fmt.Fprintln(out, "that is for a page; of git no route decides, so for a repository:")
		if err := printGit(out, w.Git); err != nil {
			return err
		}
	}
	if len(w.Times) > 0 {
		fmt.Fprintf(out, "the last times in %s:\n", w.Bottle)
	}
	for i := range w.Times {
		fmt.Fprintf(out, "  %s\n", journal.Line(&w.Times[i]))
	}
	return nil
}

// printAllow prints what of a manifest would allow something.
func printAllow(out io.Writer, text string) {
	if text == "" {
		return
	}
	fmt.Fprintln(out, "what would allow it, in bottle.yaml:")
	for l := range strings.Lines(text) {
		fmt.Fprintf(out, "  %s\n", escape.Text(strings.TrimSuffix(l, "\n")))
	}
	fmt.Fprintln(out, "then \"bottle trust\": a running bottle takes it up")
}
