package relay

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestANameKeepsItsAddress(t *testing.T) {
	n := newNames(8, nil)
	a, b := n.address("a.test").addr, n.address("b.test").addr
	if a == b || n.address("a.test").addr != a || n.host(a) != "a.test" || n.host(b) != "b.test" {
		t.Errorf("a has %v, b has %v", a, b)
	}
	if !Prefix.Contains(a) {
		t.Errorf("%v is not in %v", a, Prefix)
	}
	for _, addr := range []string{"192.0.2.1", "2001:db8::1", "198.18.200.1"} {
		if got := n.host(netip.MustParseAddr(addr)); got != addr {
			t.Errorf("%s, which no name has, is %s", addr, got)
		}
	}
}

func TestTheTableIsBounded(t *testing.T) {
	var gone []string
	n := newNames(3, func(e *entry) { gone = append(gone, e.name) })
	fixed := n.fix("db", Addresses(1)[0])
	first := n.address("0.test")
	for i := range 5 {
		n.address(fmt.Sprint(i, ".test"))
		n.address("0.test") // is asked for again and again
	}
	if fmt.Sprint(gone) != "[1.test 2.test]" {
		t.Errorf("forgotten: %v", gone)
	}
	if !n.has(first) || !n.has(fixed) || n.host(fixed.addr) != "db" || len(n.byName) != 4 || len(n.byAddr) != 4 {
		t.Errorf("the table has %v", n.byName)
	}
}

// An address that a program still holds leads to no other name until all others
// were given out.
func TestAnAddressIsNotUsedAgainSoon(t *testing.T) {
	n := newNames(2, nil)
	fixed := n.fix("db", Addresses(1)[0]).addr
	used := map[netip.Addr]bool{}
	for i := range poolSize - 1 {
		a := n.address(fmt.Sprint("n", i)).addr
		if used[a] || a == fixed {
			t.Fatalf("after %d names %v is used again", i, a)
		}
		used[a] = true
		if !Prefix.Contains(a) || a == Prefix.Addr() || a == netip.MustParseAddr("198.19.255.255") {
			t.Fatalf("%v is none of the pool", a)
		}
	}
	if a := n.address("one.more").addr; !used[a] || a == fixed {
		t.Errorf("the pool has %v too", a)
	}
}
