package policy

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

func TestAPushOnTheLastOneAsksNothing(t *testing.T) {
	p, err := New(Rules{Create: open.Create, Update: open.Update})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.commit("first", "a", "1\n", workflow, "1\n")
	w.upload("HEAD:refs/heads/main")
	w.commit("second", "a", "2\n")
	allowed(t, "the first push", w.decideBy(p, "HEAD:refs/heads/work"))
	if len(w.asked) != 1 {
		t.Errorf("for the first push the server was asked %+v", w.asked)
	}
	w.upload("HEAD:refs/heads/work")
	w.commit("third", "a", "3\n", "b", "1\n")
	w.commit("fourth", "a", "4\n")
	allowed(t, "the second push", w.decideBy(p, "HEAD:refs/heads/work"))
	if len(w.asked) != 0 {
		t.Errorf("for the second push the server was asked %+v", w.asked)
	}
	w.upload("HEAD:refs/heads/work")
	w.commit("fifth", workflow, "2\n")
	refused(t, "a change of what is denied", w.decideBy(p, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")
}

// A commit that changes nothing needs no tree of the server's, and its parent once.
func TestPushesOfEmptyCommitsAskOnce(t *testing.T) {
	p, err := New(Rules{Create: open.Create, Update: open.Update})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.commit("first", "a", "1\n")
	w.upload("HEAD:refs/heads/main")
	for i, name := range []string{"one", "two"} {
		w.git("reset", "-q", "--hard", "origin/main")
		w.commit(name)
		allowed(t, name, w.decideBy(p, "HEAD:refs/heads/"+name))
		if len(w.asked) != 1-i {
			t.Errorf("for push %d the server was asked %+v", i+1, w.asked)
		}
	}
	w.commit("three", "a", "2\n")
	allowed(t, "three", w.decideBy(p, "HEAD:refs/heads/three"))
	if len(w.asked) != 1 {
		t.Errorf("for a change the server was asked %+v", w.asked)
	}
}

// What was let through may be refused by the server, or never reach it.
func TestOfAPushThatTheServerDidNotTakeNothingIsRemembered(t *testing.T) {
	p, err := New(open)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.commit("first", "a", "1\n")
	push := w.push("HEAD:refs/heads/main")
	push.Recent = &Recent{}
	if r, err := p.Check(t.Context(), push); r != nil || err != nil {
		t.Fatal(r, err)
	}
	if n := len(p.memory.byID); n > 0 {
		t.Errorf("%d objects are remembered before the server has answered", n)
	}
	if p.Remember(push.Recent); len(p.memory.byID) == 0 {
		t.Error("nothing is remembered of what the server took")
	}
}

func TestOfARefusedPushNothingIsRemembered(t *testing.T) {
	p, err := New(Rules{Create: open.Create, Update: open.Update})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.commit("first", workflow, "1\n")
	refused(t, "a first commit", w.decideBy(p, "HEAD:refs/heads/main"), RuleFiles, "ci.yml")
	if len(p.memory.byID) > 0 {
		t.Errorf("%d objects are remembered", len(p.memory.byID))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory
	sum := make([]byte, 20)
	id := func(i int) oid.ID {
		binary.BigEndian.PutUint32(sum, uint32(i))
		return oid.SHA1.From(sum)
	}
	content := bytes.Repeat([]byte("x"), maxKept)
	n := 2 * maxMemory / maxKept
	for i := range n {
		m.add(kept{id(i), object.Tree, content})
		m.add(kept{id(0), object.Tree, content})
		if _, ok := m.get(id(0)); !ok {
			t.Fatal("what is used is forgotten")
		}
	}
	if m.bytes > maxMemory || len(m.byID) != m.order.Len() || len(m.byID) != maxMemory/maxKept {
		t.Errorf("%d objects of %d bytes", len(m.byID), m.bytes)
	}
	m.add(kept{id(n), object.Tree, append(content, 'x')})
	m.add(kept{id(n + 1), object.Blob, []byte("x")})
	for i := range 2 {
		if _, ok := m.get(id(n + i)); ok {
			t.Errorf("object %d is kept", i)
		}
	}
	var r Recent
	for i := range n {
		r.add(kept{id(i), object.Tree, content})
	}
	if r.bytes > 2*maxKept || r.list[len(r.list)-1].id != id(n-1) {
		t.Errorf("of the last ones %d bytes are kept", r.bytes)
	}
}
