package dlp

import "encoding/binary"

// minSpaced is how many single characters have to stand apart in a row.
const minSpaced = 16

// findSpaced finds single characters, or bytes in hex, with one same separator
// between them, as in "g h p _", "g, h, p", `"g","h","p"`, "67:68:70" or
// "0x67, 0x68".
func findSpaced(b []byte, i int) int { return nextSpaced(b, i).start }

// spaced is a stretch of items up to end, of which one starts every period
// bytes; without a period there is none.
type spaced struct {
	start, end, period int
	hex                bool
}

// nextSpaced looks at a word every 16 bytes, which lies within any stretch with
// a period of two; for longer ones every 32 bytes are enough.
func nextSpaced(b []byte, i int) spaced {
	first := i
	for ; i+32 <= len(b); i += 32 {
		w := b[i : i+32 : i+32]
		v, u := binary.LittleEndian.Uint64(w), binary.LittleEndian.Uint64(w[16:])
		x, y, z := v^v>>16, u^u>>16, v^binary.LittleEndian.Uint64(w[3:])
		if x&spacedEven == 0 || x&spacedOdd == 0 || y&spacedEven == 0 || y&spacedOdd == 0 ||
			z&spacedMask30 == 0 || z&spacedMask31 == 0 || z&spacedMask32 == 0 || zeroBytes(v^','*lanes) != 0 {
			if s := spacedIn(b, first, i); s.period > 0 {
				return s
			}
			if s := spacedIn(b, first, i+16); s.period > 0 {
				return s
			}
		}
	}
	for ; i+8+maxPeriod <= len(b); i += 16 {
		if s := spacedIn(b, first, i); s.period > 0 {
			return s
		}
	}
	return spaced{start: len(b)}
}

// A mask has the bytes of a word that are separators, by where the first item
// starts; compared are words of which one starts a period behind the other.
const (
	spacedEven   = 0x0000ff00ff00ff00 >> 8
	spacedOdd    = 0x0000ff00ff00ff00
	spacedMask30 = 0xff0000ff0000ff << 0
	spacedMask31 = 0xff0000ff0000ff00
	spacedMask32 = 0x0000ff0000ff0000

	maxPeriod = 6
)

// spacedMasks are those that hold both for characters and for bytes in hex, by
// period from 3 on.
var spacedMasks = [maxPeriod - 2][maxPeriod]uint64{
	{0x0000ff0000ff0000, 0x00ff0000ff0000ff, 0xff0000ff0000ff00},
	{0xffff0000ffff0000, 0xff0000ffff0000ff, 0x0000ffff0000ffff, 0x00ffff0000ffff00},
	{0xff0000ffffff0000, 0x0000ffffff0000ff, 0x00ffffff0000ffff, 0xffffff0000ffffff, 0xffff0000ffffff00},
	{0x0000ffffffff0000, 0x00ffffffff0000ff, 0xffffffff0000ffff, 0xffffff0000ffffff, 0xffff0000ffffffff, 0xff0000ffffffff00},
}

// spacedIn looks for a stretch that has the word at b[i] in it. Periods of more
// than three are those of lists with commas.
func spacedIn(b []byte, first, i int) spaced {
	if i+8+maxPeriod > len(b) {
		return spaced{}
	}
	v := binary.LittleEndian.Uint64(b[i:])
	if x := v ^ v>>16; x&spacedEven == 0 || x&spacedOdd == 0 {
		if s := spacedAround(b, first, i, 2); s.period > 0 {
			return s
		}
	}
	most := maxPeriod
	if zeroBytes(v^','*lanes) == 0 {
		most = 3
	}
	for period := 3; period <= most; period++ {
		x := v ^ binary.LittleEndian.Uint64(b[i+period:])
		for _, mask := range spacedMasks[period-3][:period] {
			if x&mask == 0 {
				if s := spacedAround(b, first, i, period); s.period > 0 {
					return s
				}
				if s := hexAround(b, first, i, period); s.period > 0 {
					return s
				}
				break
			}
		}
	}
	return spaced{}
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
		start, before := at, 0
		for at-start < viewContext {
			prev := itemBefore(b, first, start-len(sep))
			if prev < 0 || string(b[start-len(sep):start]) != string(sep) {
				break
			}
			start = prev
			before++
		}
		after, _ := spacedAfter(b, at, sep, minSpaced-1)
		// The characters that are looked at are those around b[i], so that what
		// is long and dull is not gone through again and again.
		from := max(start, at-(minSpaced-1-after)*period)
		if min(before, minSpaced-1-after)+after < minSpaced-1 || !variedItems(b, from, period) {
			continue
		}
		// The last letter of a word before it is none of the items, and neither
		// is the first of one behind.
		if alnum[b[start]] && properLetter(b, start) {
			start += period
		}
		_, end := spacedAfter(b, start, sep, len(b))
		if alnum[b[end-1]] && end < len(b) && word[b[end]] {
			end -= period
		}
		return spaced{start: start, end: end, period: period}
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

// itemBefore returns where the item that ends at b[end] starts, not before
// first, or -1 if none does.
func itemBefore(b []byte, first, end int) int {
	i := end - 1
	if i < first || !spacedItem[b[i]] {
		return -1
	}
	for _, n := range [...]int{1, 2, 6} { // the length with one backslash
		start := end - n
		for start > first && b[start-1] == '\\' {
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
		for i = s.start; i < s.end; {
			n := 1
			if s.hex {
				v, _, _ := hexItem(src[i:])
				c.put(v, i, min(i+s.period, s.end))
			} else {
				n = itemLen(src, i)
				c.item(src[i:i+n], i, min(i+n+s.period-1, s.end))
			}
			i += n + s.period - 1
		}
		// The separator behind the last item stays what it is.
		i = max(s.start, s.end)
	}
	return c.result()
}
