package proxy

import (
	"errors"
	"sync"

	"github.com/bot-bottle/bottle/internal/replace"
)

const (
	// maxMarkerTables bounds the tables of all answers of a Server that are under way,
	// maxSessionTables those of one session, in bytes beside their texts. An answer
	// needs new ones when something got a marker since the last.
	maxMarkerTables  = 256 << 20
	maxSessionTables = 64 << 20
	// tableCost is what a table takes for each byte of a marker.
	tableCost = 32
)

var errMarkerTables = errors.New("too many answers with different texts in them are under way; let some end and try again")

// markerTables turn markers into their texts: in a text, and in one that is code or JSON
// itself.
type markerTables struct {
	plain, code *replace.Table

	size  int64
	users int // of markers.mu
}

// tableRoom is what is left of maxMarkerTables.
type tableRoom struct {
	mu   sync.Mutex
	used int64
}

func (r *tableRoom) take(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used+n > maxMarkerTables {
		return false
	}
	r.used += n
	return true
}

func (r *tableRoom) give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= n
}

// get returns the tables for what has a marker by now, nil while nothing has. They
// have to be put back.
func (m *markers) get() (*markerTables, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tables == nil && len(m.order) > 0 {
		t, err := m.build()
		if err != nil {
			return nil, err
		}
		m.tables = t
	}
	if m.tables != nil {
		m.tables.users++
	}
	return m.tables, nil
}

// put ends the use of tables, which may be nil.
func (m *markers) put(t *markerTables) {
	if t == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.users--; t.users > 0 {
		return
	}
	if m.tables == t {
		m.tables = nil
	}
	m.inTables -= t.size
	m.room.give(t.size)
}

func (m *markers) build() (*markerTables, error) {
	t := &markerTables{}
	var plain, code []replace.Pair
	for i, marker := range m.order {
		plain = append(plain, replace.Pair{From: marker, To: m.texts[marker].plain, ID: i})
		code = append(code, replace.Pair{From: marker, To: m.texts[marker].code, ID: i})
		t.size += 2 * tableCost * int64(len(marker))
	}
	if m.inTables+t.size > maxSessionTables || !m.room.take(t.size) {
		return nil, errMarkerTables
	}
	var err error
	if t.plain, err = replace.New(plain); err == nil {
		t.code, err = replace.New(code)
	}
	if err != nil {
		m.room.give(t.size)
		return nil, err
	}
	m.inTables += t.size
	return t, nil
}

// useTables has the exchange use tables, nil for none, in the place of others.
func (x *exchange) useTables(t *markerTables) {
	if x.tables != nil {
		x.s.markersOf(x.session).put(x.tables)
	}
	x.tables = t
}

// freeEvent is how much of an event is held without asking for room.
const freeEvent = 32 << 10

// holds reports whether there is room to hold n bytes of an event. What is taken for
// them is kept until letGo.
func (x *exchange) holds(n int) bool {
	more := int64(n) - freeEvent - x.eventBytes
	if more <= 0 {
		return true
	}
	more = min(max(more, x.eventBytes), maxEvent) // twice as much each time
	if !x.tryTake(more) {
		return false
	}
	x.eventBytes += more
	return true
}

// holdText takes room for the template of one text, which dropText gives back.
func (x *exchange) holdText() bool {
	if !x.tryTake(maxTemplate) {
		return false
	}
	x.textBytes += maxTemplate
	return true
}

func (x *exchange) dropText() {
	x.give(maxTemplate)
	x.textBytes -= maxTemplate
}

// letGo gives back what holds took.
func (x *exchange) letGo() {
	if x.eventBytes > 0 {
		x.give(x.eventBytes)
		x.eventBytes = 0
	}
}
