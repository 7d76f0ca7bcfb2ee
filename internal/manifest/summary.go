package manifest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/proxy"
)

// Summary is what a person is shown before a launch: what the agent will be
// able to reach, see and use. Every line may be printed as it is.
type Summary struct {
	// Reach has a line for each route and one for what none matches.
	Reach []string `json:"reach"`
	// Offered are repositories that no manifest names: see WithOwnRepos.
	Offered []string `json:"offered,omitempty"`
	// Ports has a line for each port of the host that leads into the bottle.
	Ports []string `json:"ports,omitempty"`
	// Mounts begins with the workspace.
	Mounts []string `json:"mounts"`
	// Secrets has a line for each secret that is used, and where it may go.
	Secrets []string `json:"secrets"`
	// Seen are those of them whose file the agent may see itself.
	Seen []string `json:"seen_secrets,omitempty"`
	// Scan is what must not leave beside the secrets: what custom rules find, the
	// values of files, canaries.
	Scan []string `json:"scan,omitempty"`
	// Cautions are what makes this bottle weaker than the default.
	Cautions []string `json:"cautions,omitempty"`
	// Commands run on the host, by their arguments.
	Commands []string `json:"commands,omitempty"`
}

// Lines are all lines that a manifest makes of a summary.
func (s Summary) Lines() []string {
	return slices.Concat(s.Reach, s.Ports, s.Mounts, s.Secrets, s.Seen, s.Scan, s.Commands, s.Cautions)
}

// RecordText is what an operator is told of record: {bodies: true}.
const RecordText = "what the agent sends and gets is kept on this host's disk until \"bottle down\", the first 256 KiB of each body; credentials that the scanner knows are replaced, others stand there in clear"

// Summary puts the manifest into words.
func (m *Manifest) Summary() Summary {
	var s Summary
	for i := range m.Egress.Routes {
		s.Reach = append(s.Reach, routeLine(&m.Egress.Routes[i]))
	}
	s.Reach = append(s.Reach, map[proxy.Action]string{
		proxy.Deny: "everything else: denied", proxy.Ask: "everything else: " + AskText, proxy.Allow: "everything else: allowed",
	}[m.Egress.Default])
	if p := m.Egress.UpstreamProxy; p != nil {
		s.Reach = append(s.Reach, "public hosts are reached through "+escape.Text(p.URL.Redacted()))
	}
	s.Reach = append(s.Reach, m.budgetLines()...)
	for _, line := range m.gitLines() {
		s.Reach = append(s.Reach, escape.Text(line))
	}
	s.Offered = m.offeredLines()
	s.Ports = m.portLines()
	workspace := escape.Text(m.Workspace) + ": a copy, which stays with the bottle"
	if m.WorkspaceMode == WorkspaceMount {
		workspace = escape.Text(m.Workspace) + ": the folder itself, writable"
	}
	s.Mounts = append(s.Mounts, workspace)
	for _, mt := range m.Mounts {
		s.Mounts = append(s.Mounts, mountLine(mt))
	}
	for i := range m.Secrets {
		d := &m.Secrets[i]
		switch where := m.holds(d.Source.File); {
		case d.Used && where != "":
			s.Seen = append(s.Seen, m.secretLine(d)+"; "+where+": move the file out of what the agent sees")
		case d.Used:
			s.Secrets = append(s.Secrets, m.secretLine(d))
		}
		if len(d.Source.Command) > 0 && d.Used {
			s.Commands = append(s.Commands, commandLine(d.Source.Command))
		}
	}
	s.Scan = m.Scan.lines()
	s.Cautions = m.cautions()
	return s
}

func routeLine(r *proxy.Route) string {
	var b strings.Builder
	b.WriteString(escape.Host(r.Host))
	if len(r.Ports) > 0 {
		ports := make([]string, len(r.Ports))
		for i, p := range r.Ports {
			ports[i] = strconv.Itoa(p)
		}
		b.WriteString(" port " + strings.Join(ports, ", "))
	}
	for _, l := range [][]string{r.Methods, r.Paths} {
		if len(l) > 0 {
			b.WriteString(" " + escape.Text(strings.Join(l, ", ")))
		}
	}
	b.WriteString(map[proxy.Action]string{proxy.Allow: ": allowed", proxy.Ask: ": " + AskText, proxy.Deny: ": denied"}[r.Action])
	if r.Action == proxy.Deny {
		return b.String()
	}
	switch r.TLS {
	case proxy.Passthrough:
		b.WriteString(", not looked into")
	case proxy.Raw:
		b.WriteString(", any protocol")
	}
	if r.Private {
		b.WriteString(", private addresses too")
	}
	if r.Upstream != "" {
		b.WriteString(", at " + escape.Host(r.Upstream))
	}
	if r.Kind == proxy.KindModel {
		b.WriteString(", a model provider")
	}
	if r.GraphQL == proxy.GraphQLQuery {
		b.WriteString(", of GraphQL queries only")
	}
	if len(r.Secrets) > 0 {
		b.WriteString(", with " + escape.Text(strings.Join(r.Secrets, ", ")))
	}
	return b.String()
}

// lines say all that is looked for, so that any change of it is another line.
func (s *Scan) lines() (out []string) {
	for _, path := range s.Known {
		out = append(out, escape.Text(path)+" is read: its secrets must not leave")
	}
	for i := range s.Custom {
		out = append(out, customLine(&s.Custom[i]))
	}
	for _, name := range s.Canaries {
		out = append(out, escape.Text(name)+" is a variable with a made-up secret")
	}
	return out
}

func customLine(r *dlp.CustomRule) string {
	line := "the rule " + escape.Text(r.ID) + " finds " + escape.Text(r.Prefix)
	switch {
	case r.Pattern != "":
		line += " and what matches " + escape.Text(r.Pattern)
		if r.Max != 0 {
			line += fmt.Sprintf(", of at most %d bytes", r.Max)
		}
	case r.Length != 0:
		line += fmt.Sprintf(" and %d of %s", r.Length, escape.Text(r.Class))
	case r.Max != 0:
		line += fmt.Sprintf(" and %d to %d of %s", r.Min, r.Max, escape.Text(r.Class))
	default:
		line += fmt.Sprintf(" and %d or more of %s", r.Min, escape.Text(r.Class))
	}
	return line
}

func mountLine(m Mount) string {
	line := escape.Text(m.Path)
	if m.At != m.Path {
		line += " at " + escape.Text(m.At)
	}
	if m.Writable {
		return line + ": writable"
	}
	return line + ": read-only"
}

// holds says what shows the agent a file of the host, going by the names; "" for
// nothing.
func (m *Manifest) holds(file string) string {
	for _, mt := range m.Mounts {
		if file != "" && (file == mt.Path || paths.Below(file, mt.Path)) {
			return "the mount of " + escape.Text(mt.Path) + " shows it"
		}
	}
	switch {
	case file == "" || !paths.Below(file, m.Workspace):
		return ""
	case m.WorkspaceMode == WorkspaceMount:
		return "it is in the workspace, which is mounted"
	}
	return "it is in the workspace, whose copy has it unless git ignores it"
}

func (m *Manifest) secretLine(d *SecretDecl) string {
	var hosts []string
	seen := map[string]bool{}
	for _, r := range m.Egress.Routes {
		for _, name := range r.Secrets {
			if host := escape.Host(r.Host); name == d.Name && r.Action != proxy.Deny && !seen[host] {
				hosts, seen[host] = append(hosts, host), true
			}
		}
	}
	if p := m.Egress.UpstreamProxy; p != nil && p.Secret == d.Name {
		hosts = append(hosts, escape.Host(p.URL.Host)+" (the upstream proxy)")
	}
	for i := range m.Git {
		if h := &m.Git[i]; h.Auth.Secret == d.Name || h.Auth.Passphrase == d.Name {
			hosts = append(hosts, h.Name+" (git)")
		}
	}
	hosts = append(hosts, m.asksWith(d.Name)...)
	to := "goes nowhere"
	if len(hosts) > 0 {
		to = "may go to " + strings.Join(hosts, ", ")
	}
	return fmt.Sprintf("%s (%s): %s", escape.Text(d.Name), sourceText(d), to)
}

// asksWith are the authorization servers that a secret goes to as a part of another.
func (m *Manifest) asksWith(name string) (hosts []string) {
	for i := range m.Secrets {
		d := &m.Secrets[i]
		if o := d.Source.OAuth2; o != nil && d.Used && slices.Contains(d.Source.Parts(), name) {
			hosts = append(hosts, escape.Text(o.TokenURL)+" (for "+escape.Text(d.Name)+")")
		}
	}
	return hosts
}

// sourceText names where a secret comes from.
func sourceText(d *SecretDecl) string {
	switch src := d.Source; {
	case src.Env != "":
		return "from the variable " + escape.Text(src.Env)
	case src.GCP != nil:
		return "access tokens for the service account of " + escape.Text(src.File)
	case src.OAuth2 != nil:
		return "access tokens of " + escape.Text(src.OAuth2.TokenURL)
	case src.GitHubApp != nil:
		return fmt.Sprintf("tokens of the GitHub App %d, made with %s", src.GitHubApp.ID, escape.Text(src.GitHubApp.Key))
	case src.File != "":
		return "from " + escape.Text(src.File)
	case src.Login != "":
		return "this host's login of " + escape.Text(src.Login)
	case src.Keyring != "":
		return "from the keyring's " + escape.Text(src.Keyring)
	default:
		return "from the command " + escape.Text(filepath.Base(src.Command[0]))
	}
}

func commandLine(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		if out[i] = escape.Word(a); out[i] != a || a == "" {
			out[i] = "'" + escape.Text(a) + "'"
		}
	}
	return strings.Join(out, " ")
}

func (m *Manifest) cautions() (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if m.WorkspaceMode == WorkspaceMount {
		say("workspace.mode is mount: what the agent writes is in your folder at once, where your own tools may run it; what it commits stays in a .git of its own, and \"bottle pull\" fetches that")
	}
	if m.Egress.Default == proxy.Allow {
		say("egress.default is allow: whatever no route denies can be reached")
	}
	if m.RecordBodies {
		say("record.bodies is true: %s", RecordText)
	}
	may := func(a dlp.Action) string {
		if a == dlp.Redact {
			return "leaves as a marker"
		}
		return "may leave"
	}
	if m.DLP.Action != dlp.Block {
		say("dlp.action is %s: what looks secret %s", m.DLP.Action, may(m.DLP.Action))
	}
	for _, id := range slices.Sorted(maps.Keys(m.DLP.Rules)) {
		if is := m.DLP.Rules[id]; looser(dlpRank, is, ownAction(id)) {
			say("dlp.rules has %s for %s: what it finds %s", is, escape.Text(id), may(is))
		}
	}
	for _, e := range m.DLP.Allow {
		say("dlp.allow: what the rule %s finds may go to %s", escape.Text(e.Rule), escape.Host(e.Host))
	}
	for _, r := range m.Egress.Routes {
		switch {
		case r.Action == proxy.Deny:
		case r.TLS == proxy.Passthrough:
			say("%s is passthrough (%s): nothing that goes there is scanned", escape.Host(r.Host), escape.Text(r.Source))
		case r.TLS == proxy.Raw:
			say("%s is raw (%s): what is encrypted in there is not seen", escape.Host(r.Host), escape.Text(r.Source))
		}
	}
	if n := len(m.Egress.UpstreamCA); n > 0 {
		say("upstreams are also believed by the roots in %s", escape.Text(strings.Join(m.Egress.UpstreamCA, ", ")))
	}
	return out
}
