package pktline

import (
	"bytes"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/oid"
)

// MaxCapabilities is the most that one side may say it can do.
const MaxCapabilities = 256

// Capabilities are what a side can do or wants: names, some with "=" and a value
// (gitprotocol-capabilities(5)), in their order.
type Capabilities []string

// ParseCapabilities reads names that are parted by spaces.
func ParseCapabilities(s string) (Capabilities, error) {
	var c Capabilities
	for word := range strings.SplitSeq(s, " ") {
		if word == "" {
			continue // git writes a space before the first
		}
		if strings.IndexFunc(word, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
			return nil, malformed("a capability has characters that none has")
		}
		if c = append(c, word); len(c) > MaxCapabilities {
			return nil, malformed("more than %d capabilities", MaxCapabilities)
		}
	}
	return c, nil
}

// Value returns the value of the first of that name: "" for one without.
func (c Capabilities) Value(name string) (value string, ok bool) {
	for _, word := range c {
		if n, v, _ := strings.Cut(word, "="); n == name {
			return v, true
		}
	}
	return "", false
}

// Has reports whether there is one of that name.
func (c Capabilities) Has(name string) bool {
	_, ok := c.Value(name)
	return ok
}

// Only returns those of the names.
func (c Capabilities) Only(names ...string) (kept Capabilities) {
	for _, word := range c {
		if n, _, _ := strings.Cut(word, "="); slices.Contains(names, n) {
			kept = append(kept, word)
		}
	}
	return kept
}

// String is the form of the wire.
func (c Capabilities) String() string { return strings.Join(c, " ") }

// format is the object format that they name.
func (c Capabilities) format() (oid.Format, error) {
	name, ok := c.Value(objectFormat)
	if !ok {
		return oid.SHA1, nil
	}
	format, ok := oid.ParseFormat(name)
	if !ok {
		return format, malformed("an object format that is not known")
	}
	return format, nil
}

// pushCapabilities are what a gate understands of a push, and so may let both
// sides agree on. It is a list of what is allowed: push-cert signs the commands
// as the client wrote them, session-id and agent carry texts of the client's own,
// and what is new would be spoken past the gate.
var pushCapabilities = []string{"report-status", "report-status-v2", "side-band-64k", "delete-refs", "quiet", "atomic", "ofs-delta", objectFormat}

const (
	objectFormat = "object-format"
	pushOptions  = "push-options"
)

// OfferPush rewrites the first line of what a server says before a push (the
// payload of the packet behind "# service=" and its flush), so that the client
// agrees on nothing that the gate does not understand, and sends packs without
// bases that only the server has ("no-thin"). Push options are offered if they
// are allowed and the server takes them.
func OfferPush(first []byte, options bool) ([]byte, error) {
	ref, caps, ok := bytes.Cut(line(first), []byte{0})
	if !ok {
		return nil, malformed("the server's first line has no capabilities")
	}
	offered, err := ParseCapabilities(string(caps))
	if err != nil {
		return nil, err
	}
	if _, err := offered.format(); err != nil {
		return nil, err
	}
	out := append(bytes.Clone(ref), 0)
	return append(append(out, append(pushNames(offered, options), "no-thin").String()...), '\n'), nil
}

// pushNames are those of the capabilities that may be forwarded in a push, each once.
// None but the format has a value, so that one cannot carry a text along.
func pushNames(c Capabilities, options bool) (kept Capabilities) {
	for _, word := range c.Only(pushCapabilities...) {
		name, _, _ := strings.Cut(word, "=")
		if !kept.Has(name) && (name == word || name == objectFormat) {
			kept = append(kept, word)
		}
	}
	if options && c.Has(pushOptions) {
		kept = append(kept, pushOptions)
	}
	return kept
}
