package dlp

import "encoding/binary"

// maxJoiner bounds what may stand between two parts of a string.
const maxJoiner = 64

// findConcat finds two string literals that the code around joins, with an
// operator or by standing side by side.
func findConcat(b []byte, i int) int {
	for ; i+32 <= len(b); i += 32 {
		w := b[i : i+32 : i+32]
		q0, q1 := quotes(binary.LittleEndian.Uint64(w)), quotes(binary.LittleEndian.Uint64(w[8:]))
		q2, q3 := quotes(binary.LittleEndian.Uint64(w[16:])), quotes(binary.LittleEndian.Uint64(w[24:]))
		if q0|q1|q2|q3 == 0 {
			continue
		}
		for k, q := range [...]uint64{q0, q1, q2, q3} {
			for ; q != 0; q &= q - 1 {
				if at := i + 8*k + firstByte(q); concatAt(b, at) {
					return at
				}
			}
		}
	}
	for ; i < len(b); i++ {
		if concatAt(b, i) {
			return i
		}
	}
	return len(b)
}

// quotes returns the high bits of the bytes of v that are quotation marks, and
// of some others.
func quotes(v uint64) uint64 {
	// The bits 0x05 are all that tells " from '.
	return zeroBytes(v&^(0x05*lanes)^'"'*lanes) | zeroBytes(v^'`'*lanes)
}

func concatAt(b []byte, q int) bool {
	if !quoteByte[b[q]] || q == 0 || q+1 == len(b) || !joinNext[b[q+1]] || !joinAny[b[q-1]] {
		return false
	}
	_, to := joiner(b, q)
	return to > 0
}

// nextQuote returns the index of the first quotation mark at or after i.
func nextQuote(b []byte, i int) int {
	for i < len(b) && !quoteByte[b[i]] {
		i++
	}
	return i
}

// joiner returns what stands between two parts of a string that meet at the
// quotation mark b[q], with both marks; to is 0 if there is nothing to join.
func joiner(b []byte, q int) (from, to int) {
	from = q
	for from > 0 && q-from < 3 && b[from-1] == '\\' {
		from--
	}
	if from == 0 || !joinAny[b[from-1]] || escaped(b[:from]) || q+2 >= len(b) || !joinNext[b[q+1]] {
		return 0, 0
	}
	limit := min(len(b), q+maxJoiner)
	i := skipSpace(b, q+1, limit)
	edge := joinEdge
	for k := 0; k < 2 && i < limit && joinOperator[b[i]]; k++ {
		i++
		edge = joinAny
	}
	i = skipSpace(b, i, limit)
	if i > q+1 { // a mark such as that of an f"" in Python
		for k := 0; k < 2 && i < limit && stringPrefix[b[i]]; k++ {
			i++
		}
	}
	// The mark that opens the next part is escaped as often as this one: what more
	// backslashes there are belong to the part.
	if i > q+1 && i < limit {
		from = max(from, q-runBefore(b, i, 3, backslash))
	}
	if i+1 >= limit || !quoteByte[b[i]] || !edge[b[from-1]] || !edge[b[i+1]] {
		return 0, 0
	}
	return from, i + 1
}

// skipSpace skips white space, plain or escaped, and the backslash at the end
// of a line or before a quotation mark.
func skipSpace(b []byte, i, limit int) int {
	for i < limit {
		switch c := b[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\\':
		case (c == 'n' || c == 't' || c == 'r') && b[i-1] == '\\':
		default:
			return i
		}
		i++
	}
	return i
}

var (
	joinEdge     = newClass("A-Za-z0-9+/_.:=-") // of a part
	joinAny      = newClass("!-~")              // of one that an operator joins
	quoteByte    = newClass("\"'`")
	joinOperator = newClass("+.&~|")
	stringPrefix = newClass("bfruBFRU")
	joinNext     = newClass(" \t\r\n\\+.&~|\"'`")
)

func decodeConcat(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	done := 0
	for q := nextQuote(src, 0); q < len(src); q = nextQuote(src, q+1) {
		from, to := joiner(src, q)
		if to == 0 || from < done {
			continue
		}
		c.keep(src[done:from])
		c.drop(to)
		done, q = to, to-1
	}
	c.keep(src[done:])
	return c.result()
}
