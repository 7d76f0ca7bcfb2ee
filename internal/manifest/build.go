package manifest

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/preset"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
)

const defaultAskTimeout = 3 * time.Minute

// builder makes a Manifest of a merged document.
type builder struct {
	decoder
	root    *node
	doc     Keys
	host    preset.Host
	ruleIDs []string
	m       *Manifest
}

// build decodes and checks the merged keys of all levels. The mistakes go to p;
// the result is only of use when there are none.
func build(p *problems, root *node, host preset.Host, ruleIDs []string) *Manifest {
	b := &builder{decoder: decoder{problems: p, home: host.Home, bad: map[string]bool{}}, root: root, host: host, ruleIDs: ruleIDs, m: &Manifest{root: root}}
	var doc Document
	b.value(root, valueOf(&doc), "", "")
	b.doc = doc.Keys
	for _, part := range []func(){b.basics, b.ports, b.mounts, b.resources, b.env, b.secrets, b.routes, b.envRefs, b.upstreamProxy, b.dlp, b.git, b.useParts, b.budgets} {
		part()
	}
	return b.m
}

// fault reports what is wrong at a place of the merged document. Where the
// decoder has complained already, nothing more is said.
func (b *builder) fault(where []any, format string, args ...any) {
	if b.spoiled(where...) {
		return
	}
	n := b.root
	for i, step := range where {
		next := n.dig(step)
		if next == nil {
			if key, ok := step.(string); ok && i == len(where)-1 {
				b.at(n, key, format, args...)
				return
			}
			break
		}
		n = next
	}
	b.at(n, "", format, args...)
}

// spoiled reports whether the decoder found a mistake at or below a place.
func (b *builder) spoiled(where ...any) bool {
	key := ""
	for _, step := range where {
		switch s := step.(type) {
		case string:
			key = joinKey(key, s)
		case int:
			key += fmt.Sprintf("[%d]", s)
		}
	}
	return b.bad[key]
}

func at(where ...any) []any { return where }

func (b *builder) basics() {
	m, doc := b.m, &b.doc
	m.Agent, m.Backend, m.Image = or(doc.Agent, "generic"), or(doc.Backend, "auto"), string(doc.Image)
	m.Workspace, m.WorkspaceMode = string(doc.Workspace.Path), or(doc.Workspace.Mode, WorkspaceCopy)
	m.GitUser, m.Prompt = doc.GitUser, string(doc.Prompt)
	for i, p := range append([]Path{doc.Prompt}, doc.Skills...) {
		if hasControl(string(p)) {
			b.fault(at([]any{"prompt", "skills"}[min(i, 1)]), "%s is no path", quote(string(p)))
		}
		if i > 0 {
			m.Skills = append(m.Skills, string(p))
		}
	}
	m.Capture = doc.Capture || b.root.dig("capture") == nil
	m.RecordBodies = doc.Record.Bodies
	m.Metrics = doc.Metrics.Listen
	if ap, err := netip.ParseAddrPort(m.Metrics); m.Metrics != "" && (err != nil || !ap.Addr().IsLoopback()) {
		b.fault(at("metrics", "listen"), "%s is no loopback address with a port, such as 127.0.0.1:9095: whoever reaches it sees what the agent does", quote(m.Metrics))
	}
	m.Notify = Notify{Questions: doc.Notify.Questions || b.root.dig("notify", "questions") == nil, Sound: doc.Notify.Sound}
	m.ForwardHostSettings = doc.ForwardHostSettings || b.root.dig("forward_host_settings") == nil
	m.Supervise = doc.Supervise || b.root.dig("supervise") == nil
	for key, v := range map[string]string{"name": doc.GitUser.Name, "email": doc.GitUser.Email} {
		if hasControl(v) || strings.ContainsAny(v, "<>") {
			b.fault(at("git_user", key), "%s has characters that git allows in no name or address", quote(v))
		}
	}
	e := &m.Egress
	e.Default, e.AskTimeout = proxy.Action(or(doc.Egress.Default, string(proxy.Deny))), time.Duration(doc.Egress.AskTimeout)
	if e.AskTimeout == 0 {
		e.AskTimeout = defaultAskTimeout
	}
	for i, p := range doc.Egress.UpstreamCA {
		e.UpstreamCA = append(e.UpstreamCA, string(p))
		if hasControl(string(p)) {
			b.fault(at("egress", "upstream_ca", i), "%s is no path", quote(string(p)))
		}
	}
	if hasControl(m.Workspace) {
		b.fault(at("workspace", "path"), "%s is no path", quote(m.Workspace))
	}
}

func (b *builder) mounts() {
	seen := map[string]int{}
	for i, e := range b.doc.Mounts {
		where := at("mounts", i)
		if b.spoiled(where...) {
			continue
		}
		m := Mount{Path: string(e.Path), At: e.At, Writable: e.Mode == "rw"}
		if m.At == "" {
			m.At = m.Path
			if written := b.root.dig("mounts", i, "path").text; strings.HasPrefix(written, "~") {
				m.At = written
			}
		}
		m.At = path.Clean(m.At)
		home := m.At == "~" || strings.HasPrefix(m.At, "~/")
		switch {
		case hasControl(m.Path) || hasControl(m.At):
			b.fault(where, "a path has control characters in it")
		case !home && !path.IsAbs(m.At):
			b.fault(append(where, "at"), "%s is neither an absolute path nor ~/…", quote(e.At))
		case m.At == "/" || m.At == "~":
			b.fault(append(where, "at"), "%s cannot be mounted over as a whole", m.At)
		default:
			if first, ok := seen[m.At]; ok {
				b.fault(where, "mounts[%d] is at %s too", first, quote(m.At))
			}
			seen[m.At] = i
			b.m.Mounts = append(b.m.Mounts, m)
		}
	}
}

func (b *builder) resources() {
	r := b.doc.Resources
	b.m.Resources = Resources{Memory: int64(r.Memory), CPUs: r.CPUs, PIDs: r.PIDs, Disk: int64(r.Disk)}
	if r.Disk != 0 && r.Disk < vm.MinDisk {
		b.fault(at("resources", "disk"), "at least %dGiB is needed", int64(vm.MinDisk)>>30)
	}
	if r.Memory != 0 && r.Memory < vm.MinMemory {
		b.fault(at("resources", "memory"), "at least %dMiB is needed", int64(vm.MinMemory)>>20)
	}
	if r.CPUs != 0 && (r.CPUs < vm.MinCPUs || r.CPUs > 4096) {
		b.fault(at("resources", "cpus"), "%g to 4096 is accepted, or 0 for no limit", vm.MinCPUs)
	}
	if r.PIDs != 0 && (r.PIDs < vm.MinPIDs || r.PIDs > 1<<22) {
		b.fault(at("resources", "pids"), "%d to %d is accepted, or 0 for no limit", vm.MinPIDs, 1<<22)
	}
}

// envName is what every shell takes for the name of a variable.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (b *builder) env() {
	b.m.Env = maps.Clone(b.doc.Env)
	for _, k := range slices.Sorted(maps.Keys(b.doc.Env)) {
		if !envName.MatchString(k) {
			b.fault(at("env", k), "%s is not the name of a variable (letters, digits and _, no digit first)", quote(k))
		}
		if what, own := ownVariables[k]; own {
			b.fault(at("env", k), "%s is %s, which bottle sets itself: leave it out", k, what)
		}
		if strings.ContainsRune(b.doc.Env[k], 0) {
			b.fault(at("env", k), "the value has a NUL byte in it")
		}
	}
}

func (b *builder) upstreamProxy() {
	p := b.doc.Egress.UpstreamProxy
	where := at("egress", "upstream_proxy")
	if p == (UpstreamProxy{}) || b.spoiled(where...) {
		return
	}
	atURL := where
	if n := b.root.dig(where...); n != nil && n.kind == mapNode {
		atURL = append(slices.Clone(where), "url")
	}
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		b.fault(atURL, "a URL such as http://proxy.example.com:3128 is wanted")
		return
	case u.User != nil:
		b.fault(atURL, "the login does not go into the URL: write upstream_proxy: {url: …, user: …, password: NAME-OF-A-SECRET}")
		return
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		b.fault(atURL, "the URL of a proxy is a scheme, a host and a port, and nothing more")
		return
	case (p.User == "") != (p.Password == ""):
		b.fault(where, "user and password (the name of a secret) go together")
		return
	case strings.ContainsAny(p.User, ":") || hasControl(p.User):
		b.fault(append(slices.Clone(where), "user"), "a user has no colon and no control characters (RFC 7617)")
		return
	}
	if p.Password != "" {
		b.useSecret(append(slices.Clone(where), "password"), p.Password)
	}
	b.m.Egress.UpstreamProxy = &UpstreamProxyDecl{URL: u, User: p.User, Secret: p.Password}
}

func (b *builder) dlp() {
	d := b.doc.DLP
	b.m.DLP = dlp.Policy{Action: dlp.Action(or(d.Action, string(dlp.Block)))}
	b.scan() // before what may name custom rules
	for _, id := range slices.Sorted(maps.Keys(d.Rules)) {
		b.checkRule(at("dlp", "rules", id), id)
		if b.m.DLP.Rules == nil {
			b.m.DLP.Rules = map[string]dlp.Action{}
		}
		b.m.DLP.Rules[id] = dlp.Action(d.Rules[id])
	}
	for i, e := range d.Allow {
		where := at("dlp", "allow", i)
		if b.spoiled(where...) {
			continue
		}
		b.checkRule(append(where, "rule"), e.Rule)
		host, err := canonicalPattern(e.Host)
		if err != nil {
			b.fault(append(where, "host"), "%v", err)
		}
		b.m.DLP.Allow = append(b.m.DLP.Allow, dlp.Exemption{Rule: e.Rule, Host: host})
	}
}

func (b *builder) checkRule(where []any, id string) {
	if b.ruleIDs != nil && !slices.Contains(b.ruleIDs, id) {
		text := "`bottle scan --list-rules` lists them" // some hundreds
		if near := nearest(id, b.ruleIDs); near != "" {
			text = fmt.Sprintf("did you mean %s? %s", near, text)
		}
		b.fault(where, "there is no rule %s: %s", quote(id), text)
	}
}

// canonicalPattern checks a host, or *.host.
func canonicalPattern(s string) (string, error) {
	name, wild := strings.CutPrefix(s, "*.")
	host, err := proxy.CanonicalHost(name)
	if err != nil {
		return "", fmt.Errorf("%w (accepted: an exact name, *.example.com, or an IP address)", err)
	}
	if !wild {
		return host, nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", fmt.Errorf("%s: a wildcard needs a name, not an address", quote(s))
	}
	return "*." + host, nil
}

func or(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

// hasControl reports whether s has ASCII control characters, which no path and
// no name of a manifest has a use for.
func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0
}
