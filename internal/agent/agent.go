// Package agent knows the coding agents: what each needs in its machine so
// that it starts without questions and reaches nothing but its provider.
//
// A [Plan] is data. It is made without looking at the host, can be printed, and
// is rendered into a home folder by [Plan.Write].
package agent

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Plan is what an agent needs in its machine.
type Plan struct {
	Agent string `json:"agent"`
	// Program is what is looked up on the host's PATH, so that its install
	// folder can be shown inside; empty for an agent that is any command.
	Program string `json:"program,omitempty"`
	// Install is the command that puts Program there.
	Install string `json:"install,omitempty"`
	// Command runs the agent when the person names no command.
	Command []string `json:"command,omitempty"`
	// Env is added to the environment. Variables of the manifest win over it.
	Env map[string]string `json:"env,omitempty"`
	// Files are written into the home folder.
	Files []File `json:"files,omitempty"`
	// Hosts are those that the agent cannot work without, each with the path that it
	// needs most. They are named in the summary when no route leads there; a plan
	// opens nothing by itself.
	Hosts []string `json:"hosts,omitempty"`
	// Credential says what the agent holds of a credential, and where; nil for none.
	Credential *Credential `json:"credential,omitempty"`
	// Settings are what is taken over of the person's own; nil for none.
	Settings *Settings `json:"settings,omitempty"`
	// Stale are patterns of files that a client keeps in its home, relative to it, and
	// makes again. They are removed where a bottle is gone on with, for they say how
	// things were: Codex's database would have its account check wait.
	Stale []string `json:"stale,omitempty"`
	// Trusted are folders that the agent does not ask about.
	Trusted []string `json:"trusted,omitempty"`
}

// Credential is what an agent holds of a credential: never itself.
type Credential struct {
	// Form is what the agent takes it for: "oauth token", "auth token" or "api key".
	Form string `json:"form"`
	// Held is where it looks for it: a variable, or a file as ~/….
	Held string `json:"held"`
}

// File is one file of a plan.
type File struct {
	Path string `json:"path"` // relative to the home folder, with slashes
	Mode Mode   `json:"mode"`
	Data string `json:"data"`
	// Format is that of settings, which are laid over what the file has when it is there
	// already; "" for a file that is the plan's alone.
	Format Format `json:"format,omitempty"`
}

// Mode are the permission bits of a file. Its text is octal, such as 0644.
type Mode uint32

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(m)), nil }

// Options is what plans depend on.
type Options struct {
	// Workspace is the absolute path of the workspace inside the machine.
	Workspace string
	// Home is the absolute path of the home folder inside the machine.
	Home string
	// Env is the environment that the manifest gives, with placeholders in
	// place of credentials.
	Env map[string]string
	// Prompt is what the agent is told beside the person's own words, "" for nothing.
	Prompt string
	// Skills are files below a skill's folder, whose name their path begins with.
	Skills []File
	// Logins are those of the host that the agent may use.
	Logins []Login
	// Settings are the person's own, or nil.
	Settings *Settings
	// GitUser is written into the home's git configuration.
	GitUser GitUser
	// GitConfig is put behind it, as it is.
	GitConfig string
	// Supervise is the URL of the MCP server that the agent is given, "" for none.
	Supervise string
	// Args are put behind the agent's own command.
	Args []string
}

// superviseName is what the agent calls the MCP server: its tools are bottle's.
const superviseName = "bottle"

// GitUser is the author of the agent's commits. The zero value writes nothing.
type GitUser struct{ Name, Email string }

// providers maps an agent's name to what makes its plan.
var providers = map[string]func(Options) (Plan, error){
	"generic": generic,
	"claude":  claude,
	"codex":   codex,
}

// Names lists the agents, sorted.
func Names() []string { return slices.Sorted(maps.Keys(providers)) }

// New makes the plan of an agent.
func New(name string, opt Options) (Plan, error) {
	provider := providers[name]
	if provider == nil {
		return Plan{}, fmt.Errorf("%q is not an agent: %s", name, strings.Join(Names(), ", "))
	}
	p, err := provider(opt)
	if err != nil {
		return Plan{}, fmt.Errorf("agent %s: %w", name, err)
	}
	p.Agent = name
	if len(p.Command) > 0 {
		p.Command = append(p.Command, opt.Args...)
	}
	if f, ok := gitConfig(opt.GitUser, opt.GitConfig); ok {
		p.Files = append(p.Files, f)
	}
	return p, nil
}

// generic is any command. It needs nothing.
func generic(Options) (Plan, error) { return Plan{}, nil }

// gitConfig names the author of commits. A value is quoted, so that nothing in
// it can begin another setting.
func gitConfig(u GitUser, rest string) (File, bool) {
	if u == (GitUser{}) {
		return File{Path: ".gitconfig", Mode: 0o644, Data: rest}, rest != ""
	}
	var b strings.Builder
	b.WriteString("[user]\n")
	for _, kv := range [][2]string{{"name", u.Name}, {"email", u.Email}} {
		if kv[1] != "" {
			fmt.Fprintf(&b, "\t%s = %s\n", kv[0], quoteGit(kv[1]))
		}
	}
	return File{Path: ".gitconfig", Mode: 0o644, Data: b.String() + rest}, true
}

func quoteGit(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}
