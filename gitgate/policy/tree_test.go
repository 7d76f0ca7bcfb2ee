package policy

import (
	"context"
	"errors"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

func TestTreesThatAreTooLargeTogetherAreNotCompared(t *testing.T) {
	w := newWorld(t)
	w.commit("first", "a/b/c", "1\n", "a/d", "1\n")
	push := w.push("HEAD:refs/heads/work")
	s := newStore(context.Background(), push.Pack, w, &memory{})
	defer s.close()
	c, err := s.commit(push.Commands[0].New)
	if err != nil {
		t.Fatal(err)
	}
	d := differ{store: s, enter: func([]string, oid.ID) bool { return true }, file: func([]string, *object.Entry) error { return nil }}
	if err := d.commit(c); err != nil || d.held != 0 {
		t.Errorf("%v, and %d bytes are held behind it", err, d.held)
	}
	d.held = maxHeld - 3*entryMemory // there are three folders on the way
	if err := d.commit(c); !errors.Is(err, errHeld) {
		t.Errorf("more than are held: %v", err)
	}
}

// What is kept of where findings are is bounded: one in very many places is new.
func TestPlacesOfFindingsAreBounded(t *testing.T) {
	w := newWorld(t)
	old := w.commit("old", "config", secret+"\n")
	w.upload("HEAD:refs/heads/main")
	w.commit("more", "config", secret+"\nand more\n")
	x := &check{Push: w.push("HEAD:refs/heads/work"), policy: &Policy{}, hidden: map[string]bool{}}
	x.store = newStore(context.Background(), x.Pack, w, &memory{})
	defer x.store.close()
	for _, placed := range []int{0, maxPlaced} {
		x.placed, x.edged, x.secrets = placed, false, false
		commits, err := x.store.newCommits(x.Scan)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.checkSecrets(commits); err != nil || x.secrets != (placed > 0) {
			t.Errorf("on %s with %d placed: %v, %v", old, placed, x.secrets, err)
		}
	}
}
