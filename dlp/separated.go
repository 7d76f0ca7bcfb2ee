package dlp

import "strings"

// Separated returns the texts that known secrets are found by, as they are and in what
// they are commonly wrapped in, that have sep in them, cut there. Who scans what has no
// sep, such as the names of files, piece by piece, can tell by them where pieces belong
// together. They are secrets, and no longer there when the Engine is closed.
func (s *Scanner) Separated(sep string) (list [][]string) {
	for i := range s.engine.literals {
		l := &s.engine.literals[i]
		if l.form == nil && l.kind == KindKnown && strings.Contains(l.text, sep) {
			list = append(list, strings.Split(l.text, sep))
		}
	}
	return list
}
