package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
)

type upOptions struct {
	yes, dryRun, rm, fresh bool
	noCapture, noRemotes   bool
	ports                  []string
	agent, backend, mode   string
	learn                  string // the default of egress
}

func (a *app) upCmd() *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up [NAME] [-- [COMMAND] [ARG…]]",
		Short: "Run an agent or a command in a bottle",
		Long: `Run the manifest's agent, or the command behind --, in a bottle of its own.
NAME is a variant of the manifest (a key of bottles) or an agent: claude, codex.
When what stands behind -- begins with a hyphen, it goes to the agent.

Before anything starts you see what the agent can reach, every folder of this
host that it sees and the credentials that it can use; on a terminal you are
asked. Among it is where the workspace was cloned from, to fetch only, if the
manifest says nothing of that; --no-remotes leaves it out, and so does --quiet, as
nobody would see it. It starts in the folder of the workspace that you are in. The exit code is
the command's; 125 means that bottle itself failed.

The copy of the workspace and the agent's home stay until "bottle down", or with
--rm until the end when no work is in them. In a virtual machine the same NAME goes
on with the last bottle of this workspace that has ended, as it was left, unless
--fresh, or what the machine is made of has changed (image, mounts, resources).`,
		Example: `  bottle up claude
  bottle up claude -- -p "write the tests"
  bottle up -- npm test
  bottle up review --yes -- codex exec "look at the last commit"`,
		Args: func(cmd *cobra.Command, args []string) error {
			n := len(args)
			if d := cmd.ArgsLenAtDash(); d >= 0 {
				n = d
			}
			for _, p := range o.ports { // an agent's -p is a prompt
				if strings.Trim(p, "0123456789:") != "" {
					return flagError(cmd, fmt.Errorf("--port %q is not a port such as 3000, or 8080:80", p))
				}
			}
			if n > 1 {
				return manyNames(args[:n])
			}
			return nil
		},
		ValidArgsFunction: a.completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, command := split(cmd, args)
			return explainName(cmd.Root(), name, a.up(cmd.Context(), o, name, command))
		},
		SuggestFor: []string{"run", "start", "claude", "codex"},
	}
	f := cmd.Flags()
	a.configFlag(cmd)
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.rm, "rm", false, "remove the bottle at its end, unless it has work that is nowhere else")
	f.BoolVar(&o.fresh, "fresh", false, "make a new bottle, where one that has ended would be gone on with")
	f.BoolVar(&o.dryRun, "dry-run", false, "check and show everything, and start nothing")
	f.BoolVar(&o.noCapture, "no-capture", false, "leave alone what programs open that know no proxy: it then leads nowhere")
	f.BoolVar(&o.noRemotes, "no-remotes", false, "do not let the agent fetch from where the workspace was cloned from")
	f.StringArrayVarP(&o.ports, "port", "p", nil, "`[HOST:]GUEST`, over the manifest's ports: a port of this host's 127.0.0.1 that leads to one in the bottle, HOST 0 for one that is free; may be repeated")
	f.StringVar(&o.agent, "agent", "", "agent, over the manifest's: claude, codex or generic")
	f.StringVar(&o.backend, "backend", "", "backend, over the manifest's: auto, sandbox or smolvm")
	f.StringVar(&o.learn, "learn", "", "ask or allow in the place of egress.default, for \"bottle learn\"")
	offer(cmd, "learn", "ask", "allow")
	f.StringVar(&o.mode, "workspace-mode", "", "workspace mode, over the manifest's: copy or mount")
	offer(cmd, "agent", agent.Names()...)
	offer(cmd, "backend", "auto", "sandbox", "smolvm")
	offer(cmd, "workspace-mode", manifest.WorkspaceCopy, manifest.WorkspaceMount)
	return cmd
}

// manyNames is the error about more words than one before --. Those behind an
// agent's name are mostly meant for the agent.
func manyNames(args []string) error {
	hint := "bottle up -- " + args[0]
	if slices.Contains(agent.Names(), args[0]) {
		hint = "bottle up " + args[0] + " -- " + strings.Join(args[1:], " ")
	}
	return fmt.Errorf("one NAME at most stands before --, not %d; a command goes behind --, and so do arguments for the agent, as in %q", len(args), hint)
}

// explainName adds to the error about a NAME that is none what was probably
// meant.
func explainName(root *cobra.Command, name string, err error) error {
	var list manifest.Errors
	if name == "" || !errors.As(err, &list) {
		return err
	}
	for _, e := range list {
		if e.Line > 0 || e.File != "bottle "+name { // what the manifest package calls it
			continue
		}
		if isCommand(root, name) {
			return fmt.Errorf("%w\n(to run \"bottle %s\", leave out up)", err, name)
		}
		return fmt.Errorf("%w\n(a command goes behind --, as in \"bottle up -- %s\")", err, escape.Text(name))
	}
	return err
}

// split takes the arguments apart: NAME, and what is behind --.
func split(cmd *cobra.Command, args []string) (name string, command []string) {
	names := args
	if d := cmd.ArgsLenAtDash(); d >= 0 {
		names, command = args[:d], args[d:]
	}
	if len(names) > 0 {
		name = names[0]
	}
	return name, command
}

func (o *upOptions) overrides() (list []manifest.Override) {
	for _, f := range []struct{ flag, key, value string }{
		{"--agent", "agent", o.agent}, {"--backend", "backend", o.backend}, {"--workspace-mode", "workspace.mode", o.mode}, {"--learn", "egress.default", o.learn},
	} {
		if f.value != "" {
			list = append(list, manifest.Override{Source: f.flag, Key: f.key, Value: f.value})
		}
	}
	if o.ports != nil {
		list = append(list, manifest.Override{Source: "--port", Key: "ports", Values: o.ports})
	}
	if o.noCapture {
		list = append(list, manifest.Override{Source: "--no-capture", Key: "capture", Value: "false"})
	}
	return list
}

func (a *app) up(ctx context.Context, o upOptions, name string, command []string) error {
	load := func() (*manifest.Manifest, error) { return a.load(name, o.overrides()...) }
	m, err := load()
	if err != nil {
		return err
	}
	trusted := a.trusted
	if o.dryRun {
		trusted = a.trustedAlready
	}
	trust, err := trusted(ctx, m, o.yes)
	if err != nil {
		return err
	}
	remotes := a.remotes(m, o)
	m = m.WithOwnRepos(remotes)
	bar := a.progress()
	defer bar.done()
	reload := func() (*manifest.Manifest, error) {
		m, err := load()
		if err != nil {
			return nil, err
		}
		return m.WithOwnRepos(remotes), nil
	}
	backend, why, err := a.backendOf(ctx, m)
	if err != nil {
		return err
	}
	p, err := bottle.Prepare(ctx, bottle.Options{Manifest: m, Trust: trust, Backend: backend, Args: command, Env: env, Version: readBuild().Version,
		Reload: reload, Progress: bar.show, Log: a.logger(), Desktop: a.desktop()})
	if err != nil {
		return err
	}
	if why != "" && !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: %s\n", why)
	}
	if o.dryRun && a.json {
		d := p.Describe()
		if d.Summary.Secrets == nil {
			d.Summary.Secrets = []string{}
		}
		return a.printJSON(d)
	}
	a.printPrepared(p)
	a.tellSuspectsOf(ctx, p.Manifest.Workspace)
	if !o.fresh && !o.rm {
		if err := a.goOn(ctx, p); err != nil {
			return err
		}
	}
	if o.dryRun {
		return nil
	}
	if !o.yes && a.atTerminal() {
		if a.background() {
			return errors.New("nothing was started: this runs in the background, where nobody can be asked; --yes starts it without a question")
		}
		if err := a.insist(ctx, "Start it?", "nothing was started"); err != nil {
			return err
		}
	}
	return a.launch(ctx, p, bar, o.rm)
}

// goOn finds the bottle that is gone on with, where its machine outlives it, and says
// which.
func (a *app) goOn(ctx context.Context, p *bottle.Prepared) error {
	list, _ := control.All(ctx, env) // one that cannot be read cannot be gone on with
	r, err := p.Again(list)
	if r != nil && !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: it goes on with %s, its machine and its files as they were left (the folder here is not copied again); --fresh makes a new one\n", r.ID)
	}
	return err
}

func (a *app) launch(ctx context.Context, p *bottle.Prepared, bar *progress, rm bool) (err error) {
	b, err := p.Launch(ctx)
	if err != nil {
		return err
	}
	bar.done()
	a.sayPorts(b)
	a.sayWhereAsked()
	// Signals go to the command from here on, until it ends.
	code, err := a.foreground(ctx, b, vm.Command{Args: p.Args, Dir: startDir(p.Manifest.Workspace)})
	if b.Ending() {
		code, err = exitKilled, nil
		fmt.Fprintln(a.std.err, "bottle: ended by \"bottle down\"")
	}
	if err != nil { // mostly a program that is not there
		return errors.Join(err, b.Discard(context.WithoutCancel(ctx)))
	}
	b.NoteEnd(context.WithoutCancel(ctx), code)
	if err := b.Close(); err != nil {
		return err
	}
	gone, why := false, ""
	if rm && !b.Ending() {
		// The signal that ended the command was its own; a further one ends this.
		ctx, done := interruptible(context.WithoutCancel(ctx))
		err := a.removeWithoutWork(ctx, b.ID())
		done()
		if gone = err == nil; !gone {
			why = keptWhy(err)
		}
	}
	if !a.quiet {
		a.showSpent(b.Spent())
	}
	switch {
	case a.quiet || b.Ending():
	case !gone:
		a.farewell(b, why)
	case b.Denied() > 0:
		fmt.Fprintf(a.std.err, "bottle: requests that were denied: %d; which, went with the bottle, so leave out --rm to see\n", b.Denied())
	}
	if code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// sayPorts says where the host reaches into a bottle.
func (a *app) sayPorts(b *bottle.Bottle) {
	for _, p := range b.Ports() {
		if !a.quiet {
			fmt.Fprintf(a.std.err, "bottle: 127.0.0.1:%d leads to port %d in it\n", p.Host, p.Guest)
		}
	}
}

// foreground runs a command on this terminal. Signals are the command's, and
// what there is to say waits until the terminal is free again.
func (a *app) foreground(ctx context.Context, m vm.Starter, c vm.Command) (int, error) {
	if a.onTerminal() {
		a.notices.hold()
	}
	code, err := vm.Run(context.WithoutCancel(ctx), m, c, vm.Files{In: a.std.in, Out: file(a.std.out), Err: file(a.std.err)})
	return code, errors.Join(err, a.notices.release())
}

func (a *app) onTerminal() bool {
	return isTerminal(a.std.in) && isTerminal(a.std.out) && isTerminal(a.std.err)
}

// sayWhereAsked says where questions are seen: not on this terminal, which is the
// command's from now on.
func (a *app) sayWhereAsked() {
	if a.onTerminal() && !a.quiet {
		fmt.Fprintln(a.std.err, "bottle: what it asks you shows in another terminal: \"bottle ui\", or \"bottle ask ls\"")
	}
}

func (a *app) printPrepared(p *bottle.Prepared) {
	if !a.quiet {
		a.showSummary(p.Manifest)
		a.showOffered(p.Manifest)
		a.showKnown(p.Manifest)
		a.showInstall(p.Install)
		a.showBehind(p.Behind())
		a.showSettings(p)
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(a.std.err, "warning: %s\n", escape.Text(w))
	}
}

// showSpent says what was sent and used, where there was anything.
func (a *app) showSpent(s proxy.Spent) {
	if s.Requests == 0 {
		return
	}
	fmt.Fprintf(a.std.err, "bottle: %s sent, in %s\n", proxy.Limit{Name: "bytes_out"}.Show(float64(s.BytesOut)), count(s.Requests, "request"))
	for i := range s.Models {
		fmt.Fprintf(a.std.err, "bottle: %s\n", escape.Text(s.Models[i].String()))
	}
	for _, l := range s.Limits {
		if l.Near() && l.Name != "requests_per_minute" {
			fmt.Fprintf(a.std.err, "bottle: near a limit, or at it: %s\n", escape.Text(l.String()))
		}
	}
}

// farewell says what stays, and how to see what happened.
func (a *app) farewell(b *bottle.Bottle, why string) {
	switch n := b.Denied(); n {
	case 0:
	case 1:
		fmt.Fprintf(a.std.err, "bottle: 1 request was denied; see: bottle logs --denied %s\n", b.ID())
	default:
		fmt.Fprintf(a.std.err, "bottle: %d requests were denied; see: bottle logs --denied %s\n", n, b.ID())
	}
	fmt.Fprintf(a.std.err, "bottle: %s has ended%s; \"bottle pull %s\" takes its work over, \"bottle down %s\" removes it\n", b.ID(), why, b.ID(), b.ID())
}

// keptWhy says why --rm removed nothing.
func keptWhy(err error) string {
	if errors.Is(err, errWork) {
		return ", and is kept despite --rm: it has work"
	}
	return ", and is kept despite --rm: " + escape.Text(err.Error())
}
