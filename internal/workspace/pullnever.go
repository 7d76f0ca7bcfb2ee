package workspace

import (
	"slices"
	"strings"
)

// bareNames are the files without which a folder is no repository, or one that
// names no program.
var bareNames = []string{"HEAD", "config"}

// never says why a path is not taken whatever it holds.
func (p *puller) never(m met) string {
	for part := range strings.SplitSeq(m.path, "/") {
		if isGitName(part) {
			return "it could be taken for a .git"
		}
	}
	if p.bare != "" && strings.HasPrefix(m.path, p.bare) || p.bareTop && slices.ContainsFunc(bareNames, func(name string) bool { return strings.EqualFold(m.path, name) }) {
		return "its folder is one that git takes for a repository, whose config names programs"
	}
	for _, hold := range p.opts.Hold {
		if strings.EqualFold(m.path, hold) {
			return "it is the manifest, which says what the agent may do: compare the two, and change yours by hand"
		}
	}
	if m.parent != nil && !m.st.isRegular() && !m.st.isLink() && !m.st.isDir() {
		return "it is neither a file nor a link"
	}
	return ""
}

// noteTop notes that what the copy's own folder has would make a repository of
// the host's.
func (p *puller) noteTop(top *dir) {
	p.bareTop = isBare(top) && !isBare(p.host.top) && !hasGit(p.host.top)
}

// noteBare notes a folder that git takes for a repository where it is started in
// it, gitrepository-layout(5). The prefix is its path with a slash.
func (p *puller) noteBare(d *dir, prefix string) {
	if p.bare != "" && strings.HasPrefix(prefix, p.bare) {
		return
	}
	p.bare = ""
	if isBare(d) {
		p.bare = prefix
	}
}

func isBare(d *dir) bool { return d.has("HEAD") && d.has("objects") && d.has("refs") }
