package policy

import (
	"container/list"
	"sync"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// memory keeps the last commits and trees that decisions needed, so that the next
// push, which builds on the last one, is mostly decided without asking the server.
// They are told apart by their IDs, so they are never out of date. It takes only
// what came from the server, or with pushes that the server has taken: no one gets an
// object in that the server does not have, or has another of under the same ID.
type memory struct {
	mu    sync.Mutex
	byID  map[oid.ID]*list.Element
	order list.List // of kept; the newest is the first
	bytes int
}

type kept struct {
	id      oid.ID
	kind    object.Kind
	content []byte
}

// The most that is kept, of all and of one.
const (
	maxMemory = 4 << 20
	maxKept   = 256 << 10
)

func (m *memory) get(id oid.ID) (kept, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byID[id]
	if e == nil {
		return kept{}, false
	}
	m.order.MoveToFront(e)
	return e.Value.(kept), true
}

func (m *memory) add(k kept) {
	if k.kind == object.Blob || len(k.content) > maxKept {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byID == nil {
		m.byID = map[oid.ID]*list.Element{}
	}
	if m.byID[k.id] != nil {
		return
	}
	m.byID[k.id] = m.order.PushFront(k)
	for m.bytes += len(k.content); m.bytes > maxMemory; {
		old := m.order.Remove(m.order.Back()).(kept)
		delete(m.byID, old.id)
		m.bytes -= len(old.content)
	}
}

// Recent are the last commits and trees of a push that a decision read.
type Recent struct {
	list  []kept
	bytes int
}

func (r *Recent) add(k kept) {
	if r.bytes+len(k.content) > 2*maxKept {
		r.list, r.bytes = nil, 0 // those before are of older commits
	}
	r.list = append(r.list, k)
	r.bytes += len(k.content)
}

// Remember keeps what a push has brought, once the server has said that it took it.
func (p *Policy) Remember(r *Recent) {
	for _, k := range r.list {
		p.memory.add(k)
	}
}
