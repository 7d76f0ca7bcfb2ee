package manifest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/gitgate/policy"
)

// addPush returns the text with what the grant adds to the rules of a repository. It
// is made of small insertions, and the text is read again after each: what comes of
// them is compared with what was meant as the text is loaded then.
func (e *edit) addPush(text []byte, g Grant) ([]byte, error) {
	was, err := e.read(text)
	if err != nil {
		return nil, err
	}
	want := GitRepo{Path: g.Push.Repo, Access: GitRead}
	if g.was != nil {
		want = *g.was
	}
	was = was.strip(e.variant)
	is := want.with(g.Push)
	for range 2 + len(policy.Operations) {
		next, done, err := e.pushStep(g.Push, &is)
		if err != nil {
			return nil, err
		}
		if done {
			if !reflect.DeepEqual(was.plain(), e.root.strip(e.variant).plain()) {
				return nil, errors.New("it would change more than that")
			}
			return []byte(strings.Join(e.lines, "")), nil
		}
		if _, err := e.read([]byte(next)); err != nil {
			return nil, fmt.Errorf("it could not be read then: %w", err)
		}
	}
	return nil, errors.New("what is written there does not come to what was meant")
}

// read takes a text in.
func (e *edit) read(text []byte) (*node, error) {
	var err error
	if e.root, err = parse(&source{shown: e.base, base: e.base}, text); err != nil {
		return nil, err
	}
	e.split(string(text))
	return e.root, nil
}

// strip is the document without what it says of git, which is compared as it is
// loaded.
func (n *node) strip(variant string) *node {
	out := n.without("git")
	if v := n.dig("bottles", variant); v != nil && v.kind == mapNode {
		out = out.set(v.without("git"), "bottles."+variant)
	}
	return out
}

// pushStep is the next insertion on the way to what is to be said of a repository.
func (e *edit) pushStep(w *PushWant, is *GitRepo) (next string, done bool, err error) {
	repo := e.repoNode(w)
	if repo == nil {
		next, err = e.newRepo(w, is)
		return next, false, err
	}
	access := repo.get("access")
	switch {
	case access == nil && is.Access != GitRead:
		next, err = e.intoMap(repo, "path", "access: "+is.Access, true)
		return next, false, err
	case access != nil && access.text == GitRead:
		next, err = e.replace(access, GitRead, is.Access)
		return next, false, err
	}
	push := repo.get("push")
	if push == nil {
		next, err = e.intoMap(repo, "access", "push: {"+strings.Join(pushFields(is), ", ")+"}", false)
		return next, false, err
	}
	for _, op := range policy.Operations {
		list, after := push.get(string(op)), *is.patterns(op)
		if !slices.Contains(after, w.Ref) || list != nil && hasText(list, w.Ref) {
			continue
		}
		switch ref := yamlText(w.Ref); {
		case list == nil && len(push.entries) == 0:
			next, err = e.afterBracket(push, '{', string(op)+": "+flowList(after), false)
		case list == nil:
			next, err = e.intoMap(push, push.entries[0].key, string(op)+": "+flowList(after), false)
		case e.block(list):
			at := list.list[len(list.list)-1].line
			next = e.before(at, item.FindStringSubmatch(e.line(list.list[0]))[1]+"- "+ref+"\n")
		default:
			next, err = e.afterBracket(list, '[', ref, len(list.list) > 0)
		}
		return next, false, err
	}
	return "", true, nil
}

// repoNode finds the entry of a repository, in the variant first.
func (e *edit) repoNode(w *PushWant) *node {
	for _, where := range [][]any{{"bottles", e.variant, "git", w.Host, "repos"}, {"git", w.Host, "repos"}} {
		list := e.root.dig(where...)
		if list == nil {
			continue
		}
		i := slices.IndexFunc(list.list, func(n *node) bool {
			path := n.get("path")
			return path != nil && strings.TrimSuffix(path.text, ".git") == strings.TrimSuffix(w.Repo, ".git")
		})
		if i >= 0 {
			return list.list[i]
		}
	}
	return nil
}

// newRepo writes an entry for a repository that has none.
func (e *edit) newRepo(w *PushWant, is *GitRepo) (string, error) {
	fields := repoFields(is)
	list := e.root.dig("git", w.Host, "repos")
	switch {
	case list != nil && e.block(list):
		indent := item.FindStringSubmatch(e.line(list.list[0]))[1]
		return e.before(e.blockEnd(list, indent), e.comment(indent)+entryText(fields, indent)), nil
	case list != nil:
		return e.afterBracket(list, '[', "{"+strings.Join(fields, ", ")+"}", len(list.list) > 0)
	case e.root.get("git") == nil:
		return strings.Join(e.lines, "") + "\ngit:\n  " + yamlText(w.Host) + ":\n    repos:\n" + e.comment("      ") + entryText(fields, "      "), nil
	}
	return "", fmt.Errorf("%s is under git in no form that something can be added to", quote(w.Host))
}

// intoMap puts a key into a map, beside one that it has: on a line of its own behind
// it, or in braces before it.
func (e *edit) intoMap(n *node, beside, text string, remark bool) (string, error) {
	i := slices.IndexFunc(n.entries, func(x entry) bool { return x.key == beside })
	if i < 0 {
		return "", errors.New("its place is not known")
	}
	at, value := n.entries[i].at, n.entries[i].value
	l := e.line(at)
	if at.col < 1 || at.col > len(l) {
		return "", errors.New("its place is not known")
	}
	if strings.Trim(l[:at.col-1], " -") != "" {
		lines := slices.Clone(e.lines)
		lines[at.line-1] = l[:at.col-1] + text + ", " + l[at.col-1:]
		return strings.Join(lines, ""), nil
	}
	indent, line := strings.Repeat(" ", at.col-1), at.line
	if value.kind != scalarNode { // it has more lines, and a dash stands before none but the first
		if line--; strings.Contains(l[:at.col-1], "-") {
			return "", errors.New("its place is not known")
		}
	}
	text = indent + text + "\n"
	if remark {
		text = e.comment(indent) + text
	}
	return e.before(line, text), nil
}

// replace puts another word in the place of a scalar.
func (e *edit) replace(n *node, old, word string) (string, error) {
	l := e.line(n)
	i := max(0, min(n.col-1, len(l)))
	j := strings.Index(l[i:], old)
	if j < 0 {
		return "", errors.New("its place is not known")
	}
	lines := slices.Clone(e.lines)
	lines[n.line-1] = l[:i+j] + word + l[i+j+len(old):]
	return strings.Join(lines, ""), nil
}

// comment says where an entry is from. Nothing in it was the agent's to choose.
func (e *edit) comment(indent string) string {
	return fmt.Sprintf("%s# allowed on %s, when it was asked for (%s)\n", indent, e.date.Format(time.DateOnly), e.id)
}

func hasText(list *node, text string) bool {
	return slices.ContainsFunc(list.list, func(n *node) bool { return n.text == text })
}

// entryText renders fields as an entry of a block list.
func entryText(fields []string, indent string) string {
	return indent + "- " + strings.Join(fields, "\n"+indent+"  ") + "\n"
}

func repoFields(r *GitRepo) []string {
	return []string{"path: " + yamlText(r.Path), "access: " + r.Access, "push: {" + strings.Join(pushFields(r), ", ") + "}"}
}

// pushFields renders the patterns that are not the default.
func pushFields(r *GitRepo) (f []string) {
	for _, op := range policy.Operations {
		list, isDefault := *r.patterns(op), op == policy.Create || op == policy.Update
		if isDefault && list != nil || len(list) > 0 {
			f = append(f, string(op)+": "+flowList(list))
		}
	}
	return f
}

func flowList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = yamlText(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
