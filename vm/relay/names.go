package relay

import (
	"container/list"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Prefix is where the addresses of names come from. It is set aside for
// measurements inside of a network (RFC 2544), so no host on the internet has one
// of them.
var Prefix = netip.MustParsePrefix("198.18.0.0/15")

// poolSize is how many addresses the pool has, less its first and its last.
const poolSize = 1<<17 - 2

// maxNames bounds the names that have an address at a time. The one that was asked
// for the longest time ago is forgotten first; its address is not given to another
// before all the rest of the pool was, so that nobody who still holds it can come
// out at another name.
const maxNames = 8192

// Addresses returns the addresses of the first n names, for who must write them
// down before the relay runs.
func Addresses(n int) []netip.Addr {
	out := make([]netip.Addr, n)
	for i := range out {
		out[i] = poolAddr(i)
	}
	return out
}

func poolAddr(i int) netip.Addr {
	b := Prefix.Addr().As4()
	n := i%poolSize + 1
	return netip.AddrFrom4([4]byte{b[0], b[1] + byte(n>>16), byte(n >> 8), byte(n)})
}

// names is the table of names and addresses. It is safe for concurrent use.
type names struct {
	gone func(*entry) // told, outside of the lock, what was forgotten
	max  int

	mu     sync.Mutex
	next   int
	byName map[string]*entry
	byAddr map[netip.Addr]*entry
	order  *list.List // of those that may be forgotten, the oldest first
}

// entry is a name that has an address.
type entry struct {
	name string
	addr netip.Addr
	at   *list.Element // nil for one that stays
}

func newNames(most int, gone func(*entry)) *names {
	return &names{gone: gone, max: most, byName: map[string]*entry{}, byAddr: map[netip.Addr]*entry{}, order: list.New()}
}

// fix gives a name an address that it keeps.
func (n *names) fix(name string, addr netip.Addr) *entry {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := &entry{name: name, addr: addr}
	n.byName[name], n.byAddr[addr] = e, e
	return e
}

// address returns the entry of a name, and gives it an address the first time.
func (n *names) address(name string) *entry {
	e, old := n.enter(name)
	if old != nil && n.gone != nil {
		n.gone(old)
	}
	return e
}

func (n *names) enter(name string) (e, forgotten *entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e = n.byName[name]; e != nil {
		if e.at != nil {
			n.order.MoveToBack(e.at)
		}
		return e, nil
	}
	if n.order.Len() >= n.max {
		forgotten = n.order.Remove(n.order.Front()).(*entry) //nolint:forcetypeassert // nothing else is put in
		delete(n.byName, forgotten.name)
		delete(n.byAddr, forgotten.addr)
	}
	addr := poolAddr(n.next)
	for n.byAddr[addr] != nil || forgotten != nil && addr == forgotten.addr {
		n.next++
		addr = poolAddr(n.next)
	}
	n.next = (n.next + 1) % poolSize
	e = &entry{name: name, addr: addr}
	e.at = n.order.PushBack(e)
	n.byName[name], n.byAddr[addr] = e, e
	return e, forgotten
}

// has reports whether an entry was not forgotten.
func (n *names) has(e *entry) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byAddr[e.addr] == e
}

// host returns what a connection to an address is for: the name that has it, else
// the address itself.
func (n *names) host(addr netip.Addr) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.byAddr[addr]; e != nil {
		return e.name
	}
	return addr.String()
}

// kind is what a name is to the answerer.
type kind int

const (
	impossible kind = iota // no host has it
	ordinary
	loopback // RFC 6761, section 6.3
)

// never are the domains in which no name has an address: those of RFC 6761 and RFC
// 7686, and that of reverse lookups.
var never = []string{"arpa", "invalid", "onion"}

// hostName brings a name as it stands in a query into the form in which routes are
// compared: lower case, without the final dot. What could not be a host's is
// impossible; what looks like an address is, too.
func hostName(query string) (string, kind) {
	name := strings.ToLower(strings.TrimSuffix(query, "."))
	if name == "" || len(name) > 253 {
		return "", impossible
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if !isLabel(l) {
			return "", impossible
		}
	}
	last := labels[len(labels)-1]
	switch {
	case last == "localhost":
		return name, loopback
	case isNumeric(last) || slices.Contains(never, last):
		return "", impossible
	}
	return name, ordinary
}

func isLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	return strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// isNumeric reports whether resolvers may read a name that ends so as an address.
func isNumeric(l string) bool {
	if hex, ok := strings.CutPrefix(l, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(l, "0123456789") == ""
}
