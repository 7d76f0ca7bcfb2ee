// Package glob matches paths that are split into segments. In a pattern "*" stands
// for any text in a segment, and a segment "**" for any number of them, none
// among these.
package glob

import "strings"

// Match compares segment by segment. After a mismatch it goes back to the last
// "**" only, which is enough for globs and keeps the time at most the product of
// both lengths.
func Match(pattern, path []string) bool {
	i, j, star, mark := 0, 0, -1, 0
	for j < len(path) {
		switch {
		case i < len(pattern) && pattern[i] == "**":
			star, mark = i, j
			i++
		case i < len(pattern) && Segment(pattern[i], path[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == "**" {
		i++
	}
	return i == len(pattern)
}

// Below reports whether the pattern may match something that lies below a path.
func Below(pattern, path []string) bool {
	for len(pattern) > 0 {
		switch {
		case pattern[0] == "**", len(path) == 0:
			return true
		case !Segment(pattern[0], path[0]):
			return false
		}
		pattern, path = pattern[1:], path[1:]
	}
	return false
}

// Segment matches one segment, in which "*" stands for any text.
func Segment(pattern, s string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	for ok {
		var part string
		part, rest, wild = strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(s, part)
		}
		_, s, ok = strings.Cut(s, part)
	}
	return false
}
