package workspace

import (
	"os"
	"path"
	"strings"
)

// maxRunLinks bounds the links that are known to lead to what runs by itself.
const maxRunLinks = 1000

// runLink is a link of the host, such as .vscode, that leads to what runs by itself
// under another name.
type runLink struct{ to, why string }

// findRunLinks finds those that were there when the copy was made, and those at the top
// that git ignores.
func (p *puller) findRunLinks() error {
	for name := range selfRun {
		p.addRunLink(name)
	}
	f, err := os.Open(p.opts.Base)
	if err != nil {
		return nil //nolint:nilerr // compare says so
	}
	defer f.Close()
	return readBase(f, baseReader{file: func(r record) error {
		if r.kind == 'l' && RunsItself(r.path) != "" {
			p.addRunLink(r.path)
		}
		return nil
	}})
}

// addRunLink follows a link of the host as far as it stays in the folder.
func (p *puller) addRunLink(rel string) {
	why := RunsItself(rel)
	for range maxLinks {
		target, ok := p.linkAt(rel)
		if !ok || path.IsAbs(target) || len(p.runLinks) == maxRunLinks {
			return
		}
		rel = path.Join(path.Dir(rel), target)
		if rel == ".." || strings.HasPrefix(rel, "../") {
			return
		}
		p.runLinks = append(p.runLinks, runLink{rel, why})
	}
}

// behindLink says what on the host runs a file that it has under another name, "" for
// nothing.
func (p *puller) behindLink(rel string) string {
	for _, l := range p.runLinks {
		if l.to == "." || l.to == rel || strings.HasPrefix(rel, l.to+"/") {
			return l.why
		}
	}
	return ""
}
