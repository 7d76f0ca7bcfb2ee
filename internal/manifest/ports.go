package manifest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Port is a port in the bottle that a port of the host's 127.0.0.1 leads to. Host 0
// is one that is free.
type Port struct{ Host, Guest int }

// maxPorts bounds the forwarded ports of a bottle.
const maxPorts = 64

// portPattern is what the text form of a PortEntry looks like.
const portPattern = `^([0-9]{1,5}:)?[0-9]{1,5}$`

var portSyntax = regexp.MustCompile(portPattern)

// PortEntry is a forwarded port, written as GUEST or HOST:GUEST.
type PortEntry Port

func (p *PortEntry) fromNode(_ *decoder, n *node, _ string) error {
	const want = `a port such as 3000, or "8080:80" for the host's 8080 and the bottle's 80`
	if n.kind != scalarNode || n.scalar != intScalar && n.scalar != textScalar && n.scalar != looseScalar {
		return fmt.Errorf("%s is wanted, not %s", want, n.what())
	}
	if !portSyntax.MatchString(n.text) {
		return fmt.Errorf("%s is not %s", quote(n.text), want)
	}
	host, guest, both := strings.Cut(n.text, ":")
	if !both {
		guest = host
	}
	p.Host, _ = strconv.Atoi(host) // at most five digits, says the pattern
	p.Guest, _ = strconv.Atoi(guest)
	switch {
	case p.Guest < 1 || p.Guest > 65535:
		return fmt.Errorf("%s is not a port of the bottle (1 to 65535)", quote(guest))
	case p.Host > 65535:
		return fmt.Errorf("%s is not a port of the host (1 to 65535, or 0 for one that is free)", quote(host))
	}
	return nil
}

// String is the form that it is written in.
func (p Port) String() string { return fmt.Sprintf("%d:%d", p.Host, p.Guest) }

// ports keeps the forwarded ports.
func (b *builder) ports() {
	if len(b.doc.Ports) > maxPorts {
		b.fault(at("ports", maxPorts), "there are more than %d ports", maxPorts)
		return
	}
	seen := map[int]bool{}
	for i, e := range b.doc.Ports {
		where := at("ports", i)
		switch {
		case b.spoiled(where...):
			continue
		case e.Host != 0 && seen[e.Host]:
			b.fault(where, "port %d of the host leads somewhere already", e.Host)
			continue
		}
		seen[e.Host] = true
		b.m.Ports = append(b.m.Ports, Port(e))
	}
}

// portLines say what reaches into the bottle.
func (m *Manifest) portLines() (lines []string) {
	for _, p := range m.Ports {
		host := "a free port"
		if p.Host != 0 {
			host = "port " + strconv.Itoa(p.Host)
		}
		lines = append(lines, fmt.Sprintf("%s of this host's 127.0.0.1 leads to port %d in the bottle", host, p.Guest))
	}
	return lines
}
