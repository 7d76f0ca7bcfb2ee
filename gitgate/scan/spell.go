package scan

import (
	"bytes"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

// The names in trees are scanned one by one, and none has a slash. A known value that
// has one, or has one in base64, could be spelled by a path. So its parts are looked for
// among the names; only where all are there, the paths have to be put together.

// speller knows the texts that paths may spell.
type speller struct {
	texts []spelled
	// The parts by the byte that a name with them begins with, or ends with.
	first, last [256][]part
}

// spelled is a text that paths may spell.
type spelled struct {
	parts []part
	seen  []bool                // by the number of a part: whether a tree has such a name
	below []map[uint64]struct{} // the folders of such names
}

// part is what a name must be: the end of one before the first slash of the text, the
// beginning of one behind the last, and the whole of one between.
type part struct {
	text, n   int
	name      string
	ends      bool // a name may have more before
	beginning bool // a name may have more behind
}

func (p *part) is(name []byte) bool {
	switch {
	case p.ends:
		return bytes.HasSuffix(name, []byte(p.name))
	case p.beginning:
		return bytes.HasPrefix(name, []byte(p.name))
	}
	return string(name) == p.name
}

// newSpeller takes texts cut at their slashes. It is nil if paths can spell none.
func newSpeller(texts [][]string) *speller {
	s := &speller{}
	for _, names := range texts {
		last := len(names) - 1
		if last > 0 && slices.Contains(names[1:last], "") {
			continue // no name is empty
		}
		t := spelled{}
		for i, name := range names {
			if name != "" { // or there is a slash at an end of the text
				t.parts = append(t.parts, part{text: len(s.texts), n: len(t.parts), name: name, ends: i == 0, beginning: i == last})
			}
		}
		if len(t.parts) > 0 {
			s.add(t)
		}
	}
	if len(s.texts) == 0 {
		return nil
	}
	return s
}

func (s *speller) add(t spelled) {
	t.seen, t.below = make([]bool, len(t.parts)), make([]map[uint64]struct{}, len(t.parts))
	for _, p := range t.parts {
		table, at := &s.first, p.name[0]
		if p.ends {
			table, at = &s.last, p.name[len(p.name)-1]
		}
		table[at] = append(table[at], p)
	}
	s.texts = append(s.texts, t)
}

// maxBelow is how many folders of the names of one part are kept.
const maxBelow = 256

// note looks at an entry of a tree. id stands for what is in it, if it is a folder.
func (s *speller) note(name []byte, folder bool, id func() uint64) {
	for _, list := range [...][]part{s.first[name[0]], s.last[name[len(name)-1]]} {
		for i := range list {
			p := &list[i]
			if !p.is(name) {
				continue
			}
			t := &s.texts[p.text]
			t.seen[p.n] = true
			if folder && len(t.below[p.n]) <= maxBelow {
				if t.below[p.n] == nil {
					t.below[p.n] = map[uint64]struct{}{}
				}
				t.below[p.n][id()] = struct{}{}
			}
		}
	}
}

// MaySpell reports whether paths may spell a known value: all its parts were seen, or
// the first ones and behind them a folder that is not in the pack.
func (s *Scan) MaySpell() bool {
	if s.spell == nil {
		return false
	}
	for i := range s.spell.texts {
		t := &s.spell.texts[i]
		for n := range t.parts {
			if !t.seen[n] {
				break
			}
			if n == len(t.parts)-1 || s.leavesPack(t.below[n]) {
				return true
			}
		}
	}
	return false
}

// leavesPack reports whether one of some folders may not be in the pack.
func (s *Scan) leavesPack(folders map[uint64]struct{}) bool {
	if len(folders) > maxBelow || len(folders) > 0 && s.outside {
		return true
	}
	for id := range folders {
		if s.folders[id]&inPack == 0 {
			return true
		}
	}
	return false
}

// Spells reports whether the end of a path may spell a known value, and whether it may
// begin one that what lies below would complete. Find tells for sure.
func (s *Scan) Spells(path []string) (whole, begun bool) {
	if s.spell == nil {
		return false, false
	}
	for i := range s.spell.texts {
		parts := s.spell.texts[i].parts
		for n := 1; n <= len(parts) && n <= len(path); n++ {
			if n < len(parts) && begun || !spells(parts[:n], path[len(path)-n:]) {
				continue
			}
			if n == len(parts) {
				whole = true
			} else {
				begun = true
			}
		}
	}
	return whole, begun
}

func spells(parts []part, names []string) bool {
	for i := range parts {
		if !parts[i].is([]byte(names[i])) {
			return false
		}
	}
	return true
}

// Spelling is a known value that stops a push and that a path spells: its names from
// From on.
type Spelling struct {
	Finding dlp.Finding
	From    int
}

// Spelled returns those that end in the last name of a path. folder says that it is
// one. It must not be called while a pack arrives.
func (s *Scan) Spelled(path []string, folder bool) (list []Spelling) {
	if whole, _ := s.Spells(path); !whole {
		return nil
	}
	text := strings.Join(path, "/")
	last := int64(len(text) - len(path[len(path)-1]))
	if folder {
		text += "/"
	}
	for _, f := range s.Find([]byte(text)) {
		end := min(f.End, int64(len(text)))
		if f.Kind == dlp.KindKnown && end > last && strings.Contains(text[f.Start:end], "/") && s.stops(f) {
			list = append(list, Spelling{f, strings.Count(text[:f.Start], "/")})
		}
	}
	return list
}
