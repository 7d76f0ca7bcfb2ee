package workspace

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

const (
	maxIgnoreFile  = 1 << 20
	maxIgnoreLines = 1 << 14 // of one file; more than that is no list made by a person
)

// pattern is one line of an ignore file, gitignore(5).
//
// The lines are read here and not by go-git's gitignore: for that one "!*/"
// brings back the files of a folder and not the folder alone, "[!a]" is no
// set, "**" takes the first segment that fits, a pattern also matches what is
// below the path it names, and the time to match is not bounded.
// TestIgnoreAgreesWithGit holds this one to the real git.
type pattern struct {
	segments []string // of a pattern with a slash
	name     string   // of one without, which matches in every folder
	include  bool
	dirOnly  bool
	text     string // the line
}

func parseIgnore(data []byte) []pattern {
	var list []pattern
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if p, ok := parsePattern(string(line)); ok {
			list = append(list, p)
		}
		if len(list) == maxIgnoreLines {
			break
		}
	}
	return list
}

func parsePattern(s string) (pattern, bool) {
	if strings.HasPrefix(s, "#") {
		return pattern{}, false
	}
	s = trimSpaces(s)
	p := pattern{text: s}
	s, p.include = strings.CutPrefix(s, "!")
	s, p.dirOnly = strings.CutSuffix(s, "/")
	if s == "" {
		return pattern{}, false
	}
	if !strings.Contains(s, "/") {
		p.name = s
		return p, true
	}
	p.segments = strings.Split(strings.TrimPrefix(s, "/"), "/")
	return p, true
}

// trimSpaces takes away the spaces at the end that no backslash quotes.
func trimSpaces(s string) string {
	end := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(s))
	}
	return s[:end]
}

func (p *pattern) match(path []string, isDir, fold bool) bool {
	if p.dirOnly && !isDir {
		return false
	}
	if p.segments == nil {
		return globName(p.name, path[len(path)-1], fold)
	}
	return globPath(p.segments, path, fold)
}

// rules say what one repository ignores. Paths are relative to its top.
type rules struct {
	levels  []level
	tracked []string // what the index has although a rule ignores it, sorted
	fold    bool     // core.ignorecase
	// read returns the ignore file of a folder by its path from the top ("" for
	// the top itself), and that of the repository by excludeFile. d is that folder.
	read func(d *dir, at string) ([]pattern, error)
}

// excludeFile is where a repository has the rules that every other file of rules
// comes before.
const excludeFile = ".git/info/exclude"

// readIgnore reads the rules as they are.
func readIgnore(d *dir, at string) ([]pattern, error) {
	name := ".gitignore"
	if at == excludeFile {
		info, err := d.sub("info")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer info.close()
		d, name = info, "exclude"
	}
	data, err := d.readSmall(name, maxIgnoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return parseIgnore(data), err
}

// level is one ignore file; depth is the number of segments above it.
type level struct {
	depth    int
	patterns []pattern
}

// enter reads the ignore file of a folder, which is the deepest so far; leave
// forgets it. The error names no path.
func (r *rules) enter(d *dir, path []string) error {
	patterns, err := r.read(d, strings.Join(path, "/"))
	r.levels = append(r.levels, level{len(path), patterns})
	return err
}

// exclude reads the rules of the repository; git is its common folder.
func (r *rules) exclude(git *dir) error {
	patterns, err := r.read(git, excludeFile)
	r.levels = []level{{0, patterns}}
	if err != nil {
		return fmt.Errorf("info/exclude: %w", err)
	}
	return nil
}

func (r *rules) leave() { r.levels = r.levels[:len(r.levels)-1] }

// ignored says what the rules say of a path whose folders they do not ignore:
// the deepest file decides, and in it the last line that matches.
func (r *rules) ignored(path []string, isDir bool) bool {
	for _, l := range slices.Backward(r.levels) {
		below := path[l.depth:]
		for i := len(l.patterns) - 1; i >= 0; i-- {
			if p := &l.patterns[i]; p.match(below, isDir, r.fold) {
				return !p.include
			}
		}
	}
	return false
}

// isTracked reports whether an ignored path is in the index.
func (r *rules) isTracked(path string) bool {
	_, ok := slices.BinarySearch(r.tracked, path)
	return ok
}

// tracksBelow reports whether anything in an ignored folder is in the index.
func (r *rules) tracksBelow(path string) bool {
	i, _ := slices.BinarySearch(r.tracked, path+"/")
	return i < len(r.tracked) && strings.HasPrefix(r.tracked[i], path+"/")
}
