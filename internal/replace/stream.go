package replace

// Stream is one stream on its way through a Table. Its memory is fixed. It is
// not safe for concurrent use.
type Stream struct {
	t *Table
	// at is the automaton's state. Its path is the end of the input, and all of
	// the input before it was decided.
	at int32
	// released is how many bytes of the path are out already, by Flush.
	released int
	// found is the pair that will be replaced unless one that begins earlier,
	// or a longer one, shows up; -1 is none. It begins at offset in the path.
	found  int32
	offset int
	// told says that Flush has put the replacement of found out.
	told   bool
	counts []int // by slot
	to     func(id int) string
}

// Hit says how often pairs with an ID were replaced.
type Hit struct{ ID, Count int }

// NewStream begins a stream.
func (t *Table) NewStream() *Stream {
	return &Stream{t: t, found: -1, counts: make([]int, len(t.ids))}
}

// NewStreamTo begins a stream in which to names the text that replaces a pair
// with an ID. It is called for each that was found, before anything of it is
// put out. To of the pair is what the caller expects it to say: SameLength, and
// what Flush releases early, go by that.
func (t *Table) NewStreamTo(to func(id int) string) *Stream {
	s := t.NewStream()
	s.to = to
	return s
}

// Held is how many bytes wait for what follows them.
func (s *Stream) Held() int { return int(s.t.nodes[s.at].depth) - s.released }

// Hits lists what was replaced so far, in the order of the table's pairs.
func (s *Stream) Hits() []Hit {
	var hits []Hit
	for slot, n := range s.counts {
		if n > 0 {
			hits = append(hits, Hit{ID: s.t.ids[slot], Count: n})
		}
	}
	return hits
}

// Append takes the next bytes of the stream and appends to dst what may go on.
// It does not keep p, which must not overlap dst. It allocates only to grow
// dst.
func (s *Stream) Append(dst, p []byte) []byte {
	const shallow = 3 // so much is looked at twice rather than read slowly on
	for i := 0; i < len(p); {
		if s.at == root {
			next := s.t.candidate(p, i)
			dst = append(dst, p[i:next]...)
			i = next
		}
		for start := i; i < len(p); {
			dst = s.step(dst, p[i])
			i++
			if s.at == root {
				break
			}
			depth := int(s.t.nodes[s.at].depth)
			if depth <= shallow && i-depth > start && s.found < 0 && s.released == 0 {
				i -= depth
				s.at = root
				break
			}
		}
	}
	return dst
}

// Flush appends to dst what need not wait when nothing more came for a while.
//
// What is held is the beginning of a From text, and the rest may still come. A
// beginning of at most 8 bytes (and a third of the text), or one that From and
// To have in common, is released: the stream might end in it by chance, and
// somebody waits for it. A longer one is none by chance: it stays held, so that
// a credential that comes a byte at a time is not handed out a byte at a time.
// When the text completes after its beginning was released, the rest of it
// becomes the rest of To.
func (s *Stream) Flush(dst []byte) []byte {
	n := &s.t.nodes[s.at]
	switch {
	case s.found < 0 && n.flush:
		dst = append(dst, s.t.path(s.at)[s.released:]...)
		s.released = int(n.depth)
	case s.found >= 0 && s.offset == 0 && !s.told:
		// A whole From, which is also the beginning of a longer one.
		from := len(s.t.pairs[s.found].from)
		dst = s.put(dst)
		s.released, s.told = from, true
	}
	return dst
}

// Close appends to dst all that is held: nothing follows it. The Stream can
// then be used for another stream; its hits go on counting.
func (s *Stream) Close(dst []byte) []byte {
	for s.found >= 0 {
		dst = s.settle(dst)
	}
	dst = s.advance(dst, int(s.t.nodes[s.at].depth))
	s.at, s.released = root, 0
	return dst
}

// step takes one byte. Where several texts are possible it waits, by staying
// in a state whose path begins where the first of them does.
func (s *Stream) step(dst []byte, c byte) []byte {
	t := s.t
	next := t.next(s.at, c)
	for next == root {
		if s.at == root {
			return append(dst, c)
		}
		n := &t.nodes[s.at]
		lost := int(n.depth - t.nodes[n.fail].depth)
		if s.found >= 0 && lost > s.offset {
			dst = s.settle(dst)
		} else {
			dst = s.advance(dst, lost)
			s.at = n.fail
		}
		next = t.next(s.at, c)
	}
	s.at = next
	n := &t.nodes[next]
	if n.match < 0 {
		return dst
	}
	offset := int(n.depth) - len(t.pairs[n.match].from)
	if s.found < 0 || offset <= s.offset {
		s.found, s.offset, s.told = n.match, offset, false
	}
	if n.child == root {
		dst = s.settle(dst) // nothing longer can come
	}
	return dst
}

// advance puts out the first n bytes of the path, which nothing begins in. The
// caller moves to the state of the rest.
func (s *Stream) advance(dst []byte, n int) []byte {
	if s.released < n {
		dst = append(dst, s.t.path(s.at)[s.released:n]...)
	}
	s.released = max(s.released-n, 0)
	s.offset -= n
	return dst
}

// settle replaces what was found and takes the bytes behind it again, now from
// the root.
func (s *Stream) settle(dst []byte) []byte {
	rest := s.t.path(s.at)[s.offset+len(s.t.pairs[s.found].from):]
	if !s.told {
		dst = s.put(dst)
	}
	s.at, s.released, s.found, s.told = root, 0, -1, false
	for i := range len(rest) {
		dst = s.step(dst, rest[i])
	}
	return dst
}

// put puts out the path up to what was found, and its replacement.
func (s *Stream) put(dst []byte) []byte {
	dst = s.advance(dst, s.offset)
	p := &s.t.pairs[s.found]
	s.counts[p.slot]++
	to := p.to
	if s.to != nil {
		to = s.to(s.t.ids[p.slot])
	}
	if s.released < len(to) {
		dst = append(dst, to[s.released:]...)
	}
	return dst
}
