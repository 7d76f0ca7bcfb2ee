package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/scan"
	"github.com/bot-bottle/bottle/internal/secret"
)

type scanOptions struct {
	all, eachLine, sarif, list bool
}

func (a *app) scanCmd() *cobra.Command {
	var o scanOptions
	cmd := &cobra.Command{
		Use:   "scan [FILE|FOLDER|-]...",
		Short: "Look for credentials in files, folders or a pipe",
		Long: `Look for what the proxy looks for in what leaves a bottle: in files, in all files
of a folder and the folders in it, and in the standard input ("-", or no argument
in a pipe). No value is printed.

In folders, symbolic links are not followed, special files and folders named .git
are left out (--all reads those too), and nothing else is: what .gitignore names
is read. With -f, the rules and their actions are those of the dlp: section of
that manifest, and the values of its secrets and of the files that dlp.known names
are looked for; the manifest must be trusted. Exemptions for hosts do not apply. Without -f, no manifest is read.

The exit code is 0 when nothing was found, 1 when something was, whatever its
action but off, and 125 when something could not be read.`,
		Example: `  bottle scan .
  git diff | bottle scan
  bottle scan --sarif . >bottle.sarif
  bottle scan --each-line <prompts.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			debug.SetMemoryLimit(scanMemory)
			if o.sarif && a.json {
				return errors.New("--sarif and --json are two formats: choose one")
			}
			if o.list {
				return a.listRules(cmd.Context(), args)
			}
			return a.scan(cmd.Context(), o, args)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&a.config, "config", "f", "", "manifest whose rules and secrets are used (default: none)")
	f.BoolVar(&o.all, "all", false, "read folders named .git too")
	f.BoolVar(&o.eachLine, "each-line", false, "take each line on its own, and print one JSON object for it")
	f.BoolVar(&o.sarif, "sarif", false, "print SARIF 2.1.0, for code hosts")
	f.BoolVar(&o.list, "list-rules", false, "print the rules with their actions, and scan nothing")
	cmd.MarkFlagsMutuallyExclusive("each-line", "sarif", "list-rules")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	return cmd
}

// scanMemory is what a scan may take before memory that is not used goes back to the
// system at once: decoders come and go.
const scanMemory = 14 << 20

// scan runs until everything is scanned or a signal comes. What waits for input
// then cannot be stopped; it ends with the process.
func (a *app) scan(ctx context.Context, o scanOptions, paths []string) error {
	if len(paths) == 0 {
		if term.IsTerminal(int(a.std.in.Fd())) {
			return errors.New("there is nothing to scan: name files or folders, or pipe something in")
		}
		paths = []string{scan.Stdin}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	totals := new(scan.Totals)
	done := make(chan error, 1)
	go func() {
		rules, err := a.scanRules(ctx)
		if err == nil {
			err = a.scanPaths(ctx, o, rules, scan.Options{Engine: rules.engine, Decide: rules.decide, Paths: paths, Stdin: a.std.in, All: o.all, Totals: totals})
		}
		done <- err
	}()
	bar := a.progress()
	defer bar.done()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			bar.show(fmt.Sprintf("%s: %s", scanned(totals), totals.Current()))
		case sig := <-signals:
			return &exitError{code: 128 + int(sig.(syscall.Signal))}
		case err := <-done:
			bar.done()
			return a.scanEnd(totals, err)
		}
	}
}

func (a *app) scanEnd(totals *scan.Totals, err error) error {
	if err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "scanned %s\n", scanned(totals))
	}
	switch {
	case totals.Problems.Load() > 0:
		return &exitError{code: exitFailure}
	case totals.Findings.Load() > 0:
		return &exitError{code: exitFound}
	}
	return nil
}

func scanned(t *scan.Totals) string {
	return fmt.Sprintf("%s, %s, %s", count(t.Files.Load(), "file"), size(t.Bytes.Load()), count(t.Findings.Load(), "finding"))
}

func count(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func size(n int64) string {
	f := float64(n)
	for _, unit := range [...]string{"bytes", "kB", "MB", "GB"} {
		if f < 1000 {
			if unit == "bytes" {
				return count(n, "byte")
			}
			return fmt.Sprintf("%.1f %s", f, unit)
		}
		f /= 1000
	}
	return fmt.Sprintf("%.1f TB", f)
}

// scanPaths scans and prints.
func (a *app) scanPaths(ctx context.Context, o scanOptions, rules *scanRules, opts scan.Options) error {
	problem := func(name string, err error) {
		fmt.Fprintf(a.std.err, "bottle: %s: %s\n", escape.Text(name), escape.Text(err.Error()))
	}
	switch {
	case o.eachLine:
		return scan.Lines(ctx, opts, a.std.out, problem)
	case o.sarif:
		s, err := scan.NewSARIF(a.std.out, version, rules.list)
		if err != nil {
			return err
		}
		if err := scan.Run(ctx, opts, &scanPrinter{finding: s.Finding, problem: func(name string, err error) {
			problem(name, err)
			s.Problem(name, err)
		}}); err != nil {
			return err
		}
		return s.Close()
	case a.json:
		return scan.Run(ctx, opts, &scanPrinter{finding: func(f scan.Finding) error { return a.printJSONLine(f) }, problem: problem})
	}
	return scan.Run(ctx, opts, &scanPrinter{finding: func(f scan.Finding) error {
		_, err := fmt.Fprintln(a.std.out, rules.line(f))
		return err
	}, problem: problem})
}

type scanPrinter struct {
	finding func(scan.Finding) error
	problem func(name string, err error)
}

func (p *scanPrinter) Finding(f scan.Finding) error   { return p.finding(f) }
func (p *scanPrinter) Problem(name string, err error) { p.problem(name, err) }

// scanRules are what is looked for and what it comes to.
type scanRules struct {
	engine *dlp.Engine
	policy dlp.Policy
	// list are the rules, with the actions of the policy.
	list         []dlp.Rule
	descriptions map[string]string
}

// scanRules compiles the rules, with what the manifest of -f adds.
func (a *app) scanRules(ctx context.Context) (*scanRules, error) {
	r := &scanRules{descriptions: map[string]string{}}
	var known []dlp.Known
	var custom []dlp.CustomRule
	if a.config != "" {
		m, err := a.load("")
		if err != nil {
			return nil, err
		}
		if _, err := a.trustedOr(ctx, m, false, "look at it and agree with \"bottle trust -f "+escape.Text(a.config)+"\""); err != nil {
			return nil, err
		}
		r.policy = m.DLP
		r.policy.Allow = nil // every one is for a host
		for _, d := range m.Secrets {
			value, err := secretValue(ctx, d.Name, d.Source)
			if err != nil {
				fmt.Fprintf(a.std.err, "bottle: not looked for: %s\n", escape.Text(err.Error()))
				continue
			}
			known = append(known, dlp.Known{Name: d.Name, Value: value})
		}
		files, missing, err := m.KnownValues()
		if err != nil {
			return nil, err
		}
		for _, path := range missing {
			fmt.Fprintf(a.std.err, "bottle: not looked for: dlp.known: there is no file %s\n", escape.Text(path))
		}
		known = append(known, newValues(known, files)...)
		custom = m.Scan.Custom
	}
	engine, err := dlp.New(dlp.Options{Known: known, Custom: custom})
	if err != nil {
		return nil, err
	}
	r.engine = engine
	all := dlp.Rules()
	for _, c := range custom {
		all = append(all, dlp.Rule{ID: c.ID, Description: cmp.Or(c.Description, "A rule of the manifest."), Action: dlp.Block})
	}
	for _, rule := range all {
		rule.Action = r.decide(dlp.Finding{Rule: rule.ID})
		r.list = append(r.list, rule)
		r.descriptions[rule.ID] = strings.TrimSuffix(rule.Description, ".")
	}
	return r, nil
}

// newValues returns those of files that are not known yet.
func newValues(known, files []dlp.Known) (out []dlp.Known) {
	for _, k := range files {
		if !slices.ContainsFunc(known, func(o dlp.Known) bool { return o.Value == k.Value }) {
			out = append(out, k)
		}
	}
	return out
}

func secretValue(ctx context.Context, name string, source secret.Source) (string, error) {
	s, err := secret.New(name, source, secret.Options{})
	if err != nil {
		return "", err
	}
	return s.Value(ctx)
}

func (r *scanRules) decide(f dlp.Finding) dlp.Action { return r.policy.Decide(f, "") }

// line is a finding as a line of text, in the form that editors know.
func (r *scanRules) line(f scan.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", escape.Text(f.File), f.Line, f.Column, f.Rule)
	if f.Name != "" {
		fmt.Fprintf(&b, " %s", escape.Text(f.Name))
	}
	if text := r.descriptions[f.Rule]; text != "" {
		fmt.Fprintf(&b, " %s", text)
	}
	if f.Confidence != "" {
		fmt.Fprintf(&b, " (%s, %s)", f.Confidence, f.Action)
	} else {
		fmt.Fprintf(&b, " (%s)", f.Action)
	}
	if f.Field != "" {
		fmt.Fprintf(&b, " [value of: %s]", f.Field)
	}
	if f.Path != "" {
		fmt.Fprintf(&b, " [encoded: %s]", f.Path)
	}
	return b.String()
}

// listRules prints the rules as they apply.
func (a *app) listRules(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return errors.New("--list-rules takes no files")
	}
	r, err := a.scanRules(ctx)
	if err != nil {
		return err
	}
	if a.json {
		list := []ruleOutput{}
		for _, x := range r.list {
			list = append(list, ruleOutput{x.ID, string(x.Action), string(x.Confidence()), x.Description})
		}
		return a.printJSON(list)
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	for _, x := range r.list {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", x.ID, x.Action, x.Description)
	}
	return tw.Flush()
}
