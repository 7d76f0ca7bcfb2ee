package dlp

import "math/bits"

// surveyMarks looks at the marks of a block but for the ampersands of queries: a name
// that no semicolon ends is behind each.
func (s *Scanner) surveyMarks(k int, m uint64) {
	if all := s.survey.masks.of(maskAmpersand, k); all != 0 && s.inQuery(all, k) {
		m &^= all
	}
	for ; m != 0; m &= m - 1 {
		s.surveyMark(s.survey.origin + k*blockLen + bits.TrailingZeros64(m))
	}
}

// inQuery reports whether what stands behind all ampersands of a block, letters and
// digits or none, ends with what ends no character reference, or where the stream does:
// then it is looked at again.
func (s *Scanner) inQuery(all uint64, k int) bool {
	v := s.survey
	names, ends := namesIn(&v.masks, k)
	if behind := len(s.buf) - v.origin - k*blockLen; behind < blockLen {
		ends |= ^uint64(0) << (behind & (blockLen - 1))
	}
	sum, more := bits.Add64(all<<1, names, 0)
	if sum&^names&^ends != 0 {
		return false
	}
	if more |= all >> (blockLen - 1); more == 0 {
		return true
	}
	if v.origin+(k+1)*blockLen >= v.to {
		return false // the next block is not known
	}
	names, ends = namesIn(&v.masks, k+1)
	return (names+1)&^names&ends != 0
}

// namesIn returns the letters and digits of a block, and what may end a name in a query
// but begins or ends no reference.
func namesIn(m *masks, k int) (names, ends uint64) {
	b := block{m, k}
	return b.of(maskUpper) | b.of(maskLower) | b.of(maskDigit), b.of(maskEquals) | b.of(maskJoiner) | b.of(maskDot) | b.of(maskAmpersand)
}

// surveyMark looks at what may be a sign at s.buf[at].
func (s *Scanner) surveyMark(at int) {
	if at+1 >= len(s.buf) {
		return // it is looked at again
	}
	switch s.buf[at] {
	case '\\':
		s.surveyEscape(at, s.buf[at+1])
	case '%':
		if s.isUnseen(percentView, at) && suspectPercent(s.buf, at) {
			s.sign(percentView, at)
		}
	case '&':
		if s.isUnseen(htmlView, at) && isEntity(s.buf, at, at+1) {
			s.sign(htmlView, at)
		}
	case '<':
		if s.buf[at+1] == '~' && s.isUnseen(ascii85View, at) && mayBeASCII85(s.buf[at+len("<~"):]) {
			s.sign(ascii85View, at)
		}
	case '=':
		if s.isUnseen(quotedView, at) && isQuoted(s.buf, at) {
			s.sign(quotedView, at)
		}
	default:
		if joinNext[s.buf[at+1]] && s.isUnseen(concatView, at) && isJoin(s.buf, at) {
			if from, to := joiner(s.buf, at); s.mayBeJoined(concatJoints, from, to) {
				s.sign(concatView, at)
			}
		}
	}
}

// surveyEscape looks at the backslash at s.buf[at], the last of a row. The sign
// starts with the first.
func (s *Scanner) surveyEscape(at int, next byte) {
	last := at
	at = s.firstSlash(at)
	switch {
	case next == 'n' || next == 'r':
		return // a line break
	case next == 'u' && len(s.buf)-last > escapedLen+1 && s.buf[last+2] == '0' && s.buf[last+3] == '0':
		if s.surveyEscaped(at, last+1) {
			return
		}
	}
	if !s.lax && s.isUnseen(jsonView, at) && escapeAt(s.buf, at) {
		s.sign(jsonView, at)
	}
}

// firstSlash returns where the backslashes start of which one is at s.buf[at].
func (s *Scanner) firstSlash(at int) int {
	if at > 0 && s.buf[at-1] == '\\' {
		at -= runBefore(s.buf, at, escapeSlashes-1, backslash)
	}
	return at
}

// escapedLen is the length of an escape of JSON without its backslash.
const escapedLen = len("u0026")

// surveyEscaped looks at an escape, of which the backslashes start at s.buf[at],
// as what begins a sign of another view. It reports whether it is one that encoders
// of JSON write for what HTML knows.
func (s *Scanner) surveyEscaped(at, letter int) bool {
	end := letter + escapedLen
	switch string(s.buf[letter+3 : end]) {
	case "26":
		if s.isUnseen(htmlView, at) && isEntity(s.buf, at, end) {
			s.sign(htmlView, at)
		}
		return true
	case "3c":
		if s.buf[end] == '~' && s.isUnseen(ascii85View, at) {
			s.sign(ascii85View, at)
		}
		return true
	case "3e", "22", "27":
		return true
	}
	return false
}
