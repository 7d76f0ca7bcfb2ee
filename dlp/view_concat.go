package dlp

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// maxJoiner bounds what may stand between two parts of a string.
const maxJoiner = 64

// findConcat finds two string literals that the code around joins, with an
// operator or by standing side by side.
func findConcat(b []byte, i int) int {
	for i < len(b) {
		end := min(len(b), i+findBlock)
		at := findQuotes(b, i, end)
		at = findTicks(b, i, at)
		if at < end {
			return at
		}
		i = end
	}
	return len(b)
}

// findQuotes returns the index of the first quotation mark " or ' in b[i:end]
// that ends a part of a string, or end.
func findQuotes(b []byte, i, end int) int {
	for ; i+33 <= len(b) && i < end; i += 32 {
		w := b[i : i+33 : i+33]
		q := quotes(binary.LittleEndian.Uint64(w))>>7 | quotes(binary.LittleEndian.Uint64(w[8:]))>>6 |
			quotes(binary.LittleEndian.Uint64(w[16:]))>>5 | quotes(binary.LittleEndian.Uint64(w[24:]))>>4
		best := end
		for ; q != 0; q &= q - 1 {
			at := wordsIndex(q)
			if !joinNext[w[at+1]] {
				continue
			}
			if isJoin(b, i+at) {
				best = min(best, i+at)
			}
		}
		if best < end {
			return best
		}
	}
	for ; i < end; i++ {
		if quoteByte[b[i]] {
			if isJoin(b, i) {
				return i
			}
		}
	}
	return end
}

// findTicks is findQuotes for the mark of JavaScript's templates and of Go.
func findTicks(b []byte, i, end int) int {
	for ; i < end; i++ {
		n := bytes.IndexByte(b[i:end], '`')
		if n < 0 {
			break
		}
		i += n
		if isJoin(b, i) {
			return i
		}
	}
	return end
}

// quotes returns the high bits of the bytes of v that are " or ', and of some
// others.
func quotes(v uint64) uint64 {
	return zeroBytes(v&^(0x05*lanes) ^ '"'*lanes) // 0x05 is all that tells them apart
}

// nextQuote returns the index of the first quotation mark at or after i.
func nextQuote(b []byte, i int) int {
	for i < len(b) && !quoteByte[b[i]] {
		i++
	}
	return i
}

// isJoin reports whether two parts of a string that meet at the quotation mark b[q]
// are a sign: not if they are words that stand side by side, of which programs have
// lists.
func isJoin(b []byte, q int) bool {
	from, to := joiner(b, q)
	if to == 0 || slices.ContainsFunc(b[q+1:to-1], func(c byte) bool { return joinOperator[c] }) {
		return to > 0
	}
	_, left := wrapLeft(b, from)
	_, right := wrapRight(b, to)
	return !left || !right
}

// joiner returns what stands between two parts of a string that meet at the
// quotation mark b[q], with both marks; to is 0 if there is nothing to join.
func joiner(b []byte, q int) (from, to int) {
	from = q
	for from > 0 && q-from < 3 && b[from-1] == '\\' {
		from--
	}
	if from == 0 || !quoteByte[b[q]] || !joinAny[b[from-1]] || q+2 >= len(b) || !joinNext[b[q+1]] {
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
	// What an operator joins may end in a character that JSON escapes.
	if escaped(b[:from]) && (edge == joinEdge || from > 1 && b[from-2] == '\\') {
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
	return takeOut(dst, m, src, nextQuote, joiner)
}
