package dlp

import "bytes"

// maxJoiner bounds what may stand between two parts of a string.
const maxJoiner = 64

// findConcat finds two string literals that the code around joins with an
// operator, or that stand side by side in single quotation marks. Those in
// double ones are everywhere; joiner tells what is joined at one of them.
func findConcat(b []byte, i int) int {
	for i < len(b) {
		end := min(len(b), i+findBlock)
		at := end
		for _, c := range [...]byte{'+', '.', '&', '|', '\'', '`'} {
			at = findJoiner(b, i, at, c)
		}
		if at < end {
			return at
		}
		i = end
	}
	return len(b)
}

// findJoiner returns the index of the first byte c in b[i:end], an operator or a
// quotation mark, at which two parts of a string meet, or end.
func findJoiner(b []byte, i, end int, c byte) int {
	for ; i < end; i++ {
		n := bytes.IndexByte(b[i:end], c)
		if n < 0 {
			break
		}
		i += n
		if i < 2 || i+1 >= len(b) || !joinNext[b[i+1]] {
			continue
		}
		if !quoteByte[c] && !joinBefore[b[i-1]] && (b[i-2] != '\\' || !escapeLetter(b[i-1])) {
			continue
		}
		q := i
		if !quoteByte[c] {
			q = spaceBefore(b, i)
		}
		if _, to := joiner(b, q); to > i {
			return i
		}
	}
	return end
}

// spaceBefore returns the index of the quotation mark before the white space,
// plain or escaped, that ends at b[i], or of something else.
func spaceBefore(b []byte, i int) int {
	limit := max(0, i-maxJoiner)
	for i--; i > limit && !quoteByte[b[i]]; i-- {
		if c := b[i]; !joinOperator[c] && c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\\' && (b[i-1] != '\\' || !escapeLetter(c)) {
			break
		}
	}
	return max(i, 0)
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
	if from == 0 || !quoteByte[b[q]] || !joinEdge[b[from-1]] || escaped(b[:from]) || q+2 >= len(b) || !joinNext[b[q+1]] {
		return 0, 0
	}
	limit := min(len(b), q+maxJoiner)
	i := skipSpace(b, q+1, limit)
	for k := 0; k < 2 && i < limit && joinOperator[b[i]]; k++ {
		i++
	}
	i = skipSpace(b, i, limit)
	if i > q+1 { // a mark such as that of an f"" in Python
		for k := 0; k < 2 && i < limit && stringPrefix[b[i]]; k++ {
			i++
		}
	}
	if i+1 >= limit || !quoteByte[b[i]] || !joinEdge[b[i+1]] {
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
	joinEdge     = newClass("A-Za-z0-9+/_.:=-")
	quoteByte    = newClass("\"'`")
	joinOperator = newClass("+.&~|")
	joinBefore   = newClass("\"'` \t\r\n\\+.&|")
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
