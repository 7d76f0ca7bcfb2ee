package proxy

import "net/netip"

// specialRanges are the addresses that a name on the internet has no business
// to resolve to (RFC 6890 and its registry, RFC 6598, RFC 2544, RFC 3964,
// RFC 6052, RFC 8215, RFC 4380). The guard compares the resolved address just before it is
// dialled, so a name that changes its mind (DNS rebinding) gains nothing.
var specialRanges = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("fc00::/7"), "a private address (ULA)"},
	{netip.MustParsePrefix("fec0::/10"), "a private address (site-local)"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address (cloud metadata lives there)"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier-grade NAT address"},
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this host (0.0.0.0/8)"},
	{netip.MustParsePrefix("::/128"), "the unspecified address"},
	{netip.MustParsePrefix("::/96"), "an IPv4-compatible address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a protocol assignment address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a documentation address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a documentation address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a documentation address"},
	{netip.MustParsePrefix("2001:db8::/32"), "a documentation address"},
	{netip.MustParsePrefix("3fff::/20"), "a documentation address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a benchmarking address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a 6to4 relay address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("64:ff9b::/96"), "a NAT64 address, which hides an IPv4 one"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a NAT64 address, which hides an IPv4 one"},
	{netip.MustParsePrefix("2002::/16"), "a 6to4 address, which hides an IPv4 one"},
	{netip.MustParsePrefix("2001::/32"), "a Teredo address, which hides an IPv4 one"},
	{netip.MustParsePrefix("100::/64"), "a discard address"},
	{netip.MustParsePrefix("5f00::/16"), "a segment routing address"},
}

// SpecialAddress says what is special about an address that only a route with
// private: true may reach, such as "a loopback address"; "" for an ordinary one.
func SpecialAddress(addr netip.Addr) string { return specialAddress(addr) }

// specialAddress says what is special about an address that only a route with
// private: true may reach, or "" for an ordinary one.
func specialAddress(addr netip.Addr) string {
	if addr.Is4In6() {
		addr = addr.Unmap()
	}
	if addr.Zone() != "" {
		return "a link-local address"
	}
	for _, r := range specialRanges {
		if r.prefix.Contains(addr) {
			return r.what
		}
	}
	return ""
}
