package dlp

import "encoding/binary"

// minSpaced is how many single characters have to stand apart in a row.
const minSpaced = 16

// findSpaced finds single characters, or bytes in hex, with one same separator
// between them, as in "g h p _", "g, h, p", `"g","h","p"`, "67:68:70" or
// "0x67, 0x68".
func findSpaced(b []byte, i int) int { return nextSpaced(b, i).start }

// spaced is a stretch of items, of which one starts every period bytes; without
// a period there is none.
type spaced struct {
	start, period int
	width         int // of an item
	hex           bool
}

// end returns where the stretch ends in b.
func (s spaced) end(b []byte) int {
	if s.hex {
		end, _ := hexEnd(b, s.start, s.width, s.period, len(b))
		return end
	}
	first := s.start + itemLen(b, s.start)
	_, end := spacedAfter(b, s.start, b[first:first+s.period-1], len(b))
	// The first letter of a word behind it is none of the items.
	if alnum[b[end-1]] && end < len(b) && word[b[end]] {
		end -= s.period
	}
	return end
}

// nextSpaced looks at a word every 16 bytes, which lies within any stretch with
// a period of two; for longer ones every 32 bytes are enough.
func nextSpaced(b []byte, i int) spaced { return spacedFrom(b, i, i) }

// spacedFrom looks from b[i] on, for what starts at b[first] or behind.
func spacedFrom(b []byte, first, i int) spaced {
	for ; i+8+maxPeriod <= len(b); i += 32 {
		w := b[i : i+8+maxPeriod : i+8+maxPeriod]
		v := binary.LittleEndian.Uint64(w)
		x, y := v^v>>16, v^binary.LittleEndian.Uint64(w[3:])
		odd := x&spacedEven == 0 || x&spacedOdd == 0
		if odd || y&spacedMask30 == 0 || y&spacedMask31 == 0 || y&spacedMask32 == 0 || zeroBytes(v^','*lanes) != 0 {
			if s := spacedIn(b, first, i, v, odd); s.period > 0 {
				return s
			}
		}
		if i+16+8 > len(b) {
			break
		}
		v = binary.LittleEndian.Uint64(b[i+16:])
		if x := v ^ v>>16; (x&spacedEven == 0 || x&spacedOdd == 0) && !isRuler(v) {
			if s := spacedAround(b, first, i+16, 2); s.period > 0 {
				return s
			}
		}
	}
	return spaced{start: len(b)}
}

// isRuler reports whether a word is of one same byte.
func isRuler(v uint64) bool { return v == v&0xff*lanes }

// spacedIn looks for a stretch that has the word v at b[i] in it; odd says that
// a period of two is possible. Periods of more than three are those of lists
// with commas.
func spacedIn(b []byte, first, i int, v uint64, odd bool) spaced {
	if isRuler(v) {
		return spaced{}
	}
	if odd {
		if s := spacedAround(b, first, i, 2); s.period > 0 {
			return s
		}
	}
	if x := v ^ binary.LittleEndian.Uint64(b[i+3:]); x&spacedMask30 == 0 || x&spacedMask31 == 0 || x&spacedMask32 == 0 {
		if s := spacedOrHex(b, first, i, 3); s.period > 0 {
			return s
		}
	}
	if comma := zeroBytes(v ^ ','*lanes); comma != 0 {
		return listAround(b, first, i, firstByte(comma))
	}
	return spaced{}
}

// A mask has the bytes of a word that are separators, by where the first item
// starts; compared are words of which one starts a period behind the other, and
// of a period of two the first six bytes.
const (
	spacedEven   = 0x000000ff00ff00ff
	spacedOdd    = 0x0000ff00ff00ff00
	spacedMask30 = 0x00ff0000ff0000ff
	spacedMask31 = 0xff0000ff0000ff00
	spacedMask32 = 0x0000ff0000ff0000

	maxPeriod = 6
)

// listAround looks for a list with commas that has b[i+comma] in it, whose items
// start every four bytes or more.
func listAround(b []byte, first, i, comma int) spaced {
	for period := 4; period <= maxPeriod; period++ {
		if i+comma+period >= len(b) || b[i+comma+period] != ',' {
			continue
		}
		if s := spacedOrHex(b, first, i, period); s.period > 0 {
			return s
		}
	}
	return spaced{}
}

func spacedOrHex(b []byte, first, i, period int) spaced {
	if period <= 5 {
		if s := spacedAround(b, first, i, period); s.period > 0 {
			return s
		}
	}
	return hexAround(b, first, i, period)
}

// spacedAround returns the stretch of a period that b[i:i+8] is part of, not
// before first.
func spacedAround(b []byte, first, i, period int) spaced {
	for phase := range period {
		at := i + phase
		if !spacedItem[b[at]] || !separator(b[at+1:], period-1) {
			continue
		}
		sep := b[at+1 : at+period]
		// The characters that are looked at are those around b[i], so that what
		// is long and dull is not gone through again and again.
		after, _ := spacedAfter(b, at, sep, minSpaced-1)
		before, _ := spacedBefore(b, first, at, sep, minSpaced-1-after)
		if before+after < minSpaced-1 || !variedItems(b, at-before*period, period) {
			continue
		}
		_, start := spacedBefore(b, first, at, sep, viewContext/period)
		// The last letter of a word before it is none of the items.
		if alnum[b[start]] && properLetter(b, start) {
			start += period
		}
		return spaced{start: start, period: period, width: 1}
	}
	return spaced{}
}

// spacedAfter counts the items that follow the one at b[at], up to most, and
// returns the end of the last.
func spacedAfter(b []byte, at int, sep []byte, most int) (n, end int) {
	for end = at + itemLen(b, at); n < most; n++ {
		next := end + len(sep)
		if next >= len(b) || string(b[end:next]) != string(sep) || !spacedItem[b[next]] {
			break
		}
		end = next + itemLen(b, next)
	}
	return n, end
}

// itemLen returns the length of the item at b[i]: one character, or more if it
// is escaped for JSON.
func itemLen(b []byte, i int) int {
	if b[i] != '\\' {
		return 1
	}
	n := runAfter(b, i, 8, backslash)
	switch rest := b[i+n:]; {
	case len(rest) > 0 && rest[0] == '"':
		n++
	case len(rest) >= 5 && string(rest[:3]) == "u00" && hexAny[rest[3]] && hexAny[rest[4]]:
		n += 5
	}
	return n
}

// spacedBefore counts the items before the one at b[at], not before first and up
// to most, and returns the start of the foremost.
func spacedBefore(b []byte, first, at int, sep []byte, most int) (n, start int) {
	for start = at; n < most && at-start < viewContext; n++ {
		prev := itemBefore(b, first, start-len(sep))
		if prev < 0 || string(b[start-len(sep):start]) != string(sep) {
			break
		}
		start = prev
	}
	return n, start
}

// maxEscaped is the longest item that is escaped for JSON, in JSON in JSON.
const maxEscaped = 16

// itemBefore returns where the item that ends at b[end] starts, not before
// first, or -1 if none does.
func itemBefore(b []byte, first, end int) int {
	i := end - 1
	if i < first || !spacedItem[b[i]] {
		return -1
	}
	for _, n := range [...]int{1, 2, 6} { // the length with one backslash
		start := end - n
		for start > first && start > end-maxEscaped && b[start-1] == '\\' {
			start--
		}
		if start >= first && start < i && start+itemLen(b, start) == end {
			return start
		}
	}
	return i
}

// variedItems tells characters from rulers, tables of bits and the like, and from
// a separator that stands between every two.
func variedItems(b []byte, from, period int) bool {
	var seen class
	n := 0
	odd, even := false, false
	for k := range minSpaced {
		c := b[from+k*period]
		if !seen[c] {
			seen[c] = true
			n++
		}
		if k >= 2 && c != b[from+(k-2)*period] {
			odd, even = odd || k&1 == 1, even || k&1 == 0
		}
	}
	return n >= 4 && odd && even
}

// separator reports whether b starts with a separator of n bytes.
func separator(b []byte, n int) bool {
	if len(b) < n {
		return false
	}
	for i, c := range b[:n] {
		if !separatorByte[c] && (i == 0 || b[i-1] != '\\' || !escapeLetter(c)) {
			return false
		}
	}
	return true
}

var (
	spacedItem    = newClass("!-~")
	separatorByte = newClass(" \t\r\n._,|*/:;+~\"'\\-")
)

func decodeSpaced(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		s := nextSpaced(src, i)
		c.keep(src[i:s.start])
		if s.period == 0 {
			break
		}
		end := s.end(src) // the separator behind the last item stays what it is
		for i = s.start; i < end; {
			n := 1
			if s.hex {
				v, _, _ := hexItem(src[i:])
				c.put(v, i, min(i+s.period, end))
			} else {
				n = itemLen(src, i)
				c.item(src[i:i+n], i, min(i+n+s.period-1, end))
			}
			i += n + s.period - 1
		}
		i = end
	}
	return c.result()
}
