package object

import (
	"bytes"
	"cmp"
	"iter"
	"regexp"
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
		var files [][]byte // that a folder of the same name may still follow
		for len(b) > 0 {
			e, n, why := entry(b, size)
			switch {
			case why != "":
			case last.Name != nil && last.Compare(e) >= 0:
				why = "the entries are not in order"
			default:
				for len(files) > 0 && !bytes.HasPrefix(e.Name, files[len(files)-1]) {
					files = files[:len(files)-1]
				}
				switch {
				case len(files) > 0 && len(files[len(files)-1]) == len(e.Name):
					why = "a file and a folder of one name"
				case e.Mode != ModeTree:
					files = append(files, e.Name)
				}
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

// MaxName is the longest name of an entry in bytes, as for git's fsck.
const MaxName = 4096

// badName says why no entry may have a name: one of those that lead out of the
// tree, or into git's own folder on some file system (CVE-2014-9390).
func badName(name []byte) string {
	switch {
	case len(name) == 0:
		return "an entry without a name"
	case len(name) > MaxName:
		return "a name of more than 4096 bytes"
	case bytes.IndexByte(name, '/') >= 0:
		return "a slash in the name of an entry"
	case bytes.IndexByte(name, '\\') >= 0: // Windows takes it for a slash
		for part := range bytes.SplitSeq(name, []byte{'\\'}) {
			if IsGitDir(string(part)) {
				return gitDirName
			}
		}
		return ""
	case !mayHide(name):
		return ""
	case string(name) == "." || string(name) == "..":
		return "an entry that is . or .."
	case IsGitDir(string(name)):
		return gitDirName
	}
	return ""
}

const gitDirName = "an entry that is git's own folder, .git in some spelling"

// mayHide reports whether a name begins like one of git's own in some spelling.
func mayHide[T ~string | ~[]byte](name T) bool {
	return len(name) > 0 && (name[0] == '.' || name[0] == 'g' || name[0] == 'G' || name[0] >= 0x80)
}

// IsGitDir reports whether some file system takes a name for .git: the ones that
// know no case, HFS+, which does not see some characters, and NTFS, which knows a
// second name and drops dots and spaces at the end.
func IsGitDir(name string) bool {
	name = seen(name)
	return name == ".git" || name == "git~1"
}

// shortModules is what NTFS may call .gitmodules beside its name, of 8 characters
// (git's is_ntfs_dotgitmodules).
var shortModules = regexp.MustCompile(`^(gitmod~[1-4]|(g|gi|gi7|gi7e|gi7eb|gi7eba)~[1-9][0-9]*)$`)

// IsGitModules reports whether some file system takes a name for .gitmodules, as
// IsGitDir does for .git.
func IsGitModules[T ~string | ~[]byte](name T) bool {
	if !mayHide(name) || len(name) < 8 {
		return false
	}
	s := seen(string(name))
	return strings.EqualFold(s, ".gitmodules") || len(s) == 8 && shortModules.MatchString(s)
}

// seen is a name as some file systems see it.
func seen(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, strings.ToLower(name))
	name, _, _ = strings.Cut(name, ":") // a stream of NTFS
	return strings.TrimRight(name, ". ")
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
