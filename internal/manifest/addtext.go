package manifest

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// edit adds a route to the text of a manifest.
type edit struct {
	base    string // of the file
	variant string // in force; "" for none
	id      string // of the question
	date    time.Time

	lines []string
	root  *node
}

// add returns the text with the route. Whatever it does to the text, the result is
// read again, and must say what was said before and the route, and nothing else.
func (e *edit) add(text []byte, g Grant) ([]byte, error) {
	if g.Push != nil {
		return e.addPush(text, g)
	}
	if _, err := e.read(text); err != nil {
		return nil, err
	}
	where, list, at := e.place(g)
	next, err := e.insert(list, where, at, g.Route)
	if err != nil {
		return nil, err
	}
	now, err := parse(&source{shown: e.base, base: e.base}, []byte(next))
	if err != nil {
		return nil, fmt.Errorf("it could not be read then: %w", err)
	}
	if !e.onlyAdded(now, where, at) {
		return nil, errors.New("it would change more than that")
	}
	return []byte(next), nil
}

// split takes the lines of a text, each with its end.
func (e *edit) split(text string) {
	e.lines = strings.SplitAfter(text, "\n")
	if n := len(e.lines) - 1; e.lines[n] == "" {
		e.lines = e.lines[:n]
	} else if !strings.HasSuffix(e.lines[n], "\n") {
		e.lines[n] += "\n"
	}
}

// place finds the list that the route belongs into, and where in it: before the
// route that asked, or else at the end.
func (e *edit) place(g Grant) (where []any, list *node, at int) {
	for _, where := range [][]any{{"egress", "routes"}, {"bottles", e.variant, "egress", "routes"}} {
		list := e.root.dig(where...)
		if list == nil {
			continue
		}
		for i, item := range list.list {
			if g.over != "" && placeOf(item) == g.over {
				return where, list, i
			}
		}
	}
	where = []any{"egress", "routes"}
	if list = e.root.dig(where...); list != nil {
		at = len(list.list)
		if !e.block(list) {
			at = 0 // a list in brackets has no end that is known
		}
	}
	return where, list, at
}

// item is how a block list's entry begins.
var item = regexp.MustCompile(`^( *)- +`)

// block reports whether a list has an entry for each "- ", one below the other.
func (e *edit) block(list *node) bool {
	if len(list.list) == 0 {
		return false
	}
	indent := ""
	for i, n := range list.list {
		m := item.FindStringSubmatch(e.line(n))
		if m == nil || i > 0 && m[1] != indent {
			return false
		}
		indent = m[1]
	}
	return true
}

func (e *edit) line(n *node) string {
	if n.line < 1 || n.line > len(e.lines) {
		return ""
	}
	return e.lines[n.line-1]
}

func (e *edit) insert(list *node, where []any, at int, r proxy.Route) (string, error) {
	switch parent := e.root.dig(where[:len(where)-1]...); {
	case list != nil && list.kind != listNode:
		return "", fmt.Errorf("line %d: routes is no list", list.line)
	case list != nil && e.block(list):
		return e.intoBlock(list, at, r), nil
	case list != nil:
		return e.afterBracket(list, '[', routeFlow(r), len(list.list) > 0)
	case parent == nil:
		return strings.Join(e.lines, "") + "\negress:\n  routes:\n" + e.blockText(r, "    "), nil
	case parent.kind == mapNode && strings.TrimLeft(e.line(parent)[:min(parent.col-1, len(e.line(parent)))], " ") == "":
		indent := strings.Repeat(" ", parent.col-1)
		return e.before(parent.line-1, indent+"routes:\n"+e.blockText(r, indent+"  ")), nil
	case parent.kind == mapNode:
		return e.afterBracket(parent, '{', "routes: ["+routeFlow(r)+"]", true)
	case parent.scalar == nullScalar:
		return e.before(parent.line, "  routes:\n"+e.blockText(r, "    ")), nil
	}
	return "", errors.New("egress is no mapping")
}

// before puts text before a line, by its index. The YAML library may count more
// lines than there are, where carriage returns stand alone: what comes of that is
// refused, since it says something else.
func (e *edit) before(i int, text string) string {
	i = min(max(i, 0), len(e.lines))
	return strings.Join(slices.Insert(slices.Clone(e.lines), i, text), "")
}

// intoBlock puts an entry into a block list. Comments right above an entry stay
// with it.
func (e *edit) intoBlock(list *node, at int, r proxy.Route) string {
	indent := item.FindStringSubmatch(e.line(list.list[0]))[1]
	comment := func(l string) bool { return strings.HasPrefix(strings.TrimLeft(l, " "), "#") }
	if at < len(list.list) {
		i := min(list.list[at].line-1, len(e.lines))
		for i > 0 && comment(e.lines[i-1]) {
			i--
		}
		return e.before(i, e.blockText(r, indent))
	}
	return e.before(e.blockEnd(list, indent), e.blockText(r, indent))
}

// blockEnd is the index of the line behind the last entry of a block list.
func (e *edit) blockEnd(list *node, indent string) int {
	end := list.list[len(list.list)-1].line
	for i := end; i < len(e.lines); i++ {
		l := e.lines[i]
		text := strings.TrimLeft(l, " ")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if len(l)-len(text) <= len(indent) {
			break
		}
		end = i + 1
	}
	return end
}

// afterBracket puts text behind the bracket that a value in flow form begins with.
func (e *edit) afterBracket(n *node, bracket byte, text string, more bool) (string, error) {
	line, col := n.line, n.col
	if bracket == '[' && len(n.list) > 0 && n.list[0].line < line {
		return "", errors.New("its place is not known")
	}
	if line < 1 || line > len(e.lines) {
		return "", errors.New("its place is not known")
	}
	l := e.lines[line-1]
	i := strings.LastIndexByte(l[:min(col, len(l))], bracket)
	if i < 0 {
		return "", fmt.Errorf("line %d: it does not begin with %c there", line, bracket)
	}
	if more {
		text += ", "
	}
	lines := slices.Clone(e.lines)
	lines[line-1] = l[:i+1] + text + l[i+1:]
	return strings.Join(lines, ""), nil
}

// blockText is the entry of a block list, with a comment that says where it is
// from. Nothing in the comment was the agent's to choose.
func (e *edit) blockText(r proxy.Route, indent string) string {
	did := map[proxy.Action]string{proxy.Allow: "allowed", proxy.Deny: "denied"}[r.Action]
	return fmt.Sprintf("%s# %s on %s, when it was asked for (%s)\n%s", indent, did, e.date.Format(time.DateOnly), e.id, routeText(r, indent))
}

// routeText renders a route as an entry of a block list.
func routeText(r proxy.Route, indent string) string {
	var b strings.Builder
	lead := "- "
	for _, f := range routeFields(r) {
		b.WriteString(indent + lead + f + "\n")
		lead = "  "
	}
	return b.String()
}

func routeFlow(r proxy.Route) string { return "{" + strings.Join(routeFields(r), ", ") + "}" }

// routeFields renders the keys of a route that differ from their default.
func routeFields(r proxy.Route) []string {
	f := []string{"host: " + yamlText(r.Host)}
	if len(r.Ports) > 0 {
		f = append(f, "ports: "+strings.ReplaceAll(fmt.Sprint(r.Ports), " ", ", "))
	}
	list := func(key string, values []string) {
		if len(values) == 0 {
			return
		}
		quoted := make([]string, len(values))
		for i, v := range values {
			quoted[i] = yamlText(v)
		}
		f = append(f, key+": ["+strings.Join(quoted, ", ")+"]")
	}
	list("methods", r.Methods)
	list("paths", r.Paths)
	if r.Action != proxy.Allow {
		f = append(f, "action: "+string(r.Action))
	}
	if r.TLS != "" && r.TLS != proxy.Intercept {
		f = append(f, "tls: "+string(r.TLS))
	}
	if r.Private {
		f = append(f, "private: true")
	}
	if r.Upstream != "" {
		f = append(f, "upstream: "+yamlText(r.Upstream))
	}
	if r.Kind != "" {
		f = append(f, "kind: "+r.Kind)
	}
	if r.GraphQL != "" {
		f = append(f, "graphql: "+r.GraphQL)
	}
	list("secrets", r.Secrets)
	return f
}

// plainYAML is what needs no quotes and is text to every reader.
var plainYAML = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z]{2,}$|^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$`)

func yamlText(s string) string {
	if plainYAML.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// onlyAdded reports whether now is the old document with one more entry in a list.
func (e *edit) onlyAdded(now *node, where []any, at int) bool {
	list := now.dig(where...)
	if list == nil || list.kind != listNode || at >= len(list.list) {
		return false
	}
	was, is := e.root.plain(), now.plain()
	routes := func(doc any) (m map[string]any, entries []any) {
		m, _ = doc.(map[string]any)
		for _, step := range where[:len(where)-1] {
			next, _ := m[step.(string)].(map[string]any)
			if next == nil {
				next = map[string]any{}
				if m != nil {
					m[step.(string)] = next
				}
			}
			m = next
		}
		entries, _ = m["routes"].([]any)
		return m, entries
	}
	m, entries := routes(is)
	m["routes"] = slices.Delete(slices.Clone(entries), at, at+1)
	m, entries = routes(was)
	m["routes"] = append([]any{}, entries...)
	return reflect.DeepEqual(was, is)
}

// plain is the value without its places.
func (n *node) plain() any {
	switch n.kind {
	case mapNode:
		m := map[string]any{}
		for i := range n.entries {
			m[n.entries[i].key] = n.entries[i].value.plain()
		}
		return m
	case listNode:
		l := make([]any, len(n.list))
		for i := range n.list {
			l[i] = n.list[i].plain()
		}
		return l
	}
	return [2]any{n.scalar, n.text}
}

// YAML renders the grant as an entry of egress.routes, or of the repos of a git host.
func (g Grant) YAML(indent string) string {
	if g.Push == nil {
		return routeText(g.Route, indent)
	}
	r := GitRepo{Path: g.Push.Repo, Access: GitRead}
	if g.was != nil {
		r = *g.was
	}
	r = r.with(g.Push)
	return entryText(repoFields(&r), indent)
}
