// Package workspace makes the copy of a workspace that a bottle works on, and
// says later whether there is work in it that was not pulled.
//
// Copy takes over what git would: in a repository all but what its rules
// ignore (.gitignore of every folder, .git/info/exclude, the person's own; tracked
// files always), elsewhere everything. In a folder of a repository the rules of
// that one hold. Nothing in the copy is shared with the source: no hard
// links, no alternates, no setuid bits. Links are copied as links and never
// followed, and what is neither file, folder nor link stays behind.
//
// A .git may name another folder. One outside of the workspace is taken for
// its own only if git made it so: a linked worktree or a submodule whose git
// folder names the workspace back. All else is ErrForeign.
//
// A .git folder becomes an ordinary one, whatever it was (a linked worktree, a
// submodule's, one that borrows objects). Objects, refs, index and the state of
// a merge or rebase are taken over by name; hooks are not, nor reflogs but the
// stash's, and the config is written anew from a list of keys that name no
// program, file or credential. Of the objects only those are taken over that
// something in the copy leads to: what was committed and amended away stays
// behind. History is copied as it is: a secret that is in it is in the copy, and
// is reported as far as the history is searched.
//
// Copy records what it wrote in a base file outside the copy. Changed compares
// the two. The copy is by then whatever the agent made of it, and is read
// accordingly: by name from open folders, without following a link, opening a
// fifo, running git or holding more in memory than one folder's names.
//
// PrepareGit is for a workspace that is mounted instead: a private .git to put
// over the real one. That is the weaker mode. The agent's writes to the work
// tree are there at once, for the host's editor, shell and build tools to run,
// and ignored files such as .env are in the bottle too.
package workspace

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a caller may tell apart.
var (
	ErrNotEmpty = errors.New("the target is not an empty folder")
	ErrTooLarge = errors.New("the workspace is larger than the limit")
	ErrNoBase   = errors.New("no usable record of the copy")
	// ErrForeign: the workspace names a repository that does not name it back,
	// as an archive of somebody else's can. The text says which, and what to do.
	ErrForeign = errors.New("another repository than the workspace's own")
)

const (
	// maxDepth bounds how deep folders nest, and with that the open ones.
	maxDepth = 256
	// maxListed bounds each list of a Report and of Work.
	maxListed = 1000
)

var errDepth = fmt.Errorf("more than %d folders deep", maxDepth)

// Options say what to copy where. Source and Target are needed.
type Options struct {
	Source string // the workspace
	// Target is the folder to fill: empty, or not there but its parent is.
	Target string
	// Base is the file to record the copy in, for Changed. It must not be in
	// Target. Without one nothing is recorded.
	Base string
	// Exclude are files and folders that stay behind wherever they are found,
	// such as the folder with the state of all bottles. Target always does.
	Exclude []string

	// Excludes is a file of rules that hold in every repository, after all
	// others: see ExcludesFile. "" is none.
	Excludes string

	// Alternates brings in the objects of whatever folders the repository
	// borrows from (git clone --shared, --reference), wherever they are. Set it
	// only if a person who saw those paths said so: a hostile workspace can name
	// any repository that this process can read. Without it they are ErrForeign
	// unless they are in the workspace or in its own repository.
	Alternates bool

	UID, GID int      // owner of all that is written; -1 leaves it
	User     Identity // who commits in the copy

	Limits Limits
	// Scan, if set, is called once; the scanner sees all files but objects.
	Scan func() FileScanner
	// Progress, if set, is told what was copied so far, at most every 100 ms
	// and at the end, from the goroutine that called.
	Progress func(files, bytes int64)
}

// Limits bound a copy; zero is no limit. Objects of git count.
type Limits struct{ Files, Bytes int64 }

// FileScanner looks for secrets in one file after the other.
type FileScanner interface {
	Reset()
	Write(p []byte) []Match // may report what began in an earlier call
	Close() []Match         // at the end of a file
}

// Match is a secret found in a file, without its value.
type Match struct {
	Rule, Name string
	Offset     int64 // in the file
}

// Report says what was copied and what a person should know of it. Paths are
// relative to the source, with slashes.
type Report struct {
	Files, Links, Bytes int64
	Repositories        List[string]  // folders with a .git of their own, "." first
	Borrowed            List[string]  // alternates whose objects were brought in
	Skipped             List[Skipped] // what is not in the copy, though not ignored
	Outside             List[Link]    // links that are absolute or leave the tree
	Secrets             List[Secret]  // what the scanner found
	Dropped             int64         // objects of git that nothing leads to and that are not in the copy
	Kept                List[Skipped] // repositories whose objects are all in the copy, and why
	Unsearched          int64         // files of the history that the scanner did not see
	// Enclosing is the repository that the source is a folder of, if it has no
	// .git itself: its history was not taken over, its rules were applied.
	Enclosing string
}

// Skipped is a path that was left behind, and why.
type Skipped struct{ Path, Reason string }

// Link is a symbolic link.
type Link struct{ Path, Target string }

// Secret is where a secret stands. The value is nowhere in it.
type Secret struct {
	Path       string
	Commit     string // that has it, or "index"; "" for a file of the work tree
	Line       int    // from 1
	Rule, Name string
}

// List holds the first of many.
type List[T any] struct {
	Items []T // at most 1000
	Total int
}

func (l *List[T]) add(v T) {
	l.Total++
	if len(l.Items) < maxListed {
		l.Items = append(l.Items, v)
	}
}

// progressEvery is how often Progress is called.
const progressEvery = 100 * time.Millisecond
