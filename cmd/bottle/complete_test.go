package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

// What an agent asked for is offered on the command line of a person, whose shell would
// run it.
func TestNoHostThatAShellWouldRunIsOffered(t *testing.T) {
	s := seen{hosts: map[string]int{}}
	for _, host := range []string{"$(id).example.com", "`id`", "a;id", "-f", "a b", "a\nb", "../x", "", "x\x1b[2J"} {
		s.add(&proxy.Event{Host: host, Verdict: proxy.Deny, ID: "k7m2qxw4-1", Method: "GET"})
	}
	s.add(&proxy.Event{Host: "fine.example.com", Verdict: proxy.Deny, ID: "$(id)-1"})
	if got := s.offered(); len(got) != 1 || got[0] != "fine.example.com\tdenied once" {
		t.Errorf("offered: %q", got)
	}
	for _, c := range s.requests() {
		if id, _, _ := strings.Cut(c, "\t"); id != "k7m2qxw4-1" {
			t.Errorf("offered: %q", c)
		}
	}
}

func TestWhatIsOfferedIsBounded(t *testing.T) {
	s := seen{hosts: map[string]int{}}
	for n := range 10 * maxOffered {
		s.add(&proxy.Event{Host: fmt.Sprintf("h%d.example.com", n), Verdict: proxy.Deny, ID: fmt.Sprintf("k7m2qxw4-%d", n)})
	}
	if h, r := len(s.offered()), s.requests(); h != maxOffered || len(r) != maxOffered || !strings.HasPrefix(r[0], fmt.Sprintf("k7m2qxw4-%d\t", 10*maxOffered-1)) {
		t.Errorf("%d hosts, %d requests, the first %q", h, len(r), r[0])
	}
}
