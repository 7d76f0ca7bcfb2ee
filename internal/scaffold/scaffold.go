// Package scaffold proposes a manifest for a project: it looks at the project's
// files and at what the host has, and writes what it found with the reasons.
package scaffold

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/preset"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/internal/workspace"
)

// Host is what is looked at beside the project.
type Host struct {
	// LookupEnv is the host's environment.
	LookupEnv func(string) (string, bool)
	// LookPath finds a program on the host's PATH.
	LookPath func(string) (string, error)
}

func (h Host) getenv(name string) string {
	v, _ := h.LookupEnv(name)
	return v
}

func (h Host) has(program string) bool {
	_, err := h.LookPath(program)
	return err == nil
}

// ThisHost is the host of this process.
func ThisHost() Host { return Host{LookupEnv: os.LookupEnv, LookPath: exec.LookPath} }

// proposal is what a manifest will have.
type proposal struct {
	agent   string
	why     string // the agent
	forward bool
	use     []string
	notYet  []string // presets that have no hosts here, with the reason
	known   []string
	secrets []string
	repos   []repo
}

// repo is one that the project was cloned from.
type repo struct{ host, path string }

// Propose returns the text of a manifest for the project in a folder. Nothing is
// executed, and no value of a credential is in it.
func Propose(dir string, h Host) string {
	p := &proposal{}
	p.lookAtAgents(h)
	p.lookAtProject(dir, h)
	return p.text()
}

// agents are those that are looked for, with what each takes a key from.
var agents = []struct{ name, preset, key string }{
	{"claude", "anthropic", "ANTHROPIC_API_KEY"},
	{"codex", "openai", "OPENAI_API_KEY"},
}

// lookAtAgents prefers who is logged in to who has a key, and that to who is only
// installed.
func (p *proposal) lookAtAgents(h Host) {
	p.agent, p.why = "generic", "no agent was found on your PATH: claude or codex"
	best := 0
	for _, a := range agents {
		if !h.has(a.name) {
			continue
		}
		rank, why := 1, a.name+" is installed; nobody is logged in with it, and "+a.key+" is not set"
		switch s, err := secret.New(a.name, secret.Source{Login: a.name}, secret.Options{LookupEnv: h.LookupEnv}); {
		case err == nil && usable(s):
			rank, why = 3, "you are logged in with it"
		case h.getenv(a.key) != "":
			rank, why = 2, a.key+" is set"
		}
		if rank <= best {
			continue
		}
		best, p.agent, p.why, p.forward, p.secrets, p.use = rank, a.name, why, rank == 3, nil, nil
		if rank == 2 {
			p.use = []string{a.preset}
			p.secrets = []string{fmt.Sprintf("  %s:\n    from: {env: %s}\n", a.preset, a.key)}
		}
	}
}

func usable(s *secret.Secret) bool {
	_, err := s.Check()
	return err == nil
}

// projects are the files that tell which package manager a project has.
var projects = []struct{ file, preset string }{
	{"package.json", "npm"}, {"pyproject.toml", "pip"}, {"requirements.txt", "pip"}, {"Cargo.toml", "cargo"}, {"go.mod", "go"},
}

// plainPath is a repository's path that YAML takes as it is.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~/-]*$`)

// lookAtRemotes finds what the project was cloned from. One that cannot be read is told of
// by bottle up.
func (p *proposal) lookAtRemotes(dir string) {
	remotes, err := workspace.Remotes(dir)
	if err != nil {
		return
	}
	for _, remote := range remotes {
		host, path, ok := manifest.RepoOfURL(remote.URL)
		if r := (repo{host, path}); ok && plainPath.MatchString(path) && !slices.Contains(p.repos, r) {
			p.repos = append(p.repos, r)
		}
	}
}

func (p *proposal) lookAtProject(dir string, h Host) {
	p.lookAtRemotes(dir)
	if slices.ContainsFunc(p.repos, func(r repo) bool { return r.host == "github.com" }) {
		p.use = append(p.use, "github")
		if h.has("gh") {
			p.secrets = append(p.secrets, "  github:\n    from: {command: [gh, auth, token]}\n")
		}
	}
	for _, f := range projects {
		if _, err := os.Stat(filepath.Join(dir, f.file)); err != nil || slices.Contains(p.use, f.preset) {
			continue
		}
		if _, err := preset.Named(f.preset, preset.Host{Home: h.getenv("HOME"), Getenv: h.getenv}); err != nil {
			p.notYet = append(p.notYet, err.Error())
			continue
		}
		p.use = append(p.use, f.preset)
	}
	found, _ := filepath.Glob(filepath.Join(dir, ".env*")) // the pattern is good
	for _, f := range found {
		switch name := filepath.Base(f); name {
		case ".env", ".env.local", ".env.development", ".env.production":
			p.known = append(p.known, "./"+name)
		}
	}
}

func (p *proposal) text() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# What an agent may do in a bottle here. See `bottle help routes`; `bottle policy check URL`")
	say("# says what a request would come to. Written by `bottle init`; change what you like.")
	say("version: 1\n")
	say("# %s.", p.why)
	say("agent: %s\n", p.agent)
	if p.forward {
		say("# The login stays on this host, where it is renewed; the agent has a placeholder.")
		say("forward_host_credentials: true\n")
	}
	for _, why := range slices.Compact(slices.Sorted(slices.Values(p.notYet))) {
		say("# Not used: %s", oneLine(why))
	}
	if len(p.use) > 0 {
		say("# Named groups of routes; `bottle policy presets` lists what is in them.")
		say("use: [%s]\n", strings.Join(p.use, ", "))
	}
	say("# What no route names is refused. A route for a host of your own:")
	say("egress:\n  default: deny\n  # routes:\n  #   - host: api.example.com\n  #     methods: [GET]\n")
	if len(p.repos) > 0 {
		say("# `bottle up` offers to let git fetch from where this was cloned from. For pushes, which\n# then have rules (`bottle help git`):")
		say("%s\n", p.gitText())
	}
	if len(p.known) > 0 {
		say("# The values in these files must not leave.")
		say("dlp:\n  known: [%s]\n", strings.Join(p.known, ", "))
	}
	if len(p.secrets) > 0 {
		say("# Read on this host. The agent has placeholders, which are replaced on their way out.")
		say("secrets:\n%s", strings.TrimSuffix(strings.Join(p.secrets, ""), "\n"))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// gitText is the part for git, each line as a comment.
func (p *proposal) gitText() string {
	lines := []string{"git:"}
	for i, r := range p.repos {
		if !slices.ContainsFunc(p.repos[:i], func(before repo) bool { return before.host == r.host }) {
			lines = append(lines, "  "+r.host+":")
			if r.host == "github.com" && slices.ContainsFunc(p.secrets, func(s string) bool { return strings.HasPrefix(s, "  github:") }) {
				lines = append(lines, "    auth: {secret: github}")
			} else {
				lines = append(lines, "    # auth: {secret: NAME}   # one under secrets")
			}
			lines = append(lines, "    repos:")
			for _, same := range p.repos[i:] {
				if same.host == r.host {
					lines = append(lines, "      - path: "+same.path, "        access: write",
						`        push: {create: ["refs/heads/agent/**"], update: ["refs/heads/agent/**"]}`)
				}
			}
		}
	}
	return "# " + strings.Join(lines, "\n# ")
}

// oneLine keeps a text inside of its comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
