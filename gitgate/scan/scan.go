// Package scan looks for credentials in the objects of a pack while it arrives.
package scan

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// MaxHits is the most findings that a push may have. They are all looked at again
// before it is let through, so more are refused.
const MaxHits = 4096

// ErrTooMany is for a push of more.
var ErrTooMany = errors.New("more findings than are looked at in one push")

// Hit is a finding in an object of a pack.
type Hit struct {
	// Object is its number in the pack.
	Object int
	ID     oid.ID
	Kind   object.Kind
	// Finding has its offsets in the object's content; for a Tree, in Name.
	Finding dlp.Finding
	// Name is the name of the entry of a tree that holds the finding. It is not
	// to be shown.
	Name string
}

// Scan is a pack.Visitor. It scans the content of blobs, commits and tags, with
// their headers, and the names in trees, each name once. It also checks the form
// of all but blobs.
//
// It holds the largest tree, 8 bytes for each name and each folder, up to a million of
// both, 256 folders for each part of a known value that paths could spell, and for each
// commit CommitMemory and ParentMemory for each of its parents.
type Scan struct {
	format  oid.Format
	scanner *dlp.Scanner
	stops   func(dlp.Finding) bool

	kind    object.Kind
	content []byte // of what is parsed
	pending []dlp.Finding

	seed  maphash.Seed
	names map[uint64]struct{} // that were scanned

	folders map[uint64]folder // by their IDs
	outside bool              // there are too many of them to tell

	hits    []Hit
	links   bool
	commits []Commit
	watched []watched
	spell   *speller // nil if there is nothing that paths could spell
}

// folder says where a tree was seen.
type folder uint8

const (
	inPack folder = 1 << iota
	inTree
)

// watched is a name, and whether a tree has an entry of it.
type watched struct {
	name string
	seen bool
}

// What is held of a commit, and of each of its parents, in bytes.
const (
	CommitMemory = 128
	ParentMemory = 48
)

// Commit is what is kept of one, so that nobody has to read it again to follow its
// history.
type Commit struct {
	// Object is its number in the pack.
	Object  int
	Tree    oid.ID
	Parents []oid.ID
}

// New returns a Scan of a pack's objects. Only findings for which stops returns
// true are kept; it is called for each finding, once. No one else may use the
// scanner meanwhile.
func New(format oid.Format, scanner *dlp.Scanner, stops func(dlp.Finding) bool) *Scan {
	return &Scan{format: format, scanner: scanner, stops: stops, seed: maphash.MakeSeed(), names: map[uint64]struct{}{}, folders: map[uint64]folder{},
		spell: newSpeller(scanner.Separated("/"))}
}

// Hits returns what was found.
func (s *Scan) Hits() []Hit { return s.hits }

// Links reports whether a tree has a symbolic link, a submodule, or .gitmodules.
func (s *Scan) Links() bool { return s.links }

// Outside reports whether a tree has a folder that is not in the pack, or may have: it
// may be one that the server has in another place.
func (s *Scan) Outside() bool {
	if s.outside {
		return true
	}
	for _, f := range s.folders {
		if f == inTree {
			return true
		}
	}
	return false
}

// Commits returns the commits, in no order.
func (s *Scan) Commits() []Commit { return s.commits }

// Watch has names looked for in trees, which are small letters as strings.ToLower
// makes them. It is called before the pack arrives.
func (s *Scan) Watch(names []string) {
	s.watched = nil
	for _, name := range names {
		s.watched = append(s.watched, watched{name: name})
	}
}

// Lacks reports whether no tree has an entry of one of the names, in small letters or
// others. It is false for what was not watched for.
func (s *Scan) Lacks(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		return !slices.Contains(s.watched, watched{name: name})
	})
}

// watch notes an entry that is watched for.
func (s *Scan) watch(name []byte) {
	for i := range s.watched {
		w := &s.watched[i]
		if len(name) == len(w.name) && strings.EqualFold(string(name), w.name) || !ascii(name) && strings.ToLower(string(name)) == w.name {
			w.seen = true
		}
	}
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Find returns what is found in a text that is complete. It must not be called while
// a pack arrives.
func (s *Scan) Find(text []byte) (list []dlp.Finding) {
	w := s.Finder(func(f dlp.Finding) { list = append(list, f) })
	_, _ = w.Write(text) // never fails
	w.Close()
	return list
}

// Finder scans a text that is written to it, such as another version of a file, until
// it is closed. One is in use at a time, and none while a pack arrives.
type Finder struct {
	scanner *dlp.Scanner
	found   func(dlp.Finding)
}

// Finder returns one that gives each finding to found.
func (s *Scan) Finder(found func(dlp.Finding)) *Finder {
	s.scanner.Reset()
	return &Finder{s.scanner, found}
}

// Write implements io.Writer. It never fails.
func (f *Finder) Write(b []byte) (int, error) {
	f.each(f.scanner.Write(b))
	return len(b), nil
}

// Close gives what is found at the end of the text.
func (f *Finder) Close() { f.each(f.scanner.Close()) }

func (f *Finder) each(list []dlp.Finding) {
	for i := range list {
		f.found(list[i])
	}
}

// maxParsed is the most bytes of a commit, tag or tree.
const maxParsed = 16 << 20

// Stops returns those of the findings in a text that stop a push.
func (s *Scan) Stops(text string) (found []dlp.Finding) {
	for _, f := range s.Find([]byte(text)) {
		if s.stops(f) {
			found = append(found, f)
		}
	}
	return found
}

// Begin implements pack.Visitor.
func (s *Scan) Begin(kind object.Kind, size int64) error {
	if kind != object.Blob && size > maxParsed {
		return fmt.Errorf("%w %s: more than %d bytes", object.ErrMalformed, kind, maxParsed)
	}
	s.kind, s.content, s.pending = kind, s.content[:0], s.pending[:0]
	if kind != object.Tree {
		s.scanner.Reset()
	}
	return nil
}

// Write implements pack.Visitor.
func (s *Scan) Write(p []byte) (int, error) {
	if s.kind != object.Blob {
		s.content = append(s.content, p...)
	}
	if s.kind == object.Tree {
		return len(p), nil
	}
	return len(p), s.keep(s.scanner.Write(p))
}

// keep notes the findings that stop a push, of the object at work.
func (s *Scan) keep(found []dlp.Finding) error {
	for _, f := range found {
		if !s.stops(f) {
			continue
		}
		if len(s.pending)+len(s.hits) >= MaxHits {
			return ErrTooMany
		}
		s.pending = append(s.pending, f)
	}
	return nil
}

// End implements pack.Visitor.
func (s *Scan) End(n int, id oid.ID) (err error) {
	switch s.kind {
	case object.Commit:
		var c *object.CommitInfo
		if c, err = object.ParseCommit(s.content, s.format); err == nil {
			s.commits = append(s.commits, Commit{Object: n, Tree: c.Tree, Parents: c.Parents})
		}
	case object.Tag:
		_, err = object.ParseTag(s.content, s.format)
	case object.Tree:
		return s.tree(n, id)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", id.Short(), err)
	}
	if err := s.keep(s.scanner.Close()); err != nil {
		return err
	}
	for _, f := range s.pending {
		s.hits = append(s.hits, Hit{Object: n, ID: id, Kind: s.kind, Finding: f})
	}
	return nil
}

// maxNames bounds the memory for the names that were scanned. Beyond it they are
// forgotten, and scanned again. maxFolders bounds that for folders.
const (
	maxNames   = 1 << 20
	maxFolders = 1 << 20
)

// folder notes where a tree is.
func (s *Scan) folder(sum []byte, f folder) {
	if s.outside {
		return
	}
	s.folders[maphash.Bytes(s.seed, sum)] |= f
	if len(s.folders) > maxFolders {
		s.outside, s.folders = true, nil
	}
}

func (s *Scan) tree(n int, id oid.ID) error {
	s.folder(id.Bytes(), inPack)
	for e, err := range object.Entries(s.content, s.format) {
		if err != nil {
			return fmt.Errorf("%s: %w", id.Short(), err)
		}
		if e.Mode == object.ModeSymlink || e.Mode == object.ModeSubmodule || object.IsGitModules(e.Name) {
			s.links = true
		}
		if e.Mode == object.ModeTree {
			s.folder(e.Sum, inTree)
		}
		s.watch(e.Name)
		if s.spell != nil {
			s.spell.note(e.Name, e.Mode == object.ModeTree, func() uint64 { return maphash.Bytes(s.seed, e.Sum) })
		}
		if len(e.Name) < dlp.MinKnown {
			continue // nothing is shorter
		}
		sum := maphash.Bytes(s.seed, e.Name)
		if _, known := s.names[sum]; known {
			continue
		}
		if len(s.names) >= maxNames {
			clear(s.names)
		}
		s.names[sum] = struct{}{}
		if err := s.name(n, id, e.Name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scan) name(n int, id oid.ID, name []byte) error {
	s.pending = s.pending[:0]
	if err := s.keep(s.Find(name)); err != nil {
		return err
	}
	text := string(name) // once: a name may have many findings
	for _, f := range s.pending {
		s.hits = append(s.hits, Hit{Object: n, ID: id, Kind: object.Tree, Finding: f, Name: text})
	}
	return nil
}
