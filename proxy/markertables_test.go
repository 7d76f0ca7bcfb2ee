package proxy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/bot-bottle/bottle/dlp"
)

func TestTablesOfAnswersUnderWayAreBounded(t *testing.T) {
	room := &tableRoom{}
	fill := func(m *markers) (held []*markerTables, err error) {
		// Each answer has tables of its own, for something got a marker meanwhile.
		for i := 0; ; i++ {
			for j := range 500 {
				m.keep(fmt.Sprintf("%s%05d]%04d%s", dlp.MarkerPrefix("rule"), i, j, strings.Repeat("x", 200)), []byte("text"))
			}
			tables, err := m.get()
			if err != nil {
				return held, err
			}
			held = append(held, tables)
		}
	}
	var sessions []*markers
	var all [][]*markerTables
	for range maxMarkerTables/maxSessionTables + 1 {
		m := &markers{room: room}
		held, err := fill(m)
		if !errors.Is(err, errMarkerTables) || m.inTables > maxSessionTables {
			t.Errorf("%d tables of %d bytes, %v", len(held), m.inTables, err)
		}
		sessions, all = append(sessions, m), append(all, held)
	}
	if room.used > maxMarkerTables || room.used < maxMarkerTables*3/4 {
		t.Errorf("%d bytes are used", room.used)
	}
	for i, m := range sessions {
		for _, tables := range all[i] {
			m.put(tables)
		}
		if m.inTables != 0 || m.tables != nil {
			t.Errorf("session %d: %d bytes are left", i, m.inTables)
		}
	}
	if room.used != 0 {
		t.Errorf("%d bytes are left", room.used)
	}
}

func TestAnswersWithTheSameTextsShareTables(t *testing.T) {
	m := &markers{room: &tableRoom{}}
	m.keep(dlp.MarkerPrefix("rule")+"ABCDEFGHIJKL", []byte("text"))
	a, errA := m.get()
	b, errB := m.get()
	if a != b || a == nil || errors.Join(errA, errB) != nil || m.room.used != a.size {
		t.Errorf("%p and %p, %d bytes, %v %v", a, b, m.room.used, errA, errB)
	}
	m.put(a)
	if m.room.used == 0 || m.tables != b {
		t.Error("they are gone, and one answer uses them")
	}
	m.put(b)
	if m.room.used != 0 || m.tables != nil {
		t.Error("they are kept, and nobody uses them")
	}
}

func TestEventsAreHeldWithinTheBudget(t *testing.T) {
	s := &Server{budget: newBudget()}
	x := &exchange{s: s, share: &share{bodies: semaphore.NewWeighted(200 << 10)}}
	for n := 0; n <= 150<<10; n += 10 << 10 {
		if !x.holds(n) {
			t.Fatalf("there is no room for %d bytes", n)
		}
	}
	f := &restoreDocument{x: &exchange{s: s, share: x.share}, r: newRestorer(nil, roomForAll, noRoomUsed)}
	doc := []byte(strings.Repeat("a", 300<<10))
	if out, err := f.write(doc); string(out) != string(doc) || err != nil {
		t.Errorf("of a document for which there is no room, %d bytes pass, %v", len(out), err)
	}
	x.letGo()
	if !x.share.bodies.TryAcquire(200<<10) || !s.budget.bodies.TryAcquire(maxBodyBytes) {
		t.Error("not all was given back")
	}
}
