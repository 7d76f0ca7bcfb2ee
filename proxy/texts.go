package proxy

import (
	"fmt"
	"strings"
)

// whyBeaten says why c, which matches too, did not win.
func whyBeaten(win, c candidate) string {
	switch {
	case win.route.Action == Deny && c.route.Action != Deny:
		return "a deny beats everything"
	case c.route.hostRank() != win.route.hostRank():
		return "a more specific host won"
	case c.path != win.path:
		return "a more specific path won"
	case (len(c.route.Methods) > 0) != (len(win.route.Methods) > 0):
		return "a route with methods won"
	default:
		return "an earlier route won"
	}
}

// describe writes a target as a URL, its path cut. What may hold a value is
// redacted before.
func describe(t Target) string {
	path := t.Path
	if path == "" {
		path = "/"
	}
	if len(path) > maxShownPath {
		path = path[:maxShownPath] + "…"
	}
	return t.Scheme + "://" + authority(t.Scheme, t.Host, t.Port) + path
}

// authority renders host and port as a URL does, without a default port.
func authority(scheme, host string, port int) string {
	if (scheme == "https" && port == 443) || (scheme == "http" && port == 80) {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return joinHostPort(host, port)
}

func portList(c *compiledRoute) string {
	if len(c.Ports) == 0 {
		return "443 (80 for plain http)"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Ports), " ", ", "), "[]")
}
