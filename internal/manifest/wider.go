package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// Wider lists in words each way in which a reload from one manifest to the next
// widens what the bottle reaches, sees of the host or uses of its secrets. When
// there is none, the new manifest may take the place of the old at once;
// otherwise the operator has to say yes. In doubt it is wider. Every line may be
// printed as it is.
func Wider(old, new *Manifest) []string {
	w := &widening{old: old, new: new}
	for _, part := range []func(){w.kind, w.routes, w.upstream, w.secrets, w.mounts, w.dlp, w.git, w.budgets, w.record} {
		part()
	}
	return w.found
}

type widening struct {
	old, new *Manifest
	found    []string
}

func (w *widening) say(format string, args ...any) {
	w.found = append(w.found, fmt.Sprintf(format, args...))
}

// actionRank and dlpRank order what is decided from the strictest on. An
// unknown value is the most open.
var (
	actionRank = []proxy.Action{proxy.Deny, proxy.Ask, proxy.Allow}
	dlpRank    = []dlp.Action{dlp.Block, dlp.Redact, dlp.Warn, dlp.Off}
)

func looser[T comparable](ranks []T, a, than T) bool {
	rank := func(v T) int {
		if i := slices.Index(ranks, v); i >= 0 {
			return i
		}
		return len(ranks)
	}
	return rank(a) > rank(than)
}

func (w *widening) kind() {
	if w.old.Agent != w.new.Agent {
		w.say("the agent is %s instead of %s", w.new.Agent, w.old.Agent)
	}
	if w.old.Backend != w.new.Backend {
		w.say("the backend is %s instead of %s", w.new.Backend, w.old.Backend)
	}
	for _, line := range w.new.portLines() {
		if !slices.Contains(w.old.portLines(), line) {
			w.say("%s", line)
		}
	}
	if w.old.Image != w.new.Image {
		w.say("the image is %s instead of %s", escape.Text(or(w.new.Image, "the default")), escape.Text(or(w.old.Image, "the default")))
	}
}

func (w *widening) upstream() {
	old, new := &w.old.Egress, &w.new.Egress
	for _, ca := range new.UpstreamCA {
		if !slices.Contains(old.UpstreamCA, ca) {
			w.say("upstreams are also believed by the roots in %s", escape.Text(ca))
		}
	}
	switch was, is := old.UpstreamProxy, new.UpstreamProxy; {
	case is == nil && was != nil:
		w.say("public hosts are reached directly instead of through the upstream proxy")
	case is != nil && (was == nil || was.URL.String() != is.URL.String() || was.User != is.User || was.Secret != is.Secret):
		w.say("public hosts are reached through another upstream proxy: %s", escape.Text(is.URL.Redacted()))
	}
}

func (w *widening) secrets() {
	for i := range w.new.Secrets {
		is := &w.new.Secrets[i]
		was := w.old.Secret(is.Name)
		name := escape.Text(is.Name)
		switch {
		case was == nil:
			w.say("there is a new secret: %s, %s", name, sourceText(is))
		case !reflect.DeepEqual(origin(was), origin(is)):
			w.say("the secret %s comes from elsewhere: %s", name, sourceText(is))
		case !reflect.DeepEqual(was.Inject, is.Inject):
			w.say("the secret %s goes into other places of a request", name)
		}
	}
}

// record is about the disk: an agent that writes the manifest must not fill it, and what
// is kept is the operator's to say.
func (w *widening) record() {
	if w.new.RecordBodies && !w.old.RecordBodies {
		w.say("record.bodies is true: %s", RecordText)
	}
}

// origin is a source without what only says how often it is asked.
func origin(d *SecretDecl) secret.Source {
	src := d.Source
	src.TTL, src.Timeout = 0, 0
	return src
}

func (w *widening) mounts() {
	if w.old.WorkspaceMode != w.new.WorkspaceMode && w.new.WorkspaceMode != WorkspaceCopy {
		w.say("the workspace is the folder itself instead of a copy")
	}
	if w.old.Workspace != w.new.Workspace {
		w.say("the workspace is %s instead of %s", escape.Text(w.new.Workspace), escape.Text(w.old.Workspace))
	}
	for _, is := range w.new.Mounts {
		readOnly := is
		readOnly.Writable = false
		switch {
		case slices.Contains(w.old.Mounts, is):
		case is.Writable && slices.Contains(w.old.Mounts, readOnly):
			w.say("the mount %s is writable now", escape.Text(is.Path))
		case !is.Writable && slices.ContainsFunc(w.old.Mounts, func(o Mount) bool { return o.Path == is.Path && o.At == is.At }):
		default:
			w.say("there is a new mount: %s", mountLine(is))
		}
	}
	// A mount may lie over a part of another and so hide it.
	for _, was := range w.old.Mounts {
		gone := !slices.ContainsFunc(w.new.Mounts, func(m Mount) bool { return m.At == was.At })
		over := slices.ContainsFunc(w.new.Mounts, func(m Mount) bool { return paths.Below(was.At, m.At) || paths.Below(was.Path, m.Path) })
		if gone && (over || paths.Below(was.Path, w.new.Workspace)) {
			w.say("the mount %s, which lay over a part of another, is gone", escape.Text(was.Path))
		}
	}
}

func (w *widening) dlp() {
	old, new := &w.old.DLP, &w.new.DLP
	if looser(dlpRank, new.Action, old.Action) {
		w.say("dlp.action is %s instead of %s", new.Action, old.Action)
	}
	named := map[string]bool{}
	for _, rules := range [...]map[string]dlp.Action{old.Rules, new.Rules} {
		for id := range rules {
			named[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(named)) {
		if was, is := ruleAction(old, id), ruleAction(new, id); looser(dlpRank, is, was) {
			w.say("the dlp rule %s has the action %s instead of %s", escape.Text(id), is, was)
		}
	}
	w.scan()
	for _, e := range new.Allow {
		if !slices.Contains(old.Allow, e) {
			w.say("what the dlp rule %s finds may go to %s", escape.Text(e.Rule), escape.Host(e.Host))
		}
	}
}

// ruleAction is what a policy does with what a rule finds: what it says of the
// rule, or else its action for all, unless that of the rule itself is milder.
func ruleAction(p *dlp.Policy, id string) dlp.Action {
	if a, ok := p.Rules[id]; ok {
		return a
	}
	if own := ownAction(id); looser(dlpRank, own, p.Action) {
		return own
	}
	return p.Action
}

// ownAction is what a rule comes with.
func ownAction(id string) dlp.Action {
	if r, ok := dlp.Describe(id); ok {
		return r.Action
	}
	return dlp.Block
}
