package proxy

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestPathSegments(t *testing.T) {
	good := map[string]string{
		"": "", "/": "", "/a/b": "a|b", "/a/b/": "a|b|", "/a%20b": "a b", "/%61": "a", "*": "*", "/a;v=1/b": "a;v=1|b",
		"/a.b/..c/d..": "a.b|..c|d..", "/%e2%82%ac": "€", "/100%25": "100%", "/a+b": "a+b", "/...": "...",
	}
	for in, want := range good {
		if got, err := pathSegments(in); err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"a", "//a", "/a//b", "/./a", "/a/..", "/a/../b", "/%2e%2e/b", "/%2E/b", "/.%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`, "/a%00", "/a\x00",
		"/%252e%252e/b", "/a%252fb", "/a%255cb", "/a/..;/b", "/.;x/b", "/%zz", "/%", "/%2"} {
		if got, err := pathSegments(in); err == nil {
			t.Errorf("%q was taken as %q", in, got)
		}
	}
}

// FuzzPath: whatever is let through means the same to a server that cleans
// paths, to one that decodes them twice, and to one that does neither.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/v1/a", "/a/../b", "/%2e%2e/b", "/a%252fb", "/..;/x", `/a\..\b`, "/a%", "*", "/a//b", "/%c0%ae%c0%ae/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		segments, err := pathSegments(escaped)
		if err != nil || escaped == "*" {
			return
		}
		joined := "/" + strings.Join(segments, "/")
		cleaned := path.Clean(joined)
		if strings.HasSuffix(joined, "/") && cleaned != "/" {
			cleaned += "/"
		}
		if cleaned != joined {
			t.Errorf("%q: cleaning makes %q of %q", escaped, cleaned, joined)
		}
		if strings.ContainsAny(joined, "\\\x00") {
			t.Errorf("%q became %q", escaped, joined)
		}
		if once, err := url.PathUnescape(escaped); err != nil || escaped != "" && once != joined {
			t.Errorf("%q decodes to %q (%v), not %q", escaped, once, err, joined)
		}
		if twice, err := url.PathUnescape(joined); err == nil && strings.Count(twice, "/") != strings.Count(joined, "/") {
			t.Errorf("%q: decoding once more brings out a slash: %q", escaped, twice)
		}
	})
}
