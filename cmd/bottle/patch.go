package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/diff"
	gitdiff "github.com/go-git/go-git/v5/utils/diff"
	"github.com/sergi/go-diff/diffmatchpatch"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/workspace"
)

const (
	// diffTimeout bounds the search for the smallest difference of one file; after it
	// a larger one is shown.
	diffTimeout = 2 * time.Second
	// binaryPrefix is how much of a file is searched for a NUL, as git does.
	binaryPrefix = 8000
	contextLines = 3
)

// filePatch is the difference of one file, as git's formats want it.
type filePatch struct {
	path       string
	host, work workspace.Side
	chunks     []diff.Chunk
	binary     bool
	// added and deleted are the numbers of lines.
	added, deleted int
}

func newPatch(path string, host, work workspace.Side) *filePatch {
	if shown := escape.Text(path); shown != path {
		path = shown // or it could forge a line
	}
	p := &filePatch{path: path, host: host, work: work, binary: isBinary(host) || isBinary(work)}
	if p.binary {
		return p
	}
	for _, d := range gitdiff.DoWithTimeout(host.Text, work.Text, diffTimeout) {
		c := chunk{d.Text, diff.Equal}
		lines := strings.Count(strings.TrimSuffix(d.Text, "\n"), "\n") + 1
		switch d.Type {
		case diffmatchpatch.DiffInsert:
			c.op = diff.Add
			p.added += lines
		case diffmatchpatch.DiffDelete:
			c.op = diff.Delete
			p.deleted += lines
		}
		p.chunks = append(p.chunks, c)
	}
	return p
}

func isBinary(s workspace.Side) bool {
	return s.Large || strings.IndexByte(s.Text[:min(len(s.Text), binaryPrefix)], 0) >= 0
}

// write writes it in git's extended unified format.
func (p *filePatch) write(w io.Writer) error {
	return diff.NewUnifiedEncoder(w, contextLines).Encode(onePatch{p})
}

// stat is a line of numbers.
func (p *filePatch) stat() string {
	if p.binary {
		return fmt.Sprintf("%s | binary or large", p.path)
	}
	return fmt.Sprintf("%s | +%d -%d", p.path, p.added, p.deleted)
}

func (p *filePatch) IsBinary() bool       { return p.binary }
func (p *filePatch) Chunks() []diff.Chunk { return p.chunks }

func (p *filePatch) Files() (from, to diff.File) {
	if p.host.There {
		from = patchFile{p.path, p.host}
	}
	if p.work.There {
		to = patchFile{p.path, p.work}
	}
	return from, to
}

type onePatch struct{ *filePatch }

func (p onePatch) FilePatches() []diff.FilePatch { return []diff.FilePatch{p.filePatch} }
func (p onePatch) Message() string               { return "" }

type patchFile struct {
	path string
	side workspace.Side
}

func (f patchFile) Path() string { return f.path }

func (f patchFile) Hash() plumbing.Hash {
	return plumbing.ComputeHash(plumbing.BlobObject, []byte(f.side.Text))
}

func (f patchFile) Mode() filemode.FileMode {
	switch {
	case f.side.Link:
		return filemode.Symlink
	case f.side.Exec:
		return filemode.Executable
	}
	return filemode.Regular
}

type chunk struct {
	text string
	op   diff.Operation
}

func (c chunk) Content() string      { return c.text }
func (c chunk) Type() diff.Operation { return c.op }
