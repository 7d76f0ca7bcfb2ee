package bottle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/desktop"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/internal/workspace"
	"github.com/bot-bottle/bottle/vm"
)

// Options of Prepare.
type Options struct {
	Manifest *manifest.Manifest
	Trust    *manifest.Trust
	Backend  vm.Backend
	// Args are the command to run; empty means the agent's own. When the first
	// begins with a hyphen, they are arguments of the agent's own.
	Args []string
	// Env says where state is kept.
	Env state.Env
	// Resolver is asked for the names of upstreams; nil is the system's.
	Resolver *net.Resolver
	// Version is that of this program, for those who ask a running bottle.
	Version string
	// Reload loads the manifest anew when its file has changed; nil means that
	// the one above stays in force.
	Reload func() (*manifest.Manifest, error)
	// Progress is told what takes long; nil is silent.
	Progress func(string)
	// Log gets what the operator should know and the journal does not hold.
	Log *slog.Logger
	// Desktop is told of questions; nil for none.
	Desktop *desktop.Notifier
	// Mounts and Vars are added to those of the manifest.
	Mounts []vm.Mount
	Vars   map[string]string
}

// Prepared is a bottle that can be launched, as far as can be told without
// touching anything.
type Prepared struct {
	Manifest *manifest.Manifest
	Plan     agent.Plan
	Args     []string
	Install  []vm.Mount // where the program is on the host, when it is not in a system folder
	links    []vm.Link
	path     []string // folders that the program and its interpreter were found in
	Warnings []string
	behind   workspace.Behind
	prompt   string // what the agent is told
	skills   []agent.File
	settings *agent.Settings
	again    *state.Bottle // the bottle that is gone on with; nil for a new one
	opt      Options
}

// Prepare checks everything that can be checked without a side effect: trust,
// the files and variables that the manifest names, the program, the host. No
// secret is resolved and nothing is executed.
func Prepare(ctx context.Context, opt Options) (*Prepared, error) {
	if opt.Progress == nil {
		opt.Progress = func(string) {}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	m := opt.Manifest
	warnings, err := m.Check(opt.Trust, checkOptions(opt.Env))
	if err != nil {
		return nil, err
	}
	if err := checkWorkspace(m); err != nil {
		return nil, err
	}
	if err := checkEnv(m); err != nil {
		return nil, err
	}
	p := &Prepared{Manifest: m, Warnings: warnings, Args: opt.Args, opt: opt}
	if p.prompt, err = prompt(m); err != nil {
		return nil, err
	}
	if p.skills, err = skills(m); err != nil {
		return nil, err
	}
	p.readSettings()
	if p.Plan, err = agent.New(m.Agent, p.agentOptions(m.Env, expectedLogins(m))); err != nil {
		return nil, err
	}
	if err := p.agentArgs(); err != nil {
		return nil, err
	}
	if len(p.Args) == 0 {
		return nil, fmt.Errorf("there is nothing to run: the agent is %s; name a command, as in \"bottle up -- COMMAND\"", m.Agent)
	}
	if p.keeper() == nil { // whose machines have programs of their own
		if err := p.findProgram(); err != nil {
			return nil, err
		}
	}
	if err := p.checkMounts(); err != nil {
		return nil, err
	}
	if err := checkGit(m); err != nil {
		return nil, err
	}
	if err := p.checkPorts(); err != nil {
		return nil, err
	}
	if err := p.lookBehind(ctx); err != nil {
		return nil, err
	}
	if err := p.checkExposed(); err != nil {
		return nil, err
	}
	p.warnSockets()
	p.warnCredentialMounts()
	p.warnUnreachable()
	return p, nil
}

// agentArgs puts the agent's own command where none is given, or only arguments
// for it.
func (p *Prepared) agentArgs() error {
	if len(p.Args) > 0 && !strings.HasPrefix(p.Args[0], "-") {
		return nil
	}
	if len(p.Args) > 0 && len(p.Plan.Command) == 0 {
		return fmt.Errorf("%q is no command; arguments for an agent need its name in front, as in \"bottle up claude -- %s\"", p.Args[0], strings.Join(p.Args, " "))
	}
	p.Args = slices.Concat(p.Plan.Command, p.Args)
	return nil
}

// home is the agent's inside.
const home = vm.DefaultHome

func (p *Prepared) agentOptions(env map[string]string, logins []agent.Login) agent.Options {
	m := p.Manifest
	opt := agent.Options{Workspace: m.Workspace, Home: home, Env: env, Logins: logins, GitUser: gitUser(m), GitConfig: gitConfig(m), Prompt: p.prompt, Skills: p.skills, Settings: p.settings}
	if m.Supervise {
		opt.Supervise = supervise.URL
	}
	return opt
}

// gitUser is who the agent commits as. Without a name git refuses to commit at
// all; the address of the default is nobody's (RFC 2606).
func gitUser(m *manifest.Manifest) agent.GitUser {
	u := agent.GitUser{Name: m.GitUser.Name, Email: m.GitUser.Email}
	if u.Name == "" {
		u.Name = "Agent"
	}
	if u.Email == "" {
		u.Email = "agent@bottle.invalid"
	}
	return u
}

// findProgram looks the program up on the host's PATH, where people keep their
// toolchains and agents. One that is in no system folder is shown inside with
// the folder that it was installed in, read-only.
func (p *Prepared) findProgram() error {
	name := p.Args[0]
	if strings.Contains(name, "/") && !strings.HasPrefix(name, "/") {
		return nil // in the workspace
	}
	for _, m := range p.opt.Mounts { // brought along by the caller
		if m.Target == name {
			return nil
		}
	}
	install, err := vm.FindInstall(name, os.Getenv("PATH"), os.Getenv("HOME"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; %s", err, p.howToGet(name))
	}
	if err != nil {
		return err
	}
	p.Install, p.links, p.path = install.Mounts, install.Links, install.Path
	return nil
}

// hostPath is this host's PATH, with the folders of the program that is run and of
// its interpreter, which may be on none.
func (p *Prepared) hostPath() string {
	dirs := append(filepath.SplitList(os.Getenv("PATH")), p.path...)
	if name := p.Args[0]; filepath.IsAbs(name) {
		dirs = append(dirs, filepath.Dir(name))
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// howToGet says what to do about a program that is not there.
func (p *Prepared) howToGet(name string) string {
	if name == p.Plan.Program {
		return fmt.Sprintf("a bottle shows the one of this host, so install it here (%s), or run something else with \"bottle up -- COMMAND\"", p.Plan.Install)
	}
	return "a bottle has the programs of this host, so install it here, or name one in the workspace as ./PROGRAM"
}

// warnUnreachable names hosts without which the agent cannot work.
func (p *Prepared) warnUnreachable() {
	for _, host := range p.Plan.Hosts {
		if e, err := p.Manifest.Explain("POST", host); err == nil && e.Verdict == "deny" {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s needs %s, and no route leads there: add one under egress.routes", p.Plan.Agent, host))
		}
	}
}

// Description is what a launch would do, as data.
type Description struct {
	Summary manifest.Summary `json:"summary"`
	Plan    agent.Plan       `json:"plan"`
	Command []string         `json:"command"`
	Install []vm.Mount       `json:"install,omitempty"`
	// Variables are the names of those that hold placeholders.
	Variables []string `json:"placeholders,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	// Known are the files whose values are looked for.
	Known []manifest.KnownCount `json:"known,omitempty"`
	// Behind are the first files and folders of the workspace that git ignores,
	// and which the bottle so has not.
	Behind []string `json:"stays_behind,omitempty"`
}

// Describe says what a launch would do.
func (p *Prepared) Describe() Description {
	d := Description{Summary: p.Manifest.Summary(), Plan: p.Plan, Command: p.Args, Install: p.Install, Warnings: p.Warnings, Known: p.Manifest.KnownCounts(), Behind: p.behind.Items}
	injected := injectedSecrets(p.Manifest)
	for i := range p.Manifest.Secrets {
		if s := &p.Manifest.Secrets[i]; injected[s.Name] && s.Source.Env != "" {
			d.Variables = append(d.Variables, s.Source.Env)
		}
	}
	return d
}
