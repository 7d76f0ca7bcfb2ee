package dlp

import "strings"

// maxPads is how many '=' end a run of base64 or base32.
const maxPads = 6

// What runs of encodings consist of, as they are dropped behind a match, and
// what is held because it may become one, with the breaks that may be in it.
var (
	base64Bytes = newClass("A-Za-z0-9+/_-")
	base32Bytes = newClass("A-Za-z0-9")
	runBytes    = newClass("A-Za-z0-9+/_\\\n\r-")
)

// outermost returns the encoding that the bytes of the stream are in.
func outermost(path string) string {
	if i := strings.IndexByte(path, '>'); i >= 0 {
		return path[:i]
	}
	return path
}

// runOf returns what a run of the outermost encoding of a path consists of; nil
// where a match ends where it ends.
func runOf(path string) *class {
	switch outermost(path) {
	case "base64", "base64url":
		return base64Bytes
	case "base32":
		return base32Bytes
	case "hex":
		return hexAny
	}
	return nil
}

// replaceable reports whether text may be put in place of a finding. Neither a
// stream of a codec nor one of wide characters can have a text in it, and what is
// no match has no place.
func replaceable(f *Finding) bool {
	path := outermost(f.Path)
	return !isCodec(path) && path != "utf16" && f.Kind <= KindPlaceholder
}

func isCodec(path string) bool {
	switch path {
	case "gzip", "zlib", "deflate", "zstd", "br", "bzip2", "xz", "zip", "tar":
		return true
	}
	return false
}

// isPartial reports whether there may be more of the secret than where a finding
// is replaced.
func isPartial(f *Finding) bool {
	switch f.Rule {
	case "private-key", "openssh-private-key", "putty-private-key", "xml-private-key", "jwk-private-key":
		return true
	case "jwt":
		if f.Length >= maxJWT {
			return true
		}
	}
	for part := range strings.SplitSeq(f.Path, pathJoin) {
		if isCodec(part) {
			return true
		}
	}
	return f.cut || f.isPiece()
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

const jsonEscapes = `"\/bfnrtu`

// escapeBefore returns the beginning of the escape of JSON or a URL that b[i] is
// inside of, or i. All backslashes before it count as part of one: in JSON inside
// of JSON they are. With open, what comes at i is not known, and anything that it
// may make an escape counts.
func escapeBefore(b []byte, i int, open bool) int {
	for k := 1; k <= 5 && k <= i; k++ {
		switch c := b[i-k]; {
		case c == '\\' && inside(b[i-k+1:i], b[i:], open):
			return backslashes(b, i-k+1)
		case c == '%' && k <= 2 && insidePercent(b[i-k+1:i], b[i:], open):
			return i - k
		case c == 'u' || hexAny[c]:
		default:
			return i
		}
	}
	return i
}

// inside reports whether an escape whose backslash stands before the bytes of
// head goes on with rest.
func inside(head, rest []byte, open bool) bool {
	if len(head) == 0 {
		return open || len(rest) > 0 && strings.IndexByte(jsonEscapes, rest[0]) >= 0
	}
	return head[0] == 'u' && hexAny.span(head, 1, len(head)) == len(head) && (open || len(rest) > 0 && hexAny[rest[0]])
}

func insidePercent(head, rest []byte, open bool) bool {
	missing := 2 - len(head)
	return hexAny.span(head, 0, len(head)) == len(head) && (open || hexAny.span(rest, 0, missing) == missing)
}

// backslashes returns where the backslashes that end before i begin.
func backslashes(b []byte, i int) int {
	for least := max(0, i-maxSlashes); i > least && b[i-1] == '\\'; i-- {
	}
	return i
}

// inEscape reports whether c goes on with an escape of JSON that b ends in.
func inEscape(b []byte, c byte) bool {
	for k := 1; k <= 5 && k <= len(b); k++ {
		at := len(b) - k
		if b[at] == '\\' {
			return (at+1-backslashes(b, at+1))%2 == 1 && inside(b[at+1:], []byte{c}, false)
		}
		if b[at] != 'u' && !hexAny[b[at]] {
			return false
		}
	}
	return false
}
