package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/internal/glob"
)

// checkFiles looks at what the commits change, all of them: also one that no ref
// shall lead to now could be led to by the next push. Where no tree has a link,
// only folders are looked into in which something is denied, and those that the server
// has, since they may come to another place with the links in them.
func (x *check) checkFiles(commits []*commit) error {
	links, outside := x.Scan != nil && x.Scan.Links(), x.Scan == nil || x.Scan.Outside()
	if !links && !outside && len(x.policy.deny) == 0 {
		return nil
	}
	if err := x.needEdge(commits); err != nil {
		return err
	}
	apart := x.Scan != nil && !links && !outside && len(x.policy.first) > 0 && x.Scan.Lacks(x.policy.first)
	var known []uint8
	if outside {
		known = make([]uint8, x.Pack.Len())
	}
	for i, c := range commits {
		if apart && i < len(commits)-remembered && x.within(c) {
			continue
		}
		d := differ{store: x.store}
		d.enter = func(path []string, id oid.ID) bool {
			return links || x.policy.deniedBelow(path) || outside && x.opens(id, len(path), known)
		}
		d.file = func(path []string, e *object.Entry) error {
			why, err := x.checkFile(path, e)
			if why != "" {
				x.refusal.place(Place{Commit: c.id, Path: x.show(path), Rule: RuleFiles, Why: why})
				x.files = true
			}
			return err
		}
		if err := d.commit(c); err != nil {
			return err
		}
		if x.refusal.more > 0 {
			return nil // there are enough to tell
		}
	}
	return nil
}

// What is known of the trees of a push: see check.opens.
const (
	unknown = iota
	closed
	opening
)

// opens reports whether a folder, so deep, is one of the server's or has one below it.
// known keeps the answers, by the numbers of objects. What cannot be read is said where
// it is looked into.
func (x *check) opens(id oid.ID, depth int, known []uint8) bool {
	if id.IsZero() {
		return false
	}
	n, ok := x.Pack.Find(id)
	if !ok || depth > maxDepth {
		return true
	}
	if known[n] == unknown {
		if x.opened > maxHeld {
			return true // as errHeld says where it is looked into
		}
		list, err := x.store.entries(id)
		defer func(before int64) { x.opened = before }(x.opened)
		x.opened += x.Pack.Size(n) + int64(len(list))*entryMemory
		known[n] = closed
		if err != nil || slices.ContainsFunc(list, func(e object.Entry) bool {
			return e.Mode == object.ModeTree && x.opens(e.ID(id.Format()), depth+1, known)
		}) {
			known[n] = opening
		}
	}
	return known[n] == opening
}

// within reports whether a commit, its parents and the trees of all come with the
// push: then the scan has seen every name at the top of them.
func (x *check) within(c *commit) bool {
	if !x.store.new(c.tree) {
		return false
	}
	for _, id := range c.parents {
		p := x.store.commits[id]
		if p == nil || !x.store.new(id) || !x.store.new(p.tree) {
			return false
		}
	}
	return true
}

func (p *Policy) denied(path []string) bool {
	path = fold(path)
	for _, pattern := range p.deny {
		if glob.Match(pattern, path) {
			return true
		}
	}
	return false
}

func (p *Policy) deniedBelow(path []string) bool {
	path = fold(path)
	for _, pattern := range p.deny {
		if glob.Below(pattern, path) {
			return true
		}
	}
	return false
}

// deniedFolder reports whether a path is a folder that a pattern names before its
// first "**".
func (p *Policy) deniedFolder(path []string) bool {
	path = fold(path)
	for _, pattern := range p.deny {
		n := min(len(path), len(pattern))
		if n == len(path) && n < len(pattern) && !slices.Contains(pattern[:n], "**") && glob.Match(pattern[:n], path) {
			return true
		}
	}
	return false
}

func fold(path []string) []string {
	out := make([]string, len(path))
	for i, s := range path {
		out[i] = strings.ToLower(s)
	}
	return out
}

// checkFile says why a file may not be what it becomes; e is nil if it is removed.
func (x *check) checkFile(path []string, e *object.Entry) (why string, err error) {
	switch {
	case x.policy.denied(path):
		return "this path may not be changed", nil
	case e == nil:
		return "", nil
	case (e.Mode == object.ModeSymlink || e.Mode == object.ModeSubmodule) && x.policy.deniedFolder(path):
		return "no link may stand for a folder in which something may not be changed", nil
	case len(path) == 1 && object.IsGitModules(path[0]):
		return x.checkModules(e)
	case e.Mode == object.ModeSymlink:
		target, ok, err := x.store.readShort(e.ID(x.format()), maxTarget)
		if err != nil {
			return "", err
		}
		if !ok {
			return fmt.Sprintf("a symbolic link of more than %d bytes", maxTarget), nil
		}
		return badTarget(len(path)-1, string(target)), nil
	}
	return "", nil
}

// badTarget says why a symbolic link, so many folders deep, may not lead where it
// does: out of the tree, or into git's own folder. A target goes up only at its
// beginning, where folders are real ones: behind a name it would go up from
// wherever another link leads.
func badTarget(depth int, target string) string {
	const leaves = "a symbolic link that leads out of the repository"
	if strings.HasPrefix(target, "/") || strings.ContainsAny(target, "\\\x00") || len(target) > 1 && target[1] == ':' {
		return leaves
	}
	down := false
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "" || part == ".":
		case part == ".." && (down || depth == 0):
			return leaves
		case part == "..":
			depth--
		case object.IsGitDir(part):
			return "a symbolic link into git's own folder"
		default:
			down = true
		}
	}
	return ""
}

// maxModules bounds a .gitmodules, and maxTarget a symbolic link, of which no system
// follows a longer one.
const (
	maxModules = 1 << 20
	maxTarget  = 4 << 10
)

// checkModules looks at the URLs of submodules.
func (x *check) checkModules(e *object.Entry) (string, error) {
	if e.Kind() != object.Blob || e.Mode == object.ModeSymlink {
		return ".gitmodules must be a file", nil
	}
	b, ok, err := x.store.readShort(e.ID(x.format()), maxModules)
	if err != nil {
		return "", err
	}
	if !ok {
		return fmt.Sprintf(".gitmodules has more than %d bytes", maxModules), nil
	}
	urls, err := submoduleURLs(b)
	if err != nil {
		return err.Error(), nil
	}
	for _, u := range urls {
		if x.policy.rules.Files.Submodule == nil || !x.policy.rules.Files.Submodule(u) {
			return "the URL of a submodule is not among those that are allowed", nil
		}
	}
	return "", nil
}

// submoduleURLs reads a .gitmodules in the form that git writes, and no other: of
// what git-config(1) allows, someone else could read something else. Other keys
// than paths, URLs and branches are refused, since some run commands.
func submoduleURLs(b []byte) (urls []string, err error) {
	inside := false
	for line := range bytes.Lines(b) {
		s := strings.TrimSpace(string(line))
		key, value, _ := strings.Cut(s, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch {
		case s == "" || s[0] == '#' || s[0] == ';':
		case strings.HasPrefix(s, "["):
			name, ok := strings.CutPrefix(s, `[submodule "`)
			name, closed := strings.CutSuffix(name, `"]`)
			if !ok || !closed || name == "" || strings.ContainsAny(name, "\"\\\x00") || strings.Contains(name, "..") {
				return nil, fmt.Errorf(".gitmodules has a section that is not read here")
			}
			inside = true
		case !inside || value == "" || value[0] == '-' || strings.ContainsAny(value, "\"\\#;\x00\r"):
			return nil, fmt.Errorf(".gitmodules has a line that is not read here")
		case key == "url":
			urls = append(urls, value)
		case key != "path" && key != "branch" && key != "shallow" && key != "ignore" && key != "fetchrecursesubmodules":
			return nil, fmt.Errorf(".gitmodules has a key that is not allowed: only path, url, branch, shallow, ignore and fetchRecurseSubmodules are")
		}
	}
	return urls, nil
}
