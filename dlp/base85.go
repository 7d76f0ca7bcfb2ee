package dlp

import (
	"bytes"
	"sort"
)

// ascii85Run appends what src says in Ascii85, as Adobe and btoa write it, up to
// what is none, and returns how many bytes of src it took, too. "z" stands for
// four zero bytes and white space for nothing (PostScript Language Reference,
// section 3.13.3).
func ascii85Run(dst, src []byte) ([]byte, int) {
	var acc uint64
	n := 0
	i := 0
	for ; i < len(src); i++ {
		c := src[i]
		if c == 'z' && n == 0 {
			dst = append(dst, 0, 0, 0, 0)
			continue
		}
		if c == '\n' || c == '\r' || c == ' ' || c == '\t' {
			continue
		}
		v := ascii85Values[c]
		if v == 0xff {
			break
		}
		acc = acc*85 + uint64(v)
		if n++; n == 5 {
			if acc >= 1<<32 {
				return dst, i
			}
			dst = append(dst, byte(acc>>24), byte(acc>>16), byte(acc>>8), byte(acc))
			acc, n = 0, 0
		}
	}
	if n > 1 { // n characters are n-1 bytes
		for k := n; k < 5; k++ {
			acc = acc*85 + 84
		}
		if acc < 1<<32 {
			for k := range n - 1 {
				dst = append(dst, byte(acc>>(24-8*k)))
			}
		}
	}
	return dst, i
}

var ascii85Values = alphabetValues(asciiFrom('!', 85), false)

func asciiFrom(c byte, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = c + byte(i)
	}
	return string(b)
}

// findASCII85 finds the frame that Adobe puts around Ascii85, plain or escaped
// for JSON.
func findASCII85(b []byte, i int) int {
	from := i
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '~')
		if n < 0 {
			break
		}
		i += n
		if start := frameBefore(b, i); start >= from {
			return start
		}
		i++
	}
	return len(b)
}

// mayBeASCII85 reports whether b, as far as it is there, starts as something worth
// a look in Ascii85.
func mayBeASCII85(b []byte) bool {
	for _, c := range b[:min(len(b), leastASCII85)] {
		if ascii85Values[c] == 0xff && c != 'z' && c != '\n' && c != '\r' && c != ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// leastASCII85 is fewer than a token takes.
const leastASCII85 = 15

// frameBefore returns where the "<" before the "~" at b[i] starts, or -1.
func frameBefore(b []byte, i int) int {
	switch {
	case i > 0 && b[i-1] == '<':
		return i - 1
	case i > 5 && string(b[i-5:i]) == "u003c" && b[i-6] == '\\':
		return i - 5 - runBefore(b, i-5, 8, backslash)
	}
	return -1
}

func decodeASCII85(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		n := findASCII85(src, i)
		c.keep(src[i:n])
		if i = n; i == len(src) {
			break
		}
		first := i + bytes.IndexByte(src[i:], '~') + 1
		end := first + runAfter(src, first, len(src), ascii85Byte)
		if end-first < 5 {
			c.keep(src[i:first])
			i = first
			continue
		}
		c.ascii85(src, first, end, level(src[i:first]))
		for i = end; i < len(src) && i < end+2 && (src[i] == '~' || src[i] == '>'); {
			i++
		}
		c.drop(i)
	}
	return c.result()
}

// jsonLevels is how often a text may be in JSON in JSON.
const jsonLevels = 3

// level returns how often the beginning of a frame was put into JSON, as far as
// it tells.
func level(frame []byte) int {
	switch slashes := bytes.Count(frame, []byte{'\\'}); slashes {
	case 0, 1:
		return slashes
	default:
		return 2
	}
}

// ascii85 writes what src[i:end] says: of the readings of it as it is, or as a
// string in JSON, or in JSON in JSON, from least on the one that gives most text.
// A backslash is a character of Ascii85 too.
func (c *copier) ascii85(src []byte, i, end, least int) {
	chars := src[i:end]
	marks := []mark{{0, 0}}
	length, before := len(c.dst), len(c.m)
	read := func(chars []byte, marks []mark) {
		c.dst, c.m = c.dst[:length], c.m[:before]
		c.groups(chars, func(k int) int { return i + sourceIndex(marks, k) })
	}
	best, bestChars, bestMarks := -1, chars, marks
	for level := range jsonLevels {
		if level >= least {
			read(chars, marks)
			// What is no group ends the text.
			wrong := binaryBytes(c.dst[length:]) + max(0, len(chars)*4/5-4-(len(c.dst)-length))
			if wrong == 0 || bytes.IndexByte(chars, '\\') < 0 && best < 0 {
				return
			}
			if best < 0 || wrong < best {
				best, bestChars, bestMarks = wrong, chars, marks
			}
		}
		next, m, _ := decodeEscapes(nil, nil, chars)
		for k := range m {
			m[k].from = int32(sourceIndex(marks, int(m[k].from)))
		}
		chars, marks = next, m
	}
	read(bestChars, bestMarks)
}

// sourceIndex returns where the byte of a decoded text at index to came from.
func sourceIndex(marks []mark, to int) int {
	k := sort.Search(len(marks), func(i int) bool { return int(marks[i].to) > to }) - 1
	return int(marks[k].from) + to - int(marks[k].to)
}

// groups writes what the characters say, group by group: the bytes of one are
// not as many as its characters.
func (c *copier) groups(chars []byte, source func(int) int) {
	for i := 0; i < len(chars); {
		if chars[i] == 'z' {
			for range 4 {
				c.put(0, source(i), source(i+1))
			}
			i++
			continue
		}
		next, n := i, 0
		for next < len(chars) && n < 5 && chars[next] != 'z' {
			if ascii85Values[chars[next]] != 0xff {
				n++
			}
			next++
		}
		c.m = addMark(c.m, source(i), len(c.dst)-c.base)
		c.dst, _ = ascii85Run(c.dst, chars[i:next])
		i = next
	}
}

var ascii85Byte = newClass("!-uz \t\r\n")
