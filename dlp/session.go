package dlp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

const (
	// maxCovered bounds the values that a Session counts the bytes of; an Engine
	// has fewer, but may be replaced while scanners of the old one still run.
	maxCovered = 4096

	// maxDrips bounds the fields that a Session keeps short values of. Each takes
	// at most dripValues times dripBytes bytes. One request of the proxy has at
	// most half as many, so that it cannot drive out what the one before sent.
	maxDrips   = 512
	dripValues = 32
	dripBytes  = 64
	// dripSeam is how much of the values before is read with the next one.
	dripSeam = 512
)

// pathDrip is the Path of what is found in short values put together.
const pathDrip = "drip"

// Session remembers what of the known values has left in the requests of one
// client, so that a value sent in pieces is found: over messages, hosts and
// frames, in any order and encoding. A piece is at least 8 bytes that stand
// together in the value. Once 20 secret bytes or 60 % of a value have been seen (of
// one with a public prefix, half of the rest may do),
// each further piece is a finding with the Path "pieces", behind the encodings
// it stood in. In the first KiB of a message, pieces of 8 bytes are always seen,
// behind that those of 12. Of a value longer than 4 KiB the beginning is counted.
//
// What is counted was scanned; whether it was then sent makes no difference. A
// value that passes whole is found as such and not counted.
//
// A Session holds a bit for each byte of a known value that was met, and the
// short values that Drip was given. It is safe for concurrent use.
type Session struct {
	key [32]byte

	dripping sync.RWMutex // held to read while something scans with engine

	mu      sync.Mutex
	engine  *Engine
	covered map[coverID]*coverage
	ids     map[*tracked]coverID
	drips   map[dripKey]*drip
	clock   int64 // counts the uses of drips
}

// coverID tells values apart without holding them.
type coverID [sha256.Size]byte

// coverage is what of a value has left.
type coverage struct {
	bytes bitset
	n     int
}

// NewSession returns a session in which nothing has left. The Engine is what Drip
// looks for; it should have Options.Sessions.
func NewSession(e *Engine) *Session {
	s := &Session{engine: e, covered: map[coverID]*coverage{}, ids: map[*tracked]coverID{}, drips: map[dripKey]*drip{}}
	_, _ = rand.Read(s.key[:]) // never fails (crypto/rand)
	return s
}

// Use puts another Engine in place. What has left of the values that it knows too
// stays counted, and what left of others is forgotten. Scanners of the old one may
// still run; the Session itself uses it no more when Use returns.
func (s *Session) Use(e *Engine) {
	s.dripping.Lock()
	defer s.dripping.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == e {
		return
	}
	s.engine = e
	clear(s.ids)
	old := s.covered
	s.covered = map[coverID]*coverage{}
	for i := range e.tracked {
		if id := s.id(&e.tracked[i]); old[id] != nil {
			s.covered[id] = old[id]
		}
	}
}

// id returns what tells a value apart. The caller holds s.mu.
func (s *Session) id(t *tracked) coverID {
	id, ok := s.ids[t]
	if !ok {
		h := hmac.New(sha256.New, s.key[:])
		h.Write([]byte(t.value))
		h.Sum(id[:0])
		if len(s.ids) < maxCovered {
			s.ids[t] = id
		}
	}
	return id
}

// count counts t.value[from:to] and reports whether it is a part of what left
// where enough did.
func (s *Session) count(t *tracked, from, to int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id(t)
	c := s.covered[id]
	if c == nil {
		if len(s.covered) >= maxCovered {
			return false
		}
		c = &coverage{bytes: newBitset(len(t.value))}
		s.covered[id] = c
	}
	counted := 0
	for i := from; i < to; i++ {
		if !t.counts.has(i) {
			continue
		}
		counted++
		if !c.bytes.has(i) {
			c.bytes.add(i)
			c.n++
		}
	}
	return counted >= minCounted && c.n >= t.need
}

// dripKey is a field that short values are sent in.
type dripKey struct{ host, field string }

// drip are the last short values of a field.
type drip struct {
	text []byte
	ends []int // of each value in text
	read int   // how much of text was scanned
	used int64
}

// Drip takes the next value of a field in requests to a host, and returns what
// begins in the values before and ends in this one when they are put together:
// secrets that are sent a few bytes at a time. Values of 64 bytes or more are no
// drips. Of each field the last 32 are kept, of 512 fields; the field is any name
// that stays the same, as that of a parameter. Of what is found, the offsets are
// those of value.
//
// Values that are not sent in the order of the secret, or with something else in
// each, are not found: only a bound of the volume helps there.
func (s *Session) Drip(host, field string, value []byte) []Finding {
	if len(value) == 0 || len(value) >= dripBytes {
		return nil
	}
	s.dripping.RLock()
	defer s.dripping.RUnlock()
	text, seam, e := s.join(dripKey{host, field}, value)
	if seam == 0 { // the first, or the same again
		return nil
	}
	sc := e.scanners.Get().(*Scanner)
	defer func() {
		sc.Attach(nil)
		e.scanners.Put(sc)
	}()
	sc.Reset()
	sc.Attach(s)
	var out []Finding
	keep := func(found []Finding) {
		for _, f := range found {
			if f.Offset >= int64(seam) || f.end() <= int64(seam) || !drips(&f) {
				continue
			}
			if f.Path == "" {
				f.Path = pathDrip
			} else {
				f.Path = pathDrip + pathJoin + f.Path
			}
			f.Offset, f.Length, f.Start, f.End = 0, len(value), 0, int64(len(value))
			out = append(out, f)
		}
	}
	keep(sc.Write(text))
	keep(sc.Close())
	return out
}

// drips reports whether a finding in values put together says anything: what is
// told from other text by its length alone does not.
func drips(f *Finding) bool {
	return f.Kind == KindKnown || f.Kind == KindFormat && isFormat(f.Rule)
}

func isFormat(rule string) bool {
	for i := range formats {
		if formats[i].ID == rule {
			return formats[i].Action != Warn
		}
	}
	return false
}

// join adds a value to those of its field. It returns the end of them all and
// where in it the value starts.
func (s *Session) join(key dripKey, value []byte) (text []byte, seam int, e *Engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.drips[key]
	if d == nil {
		if len(s.drips) >= maxDrips {
			s.dropDrip()
		}
		d = &drip{}
		s.drips[key] = d
	}
	s.clock++
	d.used = s.clock
	if len(d.ends) == dripValues {
		first := d.ends[0]
		d.text = append(d.text[:0], d.text[first:]...)
		copy(d.ends, d.ends[1:])
		d.ends = d.ends[:dripValues-1]
		d.read = max(0, d.read-first)
		for i := range d.ends {
			d.ends[i] -= first
		}
	}
	// Most fields have the same value each time: what a row of them comes to is
	// read with the next other one.
	same := false
	if n := len(d.ends); n > 0 {
		last := 0
		if n > 1 {
			last = d.ends[n-2]
		}
		same = string(d.text[last:]) == string(value)
	}
	d.text = append(d.text, value...)
	d.ends = append(d.ends, len(d.text))
	if same {
		return nil, 0, nil
	}
	seam = d.read
	d.read = len(d.text)
	from := max(0, seam-dripSeam)
	return append([]byte(nil), d.text[from:]...), seam - from, s.engine
}

// dropDrip forgets the field that was not used for longest.
func (s *Session) dropDrip() {
	var oldest dripKey
	least := s.clock + 1
	for key, d := range s.drips {
		if d.used < least {
			oldest, least = key, d.used
		}
	}
	delete(s.drips, oldest)
}
