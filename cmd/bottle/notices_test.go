package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestNoticesAreHeldUpToALimit(t *testing.T) {
	var out bytes.Buffer
	n := &notices{w: &out}
	write := func(s string) {
		if _, err := n.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	n.hold()
	write("first\n")
	write(strings.Repeat("x", maxHeld))
	write("last\n")
	if out.Len() > 0 {
		t.Errorf("written while held: %q", out.String())
	}
	if err := n.release(); err != nil {
		t.Fatal(err)
	}
	write("after\n")
	if want := "first\nlast\nbottle: warnings that found no room here: 1\nafter\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
