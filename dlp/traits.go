package dlp

import "encoding/binary"

// traits are what tells that something may be in a run: bits of its bytes, and flags.
type traits struct {
	digits     uint64
	separators uint64 // where a token may start behind one
	upper      uint64
	text       uint64 // where text in base64 may start
	spans      uint64 // of what may be in base32 or so
	flags      uint64
}

const (
	traitWord     = 1 << iota // a prefix starts it
	traitLead                 // a token may start before it, or behind an escape
	traitReversed             // a prefix ends it backwards
	traitBlob                 // it may be compressed
	traitScheme               // that of an authorization is before it
)

// none says that nothing is in the run.
func (t *traits) none() bool { return t.digits|t.separators|t.text|t.spans|t.flags == 0 }

// traitsOf returns the traits of the run b[start:end] of minRun to blockLen bytes, of
// which a view knows. There are three bytes before it, and a word from its start.
func (p *prefixes) traitsOf(m view, b []byte, start, end int) (t traits) {
	all := ^uint64(0) >> (uint(start-end) & (blockLen - 1))
	joiners, digits, upper := m.of(maskJoiner)&all, m.of(maskDigit)&all, m.of(maskUpper)&all
	separators := m.of(maskParts) << 1 & all
	text := textIn(m.of(maskFirst), m.of(maskSecond), m.of(maskThird)&all)
	spans := spanIn(^all|joiners|upper) | spanIn(^(digits | upper))

	first, last := b[start-3:start+wordLen:start+wordLen], b[end-wordLen:end]
	f := runFlags[first[0]]&flagScheme[0] | runFlags[first[1]]&flagScheme[1] | runFlags[first[2]]
	word := binary.LittleEndian.Uint64(first[3:])
	flags := p.starts.wordBit(word)*traitWord | p.ends.wordBit(binary.BigEndian.Uint64(last))*traitReversed
	flags |= uint64(blobBit(base64Word(word))) * traitBlob
	switch {
	case f&flagEscape != 0:
		flags |= p.behindEscape(b[start:])
	case f&flagLead != 0:
		flags |= traitLead
	case f == flagScheme[0]|flagScheme[1]|flagScheme[2]:
		flags |= traitScheme
	}
	return traits{digits, separators, upper, text, spans, flags}
}

// behindEscape returns the flags of a run that starts with the rest of an escape, which
// is one byte and of escapeLetters if a token may start behind it.
func (p *prefixes) behindEscape(b []byte) uint64 {
	flags := uint64(blobBit(base64Group(b[1:]))) * traitBlob
	if !escapeLetters[b[0]] || p.mayStart(b[1:]) {
		flags |= traitLead
	}
	return flags
}

// runFlags has of the bytes before a run what matters of them.
var runFlags = func() (t [256]uint8) {
	for flag, spec := range map[uint8]string{
		flagLead:      ":.$%", // of a lead, and of no run; the end of an escape of a URL
		flagEscape:    "\\",
		flagScheme[0]: "ie", // the last of a scheme of authorization
		flagScheme[1]: "cr",
		flagScheme[2]: " ",
	} {
		for c, ok := range newClass(spec) {
			if ok {
				t[c] |= flag
			}
		}
	}
	return t
}()

const (
	flagLead   = 1
	flagEscape = 2
)

var (
	flagScheme    = [...]uint8{4, 8, 16}
	escapeLetters = newClass("ntrbf")
)
