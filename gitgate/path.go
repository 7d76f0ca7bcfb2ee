package gitgate

import (
	"errors"
	"net/netip"
	"strings"
)

// maxRepoPath bounds the path of a repository in bytes.
const maxRepoPath = 512

// CheckRepoPath returns why a path cannot be that of a repository, or nil. It has
// nothing that two servers could read in two ways.
func CheckRepoPath(path string) error {
	if path == "" || len(path) > maxRepoPath {
		return errors.New("the path is empty or too long")
	}
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "":
			return errors.New("the path begins or ends with a slash, or has two in a row")
		case part == "." || part == "..":
			return errors.New("the path has . or .. in it")
		case part[0] == '-':
			return errors.New("a part of the path begins with a dash, which commands take for an option")
		case strings.Trim(part, partChars) != "":
			return errors.New("the path has characters other than letters, digits and . _ - + ~ @")
		}
	}
	return nil
}

const partChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+~@"

// tails are what may stand behind a repository.
var tails = []string{"/info/refs", "/git-upload-pack", "/git-receive-pack", "/info/lfs/objects/batch"}

// splitPath cuts an escaped path into repository and tail. The path is read as it
// was sent: no escape, no dot segment and no second slash has a place in it.
func splitPath(path string) (repo, tail string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return "", "", false
	}
	for _, t := range tails {
		if repo, ok := strings.CutSuffix(rest, t); ok && CheckRepoPath(repo) == nil {
			return strings.TrimSuffix(repo, ".git"), t, true
		}
	}
	// Of LFS there are more, which all are refused but the gate's own.
	if repo, rest, ok := strings.Cut(rest, lfsTail); ok && CheckRepoPath(repo) == nil {
		return strings.TrimSuffix(repo, ".git"), lfsTail + rest, true
	}
	return "", "", false
}

const lfsTail = "/info/lfs/"

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
