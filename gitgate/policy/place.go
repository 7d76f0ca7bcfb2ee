package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/scan"
)

// Place is where something stands that stops a push.
type Place struct {
	// Commit is the one that brings it; zero if none in the push does.
	Commit oid.ID
	// Path is the file; "" for a commit, or a tag, itself. A part of it that is a
	// finding is written as "[…]".
	Path string
	// Line counts from 1, in the file or the message; 0 for none.
	Line int
	// Rule is that of the finding, or RuleFiles, RuleAuthor.
	Rule string
	// Why says what is wrong, in words.
	Why string
	// Finding is set for what the scanner found.
	Finding *dlp.Finding
}

// String is the place as people read it: commit:path:line.
func (p Place) String() string {
	text := p.Commit.Short()
	if p.Path != "" {
		text += ":" + p.Path
	}
	if p.Line > 0 {
		text += fmt.Sprintf(":%d", p.Line)
	}
	return text + " " + p.Why
}

// located is a hit with where it is in commits.
type located struct {
	scan.Hit
	commit oid.ID
	paths  [][]string
	more   bool // there are more paths than are kept
	kept   bool // a name that stood in the folder before
	whole  bool // it is the path that is found, not a name in it
}

// maxPaths bounds how many paths of one object are compared with the server's. One
// with more counts as new.
const maxPaths = 16

// maxPlaced bounds the parts of all paths together. What is found beyond counts as new.
const maxPlaced = 1 << 20

// locate finds the commits and paths of what was found, in the order in which the
// commits were made.
func (x *check) locate(hits []scan.Hit, commits []*commit) ([]*located, error) {
	list := make([]*located, len(hits))
	byID := map[oid.ID][]*located{}
	for i, h := range hits {
		l := &located{Hit: h, commit: x.format().Zero()}
		list[i] = l
		switch h.Kind {
		case object.Commit:
			l.commit = h.ID
		case object.Blob:
			byID[h.ID] = append(byID[h.ID], l)
		case object.Tree:
			x.hidden[h.Name] = true
		}
	}
	named := slices.ContainsFunc(hits, func(h scan.Hit) bool { return h.Kind == object.Tree })
	if len(byID) == 0 && !named {
		return list, nil
	}
	if err := x.needEdge(commits); err != nil {
		return nil, err
	}
	for _, c := range commits {
		if err := x.locateIn(c, list, byID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// locateIn notes what a commit brings. Only trees of the push can have something
// new in them.
func (x *check) locateIn(c *commit, list []*located, byID map[oid.ID][]*located) error {
	note := func(l *located, path []string) {
		if l.commit.IsZero() {
			l.commit = c.id
		}
		x.placed += 1 + len(path)
		if l.more = l.more || len(l.paths) == maxPaths || x.placed > maxPlaced; !l.more {
			l.paths = append(l.paths, path) // which nobody changes
		}
	}
	named := func(name string, do func(*located)) {
		if !x.hidden[name] {
			return
		}
		for _, l := range list {
			if l.Kind == object.Tree && l.Name == name {
				do(l)
			}
		}
	}
	byName := func(path []string) {
		named(path[len(path)-1], func(l *located) { note(l, path) })
	}
	d := differ{store: x.store}
	d.kept = func(name []byte) { named(string(name), func(l *located) { l.kept = true }) }
	d.enter = func(path []string, id oid.ID) bool {
		if id.IsZero() || !x.store.new(id) {
			return false
		}
		byName(path)
		return true
	}
	d.file = func(path []string, e *object.Entry) error {
		if e == nil {
			return nil
		}
		for _, l := range byID[e.ID(x.format())] {
			note(l, path)
		}
		byName(path)
		return nil
	}
	return d.commit(c)
}

// show writes a path without names that are findings, and without what a terminal
// would take for commands.
func (x *check) show(path []string) string {
	parts := slices.Clone(path)
	spelled := x.spelledIn(path)
	for i, s := range parts {
		if spelled[i] || x.hidden[s] || len(x.stopsIn(s)) > 0 {
			parts[i] = "[…]"
			continue
		}
		parts[i] = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return '?'
		}, s)
	}
	return strings.Join(parts, "/")
}

func (x *check) stopsIn(text string) []dlp.Finding {
	if x.Scan == nil {
		return nil
	}
	return x.Scan.Stops(text)
}

// tell makes the place of a hit.
func (x *check) tell(l *located) (Place, error) {
	p := Place{Commit: l.commit, Rule: l.Finding.Rule, Finding: &l.Finding, Why: l.Finding.Rule}
	if l.Finding.Name != "" {
		p.Why += " (" + l.Finding.Name + ")"
	}
	if len(l.paths) > 0 {
		p.Path = x.show(l.paths[0])
	}
	switch {
	case l.whole:
		p.Why += " as the path of a file"
		return p, nil
	case l.Kind == object.Tree:
		p.Why += " in the name of a file"
		return p, nil
	case l.Kind == object.Tag:
		p.Why += " in a tag"
		p.Commit = l.ID
	case l.Kind == object.Blob && p.Path == "":
		p.Why += " in a file that no commit has"
		p.Commit = l.ID
	}
	if l.Kind == object.Blob {
		lines := lineCounter{left: l.Finding.Offset}
		err := x.store.copy(&lines, l.ID)
		p.Line = 1 + lines.n
		return p, err
	}
	b, err := x.store.read(l.ID, l.Kind)
	if err != nil {
		return p, err
	}
	at := min(int(l.Finding.Offset), len(b))
	p.Why, at, b = x.inMessage(p.Why, at, b)
	p.Line = 1 + bytes.Count(b[:at], []byte("\n"))
	return p, nil
}

// lineCounter counts the ends of lines in the first bytes of what is written.
type lineCounter struct {
	left int64
	n    int
}

func (c *lineCounter) Write(b []byte) (int, error) {
	first := b[:min(c.left, int64(len(b)))]
	c.left -= int64(len(first))
	c.n += bytes.Count(first, []byte("\n"))
	return len(b), nil
}

// inMessage makes an offset in a commit or tag one in its message, or in its
// headers.
func (x *check) inMessage(why string, at int, b []byte) (string, int, []byte) {
	if i := bytes.Index(b, []byte("\n\n")); i >= 0 && at >= i+2 {
		return why + " in its message", at - i - 2, b[i+2:]
	}
	return why + " in its headers", at, b
}
