package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bot-bottle/bottle/internal/glob"
)

// pathPattern is a compiled entry of Route.Paths.
type pathPattern struct {
	segments []string
	rank     int // the longer the literal beginning, the more specific
}

func parsePathPattern(s string) (pathPattern, error) {
	if !strings.HasPrefix(s, "/") {
		return pathPattern{}, fmt.Errorf("%q: a path begins with /", s)
	}
	if i := strings.IndexAny(s, "?#%\\"); i >= 0 {
		return pathPattern{}, fmt.Errorf("%q: %q cannot stand in a path pattern (paths are compared percent-decoded and without the query)", s, s[i])
	}
	segments := strings.Split(s[1:], "/")
	for i, seg := range segments {
		switch {
		case seg == "" && i < len(segments)-1, seg == ".", seg == "..":
			return pathPattern{}, fmt.Errorf("%q: empty and dot segments cannot match", s)
		case seg != "**" && strings.Contains(seg, "**"):
			return pathPattern{}, fmt.Errorf("%q: ** must be a whole segment", s)
		}
	}
	rank := strings.IndexByte(s, '*')
	if rank < 0 {
		rank = len(s) + 1 // exact beats any pattern with the same beginning
	}
	return pathPattern{segments: segments, rank: rank}, nil
}

func (p pathPattern) match(seg []string) bool { return glob.Match(p.segments, seg) }

// errAmbiguousPath is the reason for refusing a path that two readers could
// take for two different ones. Where a route has paths, the proxy and the
// upstream must not differ about which one was asked for.
var errAmbiguousPath = errors.New("the path has dot segments, //, an encoded slash or backslash, or a NUL: it could be read as another path")

// pathSegments percent-decodes the escaped path of a request once and splits
// it. It refuses what RFC 3986 lets servers normalise differently.
func pathSegments(escaped string) ([]string, error) {
	if escaped == "" {
		escaped = "/"
	}
	if escaped == "*" { // OPTIONS *
		return []string{escaped}, nil
	}
	if escaped[0] != '/' || hasEncodedSeparator(escaped) {
		return nil, errAmbiguousPath
	}
	decoded, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, fmt.Errorf("the path has a broken percent escape")
	}
	// A second decoding must not bring out a separator or a dot either.
	if strings.ContainsAny(decoded, "\\\x00") || strings.Contains(decoded, "//") || hasEncodedSeparator(decoded) {
		return nil, errAmbiguousPath
	}
	segments := strings.Split(decoded[1:], "/")
	for _, s := range segments {
		// "..;" is a parent segment to servlet containers.
		if name, _, _ := strings.Cut(s, ";"); name == "." || name == ".." {
			return nil, errAmbiguousPath
		}
		if l := strings.ToLower(s); strings.Contains(l, "%2e") {
			return nil, errAmbiguousPath
		}
	}
	return segments, nil
}

func hasEncodedSeparator(s string) bool {
	for {
		_, rest, found := strings.Cut(s, "%")
		if !found || len(rest) < 2 {
			return false
		}
		switch strings.ToLower(rest[:2]) {
		case "2f", "5c", "00":
			return true
		}
		s = rest
	}
}

// asteriskForm has a request that asks for the options of a server as a whole mean that:
// in absolute form it has an empty path (RFC 9112, section 3.2.4).
func asteriskForm(r *http.Request) {
	if u := r.URL; r.Method == http.MethodOptions && u.IsAbs() && u.Path == "" && u.RawQuery == "" && !u.ForceQuery {
		u.Path = "*"
	}
}

// keepPath has a path sent as the client wrote it, where net/url would escape
// more of it: it may be signed. What some server could take for the end of the
// path or for another separator is escaped all the same.
func (x *exchange) keepPath(u *url.URL) {
	raw := u.RawPath
	inPlace := x.target.Scheme == "https" || x.snap.UpstreamProxy == nil // or it is sent in absolute form
	if u.Path == "*" && !inPlace {
		u.Path, u.Opaque = "", "//"+authority(x.target.Scheme, x.target.Host, x.target.Port)
		return
	}
	if raw == "" || raw == u.EscapedPath() || !inPlace || strings.HasPrefix(raw, "//") {
		return
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c > '~' || c == '#' || c == '\\' {
			return
		}
	}
	u.Opaque = raw
}
