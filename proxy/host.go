package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/idna"
)

// CanonicalHost brings a host as it stands in a URL, a CONNECT target or a
// Host header into the one form that routes are compared in: lower-case
// punycode without a final dot, or an IP address without brackets (an
// IPv4-mapped IPv6 address becomes the IPv4 address).
//
// Spellings that some resolvers read as an address and others as a name
// ("0x7f.1", "127.1", "2130706433") are refused, and so are zones.
func CanonicalHost(host string) (string, error) {
	if h, ok := strings.CutPrefix(host, "["); ok {
		h, ok = strings.CutSuffix(h, "]")
		if !ok {
			return "", fmt.Errorf("host %q: missing ]", host)
		}
		addr, err := netip.ParseAddr(h)
		if err != nil || !addr.Is6() {
			return "", fmt.Errorf("host %q is not an IPv6 address in brackets", host)
		}
		host = h
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", fmt.Errorf("host %q: zones are not allowed", host)
		}
		return addr.Unmap().String(), nil
	}
	name, ok := plainName(host)
	if !ok {
		var err error
		if name, err = idna.Lookup.ToASCII(strings.TrimSuffix(host, ".")); err != nil {
			return "", fmt.Errorf("host %q is not a host name", host)
		}
		// What IDNA maps to ASCII digits and dots is judged like the ASCII.
		if _, err := netip.ParseAddr(name); err == nil {
			return "", fmt.Errorf("host %q is an address in disguise", host)
		}
		if name, ok = plainName(name); !ok {
			return "", fmt.Errorf("host %q is not a host name", host)
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if numericLabel(last) {
		return "", fmt.Errorf("host %q is neither a name nor an IP address in its usual form", host)
	}
	return name, nil
}

// plainName lowers an ASCII host name and drops its final dot; ok is false
// when the name needs IDNA or is malformed. Underscores are let through, as
// every resolver does.
func plainName(host string) (string, bool) {
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > 253 {
		return "", false
	}
	lower, label := false, 0
	for i := range len(host) {
		switch c := host[i]; {
		case c == '.':
			if label == 0 || host[i-1] == '-' {
				return "", false
			}
			label = -1
		case c == '-':
			if label == 0 {
				return "", false
			}
		case 'A' <= c && c <= 'Z':
			lower = true
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_':
		default:
			return "", false
		}
		if label++; label > 63 {
			return "", false
		}
	}
	if label == 0 || host[len(host)-1] == '-' {
		return "", false
	}
	if lower {
		host = strings.ToLower(host)
	}
	return host, true
}

func numericLabel(s string) bool {
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		return strings.Trim(rest, "0123456789abcdef") == ""
	}
	return strings.Trim(s, "0123456789") == ""
}

// parseHostPattern checks the host of a route.
func parseHostPattern(s string) (host string, wildcard bool, err error) {
	switch {
	case s == "":
		return "", false, errors.New("a host is needed: an exact name, \"*.example.com\" or an IP address")
	case s == "*" || s == "*.":
		return "", false, errors.New("\"*\" alone is not a host pattern: to allow every host, set default: allow")
	case strings.Contains(s, "://"):
		return "", false, fmt.Errorf("%q is a URL: only the host goes here, the rest into paths and ports", s)
	}
	name, wildcard := strings.CutPrefix(s, "*.")
	if strings.Contains(name, "*") {
		return "", false, fmt.Errorf("%q: \"*\" may only stand for whole labels in front, as in \"*.example.com\"", s)
	}
	if strings.Contains(name, "/") {
		return "", false, fmt.Errorf("%q: a path goes into paths", s)
	}
	host, err = CanonicalHost(name)
	if err != nil {
		if h, p, splitErr := net.SplitHostPort(name); splitErr == nil && p != "" {
			return "", false, fmt.Errorf("%q: write host: %s and ports: [%s]", s, h, p)
		}
		return "", false, err
	}
	if !wildcard {
		return host, false, nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", false, fmt.Errorf("%q: a wildcard needs a name, not an address", s)
	}
	return "*." + host, true, nil
}

// splitHostPort parses host:port into canonical form.
func splitHostPort(s string) (host string, port int, err error) {
	h, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, errors.New("host:port is needed, IPv6 addresses in brackets")
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q is not a port (1 to 65535)", p)
	}
	if h, err = CanonicalHost(h); err != nil {
		return "", 0, err
	}
	return h, int(n), nil
}

func joinHostPort(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func isToken(s string) bool { return httpguts.ValidHeaderFieldName(s) }

// isAddress reports whether a canonical host is an IP address.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
