// Package object reads git's objects (gitformat-pack(5), git-hash-object(1)) in
// both object formats, strictly: what git's fsck would call an error is one, so
// that nothing is read otherwise by a server.
//
// go-git reads the objects of one format only, and those as forgiving as git
// itself does.
package object

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bot-bottle/bottle/gitgate/oid"
)

// Kind is the type of an object, with git's numbers.
type Kind uint8

// The kinds.
const (
	Commit Kind = 1
	Tree   Kind = 2
	Blob   Kind = 3
	Tag    Kind = 4
)

func (k Kind) String() string {
	switch k {
	case Commit:
		return "commit"
	case Tree:
		return "tree"
	case Blob:
		return "blob"
	case Tag:
		return "tag"
	}
	return "object"
}

// ErrMalformed is what errors about the form of an object wrap. They hold nothing
// of its content.
var ErrMalformed = errors.New("malformed")

func malformed(what, why string) error { return fmt.Errorf("%w %s: %s", ErrMalformed, what, why) }

// CommitInfo is what a commit says about itself.
type CommitInfo struct {
	Tree      oid.ID
	Parents   []oid.ID
	Author    Person
	Committer Person
	// Message is what stands behind the headers; it points into what was parsed.
	Message []byte
}

// Person is who made something. Name and Email point into what was parsed.
type Person struct{ Name, Email []byte }

// MaxParents is the most parents that a commit may have; git's own tools make
// none of more than a few dozen.
const MaxParents = 1024

// ParseCommit reads a commit.
func ParseCommit(b []byte, format oid.Format) (*CommitInfo, error) {
	const what = "commit"
	h := headers{rest: b, what: what}
	c := &CommitInfo{Tree: h.id("tree", format)}
	for h.next("parent ") && h.err == nil {
		if len(c.Parents) == MaxParents {
			return nil, malformed(what, fmt.Sprintf("more than %d parents", MaxParents))
		}
		c.Parents = append(c.Parents, h.id("parent", format))
	}
	c.Author, c.Committer = h.person("author"), h.person("committer")
	c.Message = h.message("tree ", "parent ", "author ", "committer ")
	if h.err != nil {
		return nil, h.err
	}
	return c, nil
}

// TagInfo is what an annotated tag says about itself.
type TagInfo struct {
	Object  oid.ID
	Kind    Kind
	Name    []byte
	Message []byte
}

// ParseTag reads a tag.
func ParseTag(b []byte, format oid.Format) (*TagInfo, error) {
	const what = "tag"
	h := headers{rest: b, what: what}
	t := &TagInfo{Object: h.id("object", format)}
	word := h.field("type")
	for _, k := range []Kind{Commit, Tree, Blob, Tag} {
		if string(word) == k.String() {
			t.Kind = k
		}
	}
	t.Name = h.field("tag")
	if h.next("tagger ") { // the oldest tags have none
		h.person("tagger")
	}
	t.Message = h.message("object ", "type ", "tag ", "tagger ")
	switch {
	case h.err != nil:
		return nil, h.err
	case t.Kind == 0:
		return nil, malformed(what, "the type is none of git's")
	case len(t.Name) == 0:
		return nil, malformed(what, "no name")
	}
	return t, nil
}

// headers reads the lines before a message, in the one order that they have.
type headers struct {
	rest []byte
	what string
	err  error
}

func (h *headers) next(word string) bool { return bytes.HasPrefix(h.rest, []byte(word)) }

// field takes the line of a name.
func (h *headers) field(name string) []byte {
	if h.err != nil {
		return nil
	}
	line, rest, ok := bytes.Cut(h.rest, []byte("\n"))
	value, named := bytes.CutPrefix(line, []byte(name+" "))
	switch {
	case !ok || !named:
		h.err = malformed(h.what, "no line of "+name+" where it has its place")
		return nil
	case bytes.IndexByte(value, 0) >= 0:
		h.err = malformed(h.what, "a NUL in the line of "+name)
		return nil
	}
	h.rest = rest
	return value
}

func (h *headers) id(name string, format oid.Format) oid.ID {
	value := h.field(name)
	if h.err != nil {
		return format.Zero()
	}
	id, err := oid.Parse(value)
	if err != nil || id.Format() != format {
		h.err = malformed(h.what, "no object ID in the line of "+name)
	}
	return id
}

// person reads "name <address> seconds zone"; of the time only the place is
// checked.
func (h *headers) person(name string) (p Person) {
	value := h.field(name)
	if h.err != nil {
		return p
	}
	open, end := bytes.IndexByte(value, '<'), bytes.IndexByte(value, '>')
	switch {
	case open < 0 || end < open, bytes.Count(value, []byte("<")) > 1, bytes.Count(value, []byte(">")) > 1:
		h.err = malformed(h.what, "no address in the line of "+name)
		return p
	case !bytes.HasPrefix(value[end+1:], []byte(" ")):
		h.err = malformed(h.what, "no time in the line of "+name)
		return p
	}
	return Person{Name: bytes.TrimSpace(value[:open]), Email: value[open+1 : end]}
}

// message skips the headers that are left, of which none may be one that was
// read before, and returns what stands behind the empty line. An object may end
// with its headers.
func (h *headers) message(once ...string) []byte {
	for h.err == nil && len(h.rest) > 0 {
		line, rest, ok := bytes.Cut(h.rest, []byte("\n"))
		switch {
		case !ok:
			h.err = malformed(h.what, "a header without an end")
			return nil
		case len(line) == 0:
			return rest
		case bytes.IndexByte(line, 0) >= 0:
			h.err = malformed(h.what, "a NUL in a header")
			return nil
		}
		for _, word := range once {
			if bytes.HasPrefix(line, []byte(word)) {
				h.err = malformed(h.what, "a second line of "+word+"or one where it has no place")
				return nil
			}
		}
		h.rest = rest
	}
	return nil
}
