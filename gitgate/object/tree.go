package object

import (
	"bytes"
	"cmp"
	"iter"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/oid"
)

// Mode is the mode of an entry in a tree.
type Mode uint32

// The modes that git writes, and one that very old versions wrote.
const (
	ModeTree       Mode = 0o040000
	ModeFile       Mode = 0o100644
	ModeGroupFile  Mode = 0o100664
	ModeExecutable Mode = 0o100755
	ModeSymlink    Mode = 0o120000
	ModeSubmodule  Mode = 0o160000
)

// Entry is a line of a tree.
type Entry struct {
	Mode Mode
	// Name has no slash and is neither empty, ".", ".." nor any spelling of ".git".
	// It points into what was parsed.
	Name []byte
	// Sum is the ID as it stands in the tree; it points into what was parsed.
	Sum []byte
}

// ID returns the ID of what the entry is.
func (e Entry) ID(format oid.Format) oid.ID { return format.From(e.Sum) }

// Kind returns what kind of object the entry is; a submodule is a commit, of
// another repository.
func (e Entry) Kind() Kind {
	switch e.Mode {
	case ModeTree:
		return Tree
	case ModeSubmodule:
		return Commit
	}
	return Blob
}

// Entries yields the entries of a tree, in the order of the tree. The last may
// come with an error.
func Entries(b []byte, format oid.Format) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		size := format.Size()
		var last Entry
		for len(b) > 0 {
			e, n, why := entry(b, size)
			if why == "" && last.Name != nil && (last.Compare(e) >= 0 || bytes.Equal(last.Name, e.Name)) {
				why = "the entries are not in order"
			}
			if why != "" {
				yield(Entry{}, malformed("tree", why))
				return
			}
			if !yield(e, nil) {
				return
			}
			last, b = e, b[n:]
		}
	}
}

// entry reads the first entry of b, of n bytes.
func entry(b []byte, size int) (e Entry, n int, why string) {
	i := 0
	for ; i < len(b) && i < 7 && b[i] >= '0' && b[i] <= '7'; i++ {
		e.Mode = e.Mode<<3 | Mode(b[i]-'0')
	}
	if i == 0 || i == len(b) || b[i] != ' ' {
		return e, 0, "an entry without a mode"
	}
	switch e.Mode {
	case ModeTree, ModeFile, ModeGroupFile, ModeExecutable, ModeSymlink, ModeSubmodule:
	default:
		return e, 0, "a mode that git does not write"
	}
	name := b[i+1:]
	end := bytes.IndexByte(name, 0)
	if end < 0 || len(name) < end+1+size {
		return e, 0, "an entry that is cut off"
	}
	e.Name, e.Sum = name[:end], name[end+1:end+1+size]
	return e, i + 1 + end + 1 + size, badName(e.Name)
}

// badName says why no entry may have a name: one of those that lead out of the
// tree, or into git's own folder on some file system (CVE-2014-9390).
func badName(name []byte) string {
	switch {
	case len(name) == 0:
		return "an entry without a name"
	case bytes.IndexByte(name, '/') >= 0:
		return "a slash in the name of an entry"
	case name[0] != '.' && name[0] != 'g' && name[0] != 'G' && name[0] < 0x80:
		return ""
	case string(name) == "." || string(name) == "..":
		return "an entry that is . or .."
	case IsGitDir(string(name)):
		return "an entry that is git's own folder, .git in some spelling"
	}
	return ""
}

// IsGitDir reports whether some file system takes a name for .git: the ones that
// know no case, HFS+, which does not see some characters, and NTFS, which knows a
// second name and drops dots and spaces at the end.
func IsGitDir(name string) bool {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, strings.ToLower(name))
	name, _, _ = strings.Cut(name, ":") // a stream of NTFS
	name = strings.TrimRight(name, ". ")
	return name == ".git" || name == "git~1"
}

// Compare orders entries as git does in a tree, where the name of a tree ends with
// a slash. It is 0 for two of one name that both are trees, or both none.
func (e Entry) Compare(other Entry) int {
	n := min(len(e.Name), len(other.Name))
	if c := bytes.Compare(e.Name[:n], other.Name[:n]); c != 0 {
		return c
	}
	return cmp.Compare(e.byteAt(n), other.byteAt(n))
}

// byteAt is the byte of the name at n, or behind its end: -1, or the slash of a
// tree.
func (e Entry) byteAt(n int) int {
	switch {
	case n < len(e.Name):
		return int(e.Name[n])
	case e.Mode == ModeTree:
		return '/'
	}
	return -1
}
