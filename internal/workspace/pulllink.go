package workspace

import (
	"path"
	"slices"
	"strings"
)

// maxLinks bounds the links that are followed to resolve one.
const maxLinks = 40

// leadsOut says why a link of the agent's is not made on the host: it would lead
// out of the folder, or into a git folder. It is followed as the kernel would,
// through the links that the host has. Where a .. stands behind a name is not
// known: the name may be that of a link which comes later.
func (p *puller) leadsOut(rel, target string) string {
	const outside = "it leads out of the project"
	at := strings.Split(rel, "/")
	at = at[:len(at)-1]
	if path.IsAbs(target) {
		return outside
	}
	todo := strings.Split(target, "/")
	down := slices.IndexFunc(todo, func(name string) bool { return name != "" && name != "." && name != ".." })
	if down >= 0 && slices.Contains(todo[down:], "..") {
		return "a .. in the middle of its target may lead out of the project"
	}
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		switch {
		case name == "" || name == ".":
			continue
		case name == "..":
			if len(at) == 0 {
				return outside
			}
			at = at[:len(at)-1]
			continue
		case isGitName(name):
			return "it leads into a git folder"
		}
		here := append(at[:len(at):len(at)], name)
		next, ok := p.linkAt(strings.Join(here, "/"))
		if !ok {
			at = here
			continue
		}
		if links++; links > maxLinks || path.IsAbs(next) {
			return outside
		}
		todo = append(strings.Split(next, "/"), todo...)
	}
	return ""
}

// linkAt returns the target of a link of the host.
func (p *puller) linkAt(rel string) (string, bool) {
	d, name, err := lookup(p.host.top, rel)
	if err != nil {
		return "", false
	}
	defer d.close()
	target, err := d.readlink(name)
	return target, err == nil
}

// isGitName reports whether a name is .git for some file system: one that ignores
// case, or as HFS+ some code points, or as NTFS what a name ends with, and that
// has short names. Git refuses the same (core.protectHFS, core.protectNTFS).
func isGitName(name string) bool {
	name = foldName(name)
	return strings.EqualFold(name, gitName) || strings.EqualFold(name, "git~1")
}

// foldName takes from a name what such file systems do not tell apart, but case.
func foldName(name string) string {
	name, _, _ = strings.Cut(name, ":")
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name)
	return strings.TrimRight(name, ". ")
}
