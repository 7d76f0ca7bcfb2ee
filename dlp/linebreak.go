package dlp

import "math/bits"

// surveyBreaks looks at the line breaks of a block.
func (s *Scanner) surveyBreaks(k int, m uint64) {
	for ; m != 0; m &= m - 1 {
		s.surveyBreak(s.survey.origin + k*blockLen + bits.TrailingZeros64(m))
	}
}

// surveyBreak looks at the line break at s.buf[at:], plain or an escape.
func (s *Scanner) surveyBreak(at int) {
	if at+1 == len(s.buf) || s.noWrap(at) {
		return // it is looked at again, or nothing is joined
	}
	if s.buf[at] == '\\' {
		if c := s.buf[at+1]; c != 'n' && c != 'r' {
			return
		}
		at = s.firstSlash(at)
	}
	if mayWrap(s.buf, at) && s.isUnseen(wrappedView, at) {
		if from, to := wrap(s.buf, at); to > 0 && s.mayBeJoined(wrappedJoints, from, to) {
			s.sign(wrappedView, at)
		}
	}
}

// The bytes before a line break that noWrap looks at, and what it needs of those from
// where the next line goes on.
const (
	noWrapLeft  = 20
	noWrapRight = wordBytes + 2
)

// noWrap reports that wrap joins nothing at the line break at s.buf[at], told by the
// masks of what stands around it and without a branch: most breaks have words and names
// around them, and which words those are no processor foresees. That it reports nothing
// tells nothing.
func (s *Scanner) noWrap(at int) bool {
	from := at - noWrapLeft
	if from+viewLen > len(s.buf) || !s.inWindow(from, from+viewLen) || s.buf[at+1] == 'r' {
		return false // \r and \n are one break
	}
	m := s.survey.view(from)
	slash, blank, line := m.of(maskSlash), m.of(maskBlank), m.of(maskLine)
	upper, lower, dot, equals := m.of(maskUpper), m.of(maskLower), m.of(maskDot), m.of(maskEquals)
	digit, joiner, parts, operator := m.of(maskDigit), m.of(maskJoiner), m.of(maskParts), m.of(maskOperator)
	plus := parts & operator
	token := upper | lower | digit | joiner | dot | equals             // wrapByte
	noWord := digit | equals | joiner&^parts | plus                    // notWord
	letters := upper | lower | dot | parts&^plus                       // letterByte
	tab := slash & ((m.of(maskPrefix) & m.of(maskThird) & lower) >> 1) // of \t
	indent := blank&^line | tab | tab<<1

	to := noWrapLeft + 1 + int(slash>>noWrapLeft&1)
	to += bits.TrailingZeros64(^(indent >> (to & 63)))
	if to > viewLen-noWrapRight || (slash|blank)>>(noWrapLeft-1)&1 != 0 {
		return false // a long indent, or more of the break before it
	}
	left := min(bits.LeadingZeros64(^(token << (blockLen - noWrapLeft))), wordBytes)
	name := bits.TrailingZeros64(^(token >> (to & 63)))
	right := min(name, wordBytes)
	before := (uint64(1)<<(left&63) - 1) << ((noWrapLeft - left) & 63)
	after := uint64(1)<<(right&63) - 1
	noWordAfter := noWord>>(to&63) | (lower>>(to&63)&after)<<1&(upper>>(to&63))
	leftWord := isZero((noWord | lower<<1&upper) & before)
	rightWord := isZero(noWordAfter & after)
	leftLetters := isZero(before &^ letters)
	rightLetters := isZero(after &^ (letters >> (to & 63)))
	stop := wrapStops[byteAt(s.buf, from+to+name)]
	open := stop >> stopOpen & 1 & isLess(right, wordBytes) // no end of a token is behind it
	short := isLess(left, wordBytes)
	allLetters := isZero((1<<(name&63) - 1) &^ (letters >> (to & 63)))

	no := isLess(left, minWrapped) | isLess(right, 1) | stop>>stopName&1 | stop>>stopLetters&allLetters
	no |= rightWord & open &^ isLess(right, minWordStart)
	no |= leftWord & rightWord
	no |= dot >> (noWrapLeft - 1) & 1 & rightLetters
	no |= (short | open) & leftLetters & rightLetters
	no |= isLess(right, minWrapped) & open & rightWord & (short | leftWord)
	return no != 0
}

// The bits of wrapStops, which tell of what ends the start of a line.
const (
	stopName    = iota // it makes it a name
	stopOpen           // no token ends there
	stopLetters        // it makes letters a name
)

var wrapStops = func() (t [256]uint64) {
	for c := range t {
		if wrapStart[c] && c != ',' {
			t[c] |= 1 << stopName
		}
		if !wrapEnd[c] {
			t[c] |= 1 << stopOpen
		}
	}
	t[','] |= 1 << stopLetters
	return t
}()
