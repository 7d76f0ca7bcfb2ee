package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
)

// maxSearched bounds in how many folders FindGit looks.
const maxSearched = 1 << 18

var errSearched = fmt.Errorf("more than %d folders", maxSearched)

// FindGit returns what git could take for a repository below a folder, with a
// fingerprint of what makes it run programs: each .git but the folder's own, and
// folders that git takes for a repository by what is in them. Files that other programs
// run by themselves are among them, each with a fingerprint of what is run (RunsItself).
// It tells what came or was replaced between two calls. all is false when there were too many folders to look at.
func FindGit(ctx context.Context, top string) (found map[string]string, all bool, err error) {
	d, err := openDir(top)
	if err != nil {
		return nil, false, err
	}
	defer d.close()
	f := &gitFinder{found: map[string]string{}}
	w := walk{ctx: ctx, v: f}
	err = w.tree(d, ".", 0, scope{})
	if errors.Is(err, errSearched) {
		return f.found, false, nil
	}
	return f.found, err == nil, err
}

type gitFinder struct {
	found   map[string]string
	folders int
}

func (f *gitFinder) repository(d *dir, rel string) (*rules, error) {
	if rel == "." {
		return nil, nil
	}
	st, err := d.lstat(gitName)
	if err != nil {
		return nil, nil
	}
	text, err := d.readlink(gitName)
	switch {
	case st.isRegular():
		var data []byte
		data, err = d.readSmall(gitName, maxGitFile)
		text = string(data)
	case st.isDir():
		var git *dir
		if git, err = d.sub(gitName); err == nil {
			text = gitPrint(git)
			git.close()
		}
	}
	if err != nil {
		text = err.Error()
	}
	f.found[path.Join(rel, gitName)] = fmt.Sprintf("%d %d %s", st.dev, st.ino, sumOf(text))
	return nil, nil
}

// gitPrint stands for the config of a git folder, and its hooks.
func gitPrint(git *dir) string {
	text := ""
	for _, name := range []string{"config", "config.worktree", "commondir"} {
		data, err := git.readSmall(name, maxGitConfig)
		text += fmt.Sprintf("%q %v\n", data, err)
	}
	if hooks, err := git.sub("hooks"); err == nil {
		names, _ := hooks.entries()
		hooks.close()
		text += strings.Join(names, "/")
	}
	return text
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func (f *gitFinder) enter(d *dir, rel, _ string, _ stat) (bool, error) {
	if f.folders++; f.folders > maxSearched {
		return false, errSearched
	}
	if isBare(d) {
		st, err := d.stat()
		if err == nil {
			f.found[rel] = fmt.Sprintf("%d %d %s", st.dev, st.ino, sumOf(gitPrint(d)))
		}
	}
	return true, nil
}

func (f *gitFinder) leave(*dir, string, stat) error { return nil }

// entry notes what programs of the host run by themselves.
func (f *gitFinder) entry(d *dir, rel, name string, st stat) error {
	if text := runPrint(d, rel, name, st); text != "" {
		f.found[rel] = text
	}
	return nil
}

func (f *gitFinder) skip(string, error) error { return nil }
