package dlp

import "math/bits"

// listMarks makes a list of the bytes that may be signs. The ampersands of queries are
// left out: a name that no semicolon ends is behind each.
func (s *Scanner) listMarks() []uint16 {
	v := s.survey
	v.list.n = 0
	for has := v.signs.has(signMark); has != 0; has &= has - 1 {
		k := v.signs.first + bits.TrailingZeros16(has)
		m := v.signs.of[signMark][k&31]
		if all := v.masks[maskAmpersand][k&31]; all != 0 && s.inQuery(all, k) {
			m &^= all
		}
		v.list.add(m, k*blockLen)
	}
	return v.list.at[:v.list.n]
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
