package workspace

import (
	"strings"
	"unicode/utf8"
)

// globPath matches a path below the folder of an ignore file against a pattern
// with slashes, both as segments. "**" stands for any number of segments, at
// the end for at least one.
//
// Both this and globName go back to the last star only, which is enough for
// patterns of this kind and bounds the work to the product of the lengths: the
// patterns in a bottle are the agent's.
func globPath(pattern, path []string, fold bool) bool {
	if n := len(pattern); n > 0 && pattern[n-1] == "**" {
		pattern = append(pattern[:n-1:n-1], "*", "**")
		if n > 1 && pattern[n-2] == "**" { // "**/**"
			pattern = pattern[1:]
		}
	}
	p, s := 0, 0
	star, from := -1, 0
	for s < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, from = p, s
			p++
		case p < len(pattern) && globName(pattern[p], path[s], fold):
			p++
			s++
		case star >= 0:
			from++
			p, s = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

// globName matches one name against a pattern of fnmatch: *, ?, [set] and \.
func globName(pattern, name string, fold bool) bool {
	p, s := 0, 0
	star, from := -1, 0
	for s < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p, s
			p++
			continue
		}
		if n, ok := globOne(pattern[p:], name[s], fold); ok {
			p += n
			s++
			continue
		}
		if star < 0 {
			return false
		}
		from++
		p, s = star+1, from
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// globOne matches one byte against the pattern's next element and returns the
// element's length.
func globOne(pattern string, c byte, fold bool) (int, bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return globSet(pattern, c, fold)
	case '\\':
		if len(pattern) == 1 {
			return 0, false
		}
		return 2, sameByte(pattern[1], c, fold)
	}
	return 1, sameByte(pattern[0], c, fold)
}

// globSet matches one byte against "[...]". A set without an end matches
// nothing. As in git, of what a set lists only ranges and classes disregard
// case; a single capital then matches nothing.
func globSet(pattern string, c byte, fold bool) (int, bool) {
	if fold && isUpper(c) {
		c = swapCase(c)
	}
	i := 1
	not := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if not {
		i++
	}
	found := false
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, found != not
		}
		if strings.HasPrefix(pattern[i:], "[:") {
			if name, _, ok := strings.Cut(pattern[i+2:], ":]"); ok {
				class, known := classes[name]
				if !known {
					return 0, false
				}
				found = found || class(c) || fold && class(swapCase(c))
				i += len(name) + 4
				continue
			}
		}
		lo, n := setByte(pattern[i:])
		i += n
		hi := lo
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			hi, n = setByte(pattern[i+1:])
			i += n + 1
		}
		found = found || lo <= c && c <= hi
		if o := swapCase(c); fold && lo != hi {
			found = found || lo <= o && o <= hi
		}
	}
	return 0, false
}

// setByte reads one byte of a set, which a backslash may quote.
func setByte(s string) (byte, int) {
	if s[0] == '\\' && len(s) > 1 {
		return s[1], 2
	}
	return s[0], 1
}

func sameByte(a, b byte, fold bool) bool { return a == b || fold && a == swapCase(b) }

func swapCase(c byte) byte {
	if isLower(c) || isUpper(c) {
		return c ^ 0x20
	}
	return c
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isAlpha(c byte) bool { return isLower(c) || isUpper(c) }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isGraph(c byte) bool { return ' ' < c && c < 0x7f }
func isSpace(c byte) bool { return strings.IndexByte(" \t\n\v\f\r", c) >= 0 && c < utf8.RuneSelf }

// classes are the POSIX classes that a set may name.
var classes = map[string]func(byte) bool{
	"alpha": isAlpha, "digit": isDigit, "lower": isLower, "upper": isUpper, "space": isSpace, "graph": isGraph,
	"alnum":  func(c byte) bool { return isAlpha(c) || isDigit(c) },
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"print":  func(c byte) bool { return ' ' <= c && c < 0x7f },
	"punct":  func(c byte) bool { return isGraph(c) && !isAlpha(c) && !isDigit(c) },
	"xdigit": func(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' },
}
