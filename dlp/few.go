package dlp

import "math/bits"

// fewBlocks is how many blocks are too few to make lists of what they have: what a short
// text costs is the time from one step to the next.
const fewBlocks = 8

// areFew reports whether the blocks that are looked at are that few.
func (f *signs) areFew() bool { return f.blocks < 1<<fewBlocks }

// fewStretches is stretches without lists.
func (v *survey) fewStretches(sign, least int, open *int, look func(start, end int)) {
	for has := v.signs.has(sign) | v.signs.has(sign+1); has != 0; has &= has - 1 {
		k := v.signs.first + bits.TrailingZeros32(has)
		i := v.origin + k*blockLen
		starts := v.signs.of[sign][k&63]
		for ends := v.signs.of[sign+1][k&63]; ends != 0; ends &= ends - 1 {
			start := *open
			if *open = none; start == none {
				start, starts = i+bits.TrailingZeros64(starts), starts&(starts-1)
			}
			look(start, i+bits.TrailingZeros64(ends)+least)
		}
		if starts != 0 {
			*open = i + bits.TrailingZeros64(starts)
		}
	}
}

// surveyFew looks at the line breaks and marks without lists.
func (s *Scanner) surveyFew() {
	s.survey.signs.each(signBreak, s.surveyBreaks)
	s.survey.signs.each(signMark, s.surveyMarks)
}

func (s *Scanner) surveyBreaks(k int, m uint64) {
	for ; m != 0; m &= m - 1 {
		s.surveyBreak(s.survey.origin + k*blockLen + bits.TrailingZeros64(m))
	}
}

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
