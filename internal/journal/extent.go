package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bot-bottle/bottle/proxy"
)

// An extent says what a segment that is full holds, so that a reader who looks for
// something else does not open it: in gigabytes of a journal, one host is then found by
// reading the segments that have it. It stands beside the segment, and is no part of the
// journal: without one, or with one of another size, the segment is read.
type extent struct {
	Size  int64              `json:"size"`  // of the segment
	Until time.Time          `json:"until"` // the latest time in it, wherever clocks went
	Kinds []kind             `json:"kinds"`
	IDs   map[string]numbers `json:"ids"` // the numbers of exchanges, by what stands before them
	// AnyHost says that the hosts were too many, Any that all was.
	AnyHost bool `json:"any_host,omitempty"`
	Any     bool `json:"any,omitempty"`
}

// kind is what events have in common.
type kind struct {
	Type    proxy.EventType `json:"type"`
	Proto   string          `json:"proto,omitempty"`
	Host    string          `json:"host,omitempty"`
	Verdict proxy.Action    `json:"verdict,omitempty"`
	Rule    string          `json:"rule,omitempty"`
}

// numbers are those from the first to the last.
type numbers struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// The bounds of an extent. An agent chooses hosts, and can have them be many.
const (
	maxKinds  = 1000
	maxKind   = 1 << 10 // bytes of its texts
	maxIDs    = 64
	maxExtent = 2 << 20 // bytes that are read of a file
)

const extentSuffix = ".extent.json"

func extentPath(dir string, first uint64) string {
	return strings.TrimSuffix(segmentPath(dir, first), segmentSuffix) + extentSuffix
}

// mark is what an extent takes of an event.
type mark struct {
	kind
	time time.Time
	id   string
}

func markOf(e *proxy.Event) mark {
	return mark{kind: kind{e.Type, e.Proto, e.Host, e.Verdict, e.Rule}, time: e.Time, id: e.ID}
}

// holding is an extent that grows with its segment.
type holding struct {
	until        time.Time
	kinds        map[kind]struct{}
	ids          map[string]numbers
	anyHost, any bool
}

func newHolding() *holding {
	return &holding{kinds: map[kind]struct{}{}, ids: map[string]numbers{}}
}

// add takes an event in.
func (h *holding) add(m *mark) {
	if m.time.After(h.until) {
		h.until = m.time
	}
	if h.any {
		return
	}
	k := m.kind
	if h.anyHost {
		k.Host = ""
	}
	if _, known := h.kinds[k]; !known {
		h.grow(k)
	}
	prefix, n := splitID(m.id)
	r, known := h.ids[prefix]
	switch {
	case !known && (len(h.ids) == maxIDs || len(prefix) > maxKind || !utf8.ValidString(prefix)):
		h.any = true
	case !known:
		h.ids[strings.Clone(prefix)] = numbers{n, n}
	case n < r.From || n > r.To:
		h.ids[prefix] = numbers{min(n, r.From), max(n, r.To)}
	}
}

// grow takes a new kind in. When they are too many, hosts are told apart no more.
func (h *holding) grow(k kind) {
	if len(h.kinds) == maxKinds && !h.anyHost {
		h.anyHost = true
		without := map[kind]struct{}{}
		for k := range h.kinds {
			k.Host = ""
			without[k] = struct{}{}
		}
		h.kinds, k.Host = without, ""
	}
	if len(h.kinds) == maxKinds || len(k.Proto)+len(k.Host)+len(k.Verdict)+len(k.Rule)+len(k.Type) > maxKind {
		h.any = true
		return
	}
	h.kinds[kind{k.Type, strings.Clone(k.Proto), strings.Clone(k.Host), k.Verdict, strings.Clone(k.Rule)}] = struct{}{}
}

// splitID divides an id such as k7m2qxw4-17.
func splitID(id string) (prefix string, n uint64) {
	if i := strings.LastIndexByte(id, '-'); i >= 0 {
		if n, err := strconv.ParseUint(id[i+1:], 10, 64); err == nil {
			return id[:i], n
		}
	}
	return id, 0
}

// write writes the extent of a segment. It is an index that can be done without, so
// nothing is said when that fails, and nothing waits for the disk.
func (h *holding) write(dir string, first uint64, size int64, open openFunc) {
	x := extent{Size: size, Until: h.until, IDs: h.ids, AnyHost: h.anyHost, Any: h.any}
	for k := range maps.Keys(h.kinds) {
		x.Kinds = append(x.Kinds, k)
	}
	var b bytes.Buffer
	if writeJSON(&b, &x, "") != nil {
		return
	}
	f, err := open(extentPath(dir, first), os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return
	}
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(extentPath(dir, first)) // half of one is none either
	}
}

// readExtent returns the extent of a segment that grows no more, nil where there is none
// that says something.
func readExtent(dir string, first uint64, open func(path string) (readFile, error)) *extent {
	f, err := open(extentPath(dir, first))
	if err != nil {
		return nil
	}
	defer f.Close()
	var x extent
	if json.NewDecoder(io.NewSectionReader(f, 0, maxExtent)).Decode(&x) != nil || x.Any {
		return nil
	}
	if info, err := os.Stat(segmentPath(dir, first)); err != nil || info.Size() != x.Size {
		return nil
	}
	return &x
}

// holds reports whether a segment may hold what a filter wants. It must be one that
// grows no more.
func (c *cursor) holds(first uint64) bool {
	if !c.filter.narrow() {
		return true
	}
	x := readExtent(c.dir, first, c.open)
	return x == nil || x.may(c.filter)
}

// covering returns a func that reports whether the extent has an event. A reader would
// pass over one that it has not.
func (x *extent) covering() func(*proxy.Event) bool {
	kinds := map[kind]bool{}
	for _, k := range x.Kinds {
		kinds[k] = true
	}
	return func(e *proxy.Event) bool {
		m := markOf(e)
		if x.AnyHost {
			m.Host = ""
		}
		prefix, n := splitID(m.id)
		r, known := x.IDs[prefix]
		return kinds[m.kind] && known && n >= r.From && n <= r.To && !m.time.After(x.Until)
	}
}

// may reports whether there may be an event that a filter wants.
func (x *extent) may(f Filter) bool {
	prefix, n := splitID(f.ID)
	if r, known := x.IDs[prefix]; f.ID != "" && (!known || n < r.From || n > r.To) {
		return false
	}
	if x.AnyHost {
		f.Host = ""
	}
	for _, k := range x.Kinds {
		e := proxy.Event{Time: x.Until, Type: k.Type, ID: f.ID, Proto: k.Proto, Host: k.Host, Verdict: k.Verdict, Rule: k.Rule}
		if f.fits(&e) {
			return true
		}
	}
	return false
}
