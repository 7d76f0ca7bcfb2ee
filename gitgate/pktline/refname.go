package pktline

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxRefName is the longest name of a ref in bytes.
const MaxRefName = 1024

// badRefParts are what git-check-ref-format(1) forbids anywhere in a name.
var badRefParts = []string{"..", "@{", "//", "/.", ".lock/"}

// CheckRefName returns why a name cannot be that of a ref in a push, or nil. It
// asks for a name below refs/ of three parts at least, and for all that
// git-check-ref-format(1) does; also that all of it can be printed, so that
// nobody takes it for another, and that no branch or tag begins with a dash,
// which commands would take for an option.
func CheckRefName(name string) error {
	switch {
	case len(name) > MaxRefName:
		return errors.New("the name is longer than 1024 bytes")
	case !strings.HasPrefix(name, "refs/"):
		return errors.New("the name does not begin with refs/")
	case strings.Count(name, "/") < 2:
		return errors.New("the name has only one part behind refs/")
	case strings.HasPrefix(name, "refs/heads/-"), strings.HasPrefix(name, "refs/tags/-"):
		return errors.New("the name of the branch or tag begins with a dash")
	case strings.HasSuffix(name, "/"), strings.HasSuffix(name, "."), strings.HasSuffix(name, ".lock"):
		return errors.New("the name ends in a slash, a dot or .lock")
	case strings.ContainsAny(name, " ~^:?*[\\"):
		return errors.New(`the name has one of the characters space ~ ^ : ? * [ \`)
	case !utf8.ValidString(name):
		return errors.New("the name is not UTF-8")
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("the name has characters that cannot be seen")
	}
	for _, bad := range badRefParts {
		if strings.Contains(name, bad) {
			return errors.New("the name has " + bad + " in it")
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "@" {
			return errors.New("a part of the name is @")
		}
	}
	return nil
}
