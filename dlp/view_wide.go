package dlp

import "bytes"

// minWide is how many characters in a row have to be of two or four bytes.
const minWide = 12

// findWide finds text in UTF-16 or UTF-32 of either byte order, as far as it is
// ASCII.
func findWide(b []byte, i int) int {
	// Of a long text, each character is a sign.
	if w := nextWide(b, i, minWide); w.n > 0 {
		return w.start
	}
	return len(b)
}

// wide is a stretch of n characters of width bytes each, of which the one at
// index low is the character.
type wide struct{ start, n, width, low int }

func (w wide) end() int { return w.start + w.n*w.width }

// nextWide returns the first stretch that starts at or behind b[i], up to most
// characters of it.
func nextWide(b []byte, i, most int) wide {
	first := i
	for i < len(b) {
		z := bytes.IndexByte(b[i:], 0)
		if z < 0 {
			break
		}
		z += i
		end := z + 1
		for end < len(b) && b[end] == 0 {
			end++
		}
		zeros := end - z
		if z > first && zeros <= 3 && wideText[b[z-1]] {
			if w := wideAt(b, z-1, zeros+1, 0, most); w.n >= minWide {
				return w
			}
		}
		for _, width := range [...]int{2, 4} {
			if zeros >= width-1 {
				if w := wideAt(b, end-width+1, width, width-1, most); w.n >= minWide {
					return w
				}
			}
		}
		i = end
	}
	return wide{start: len(b)}
}

// wideAt counts the wide characters from start on, up to most.
func wideAt(b []byte, start, width, low, most int) wide {
	w := wide{start: start, width: width, low: low}
	if width == 3 {
		return w
	}
	for i := start; w.n < most && i+width <= len(b); i += width {
		var other byte
		for k, c := range b[i : i+width] {
			if k != low {
				other |= c
			}
		}
		if other != 0 || !wideText[b[i+low]] {
			break
		}
		w.n++
	}
	return w
}

var wideText = newClass(" -~\t\r\n")

func decodeWide(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		w := nextWide(src, i, len(src))
		c.keep(src[i:w.start])
		for k := range w.n {
			at := w.start + k*w.width
			c.put(src[at+w.low], at, at+w.width)
		}
		i = w.end()
		if w.n == 0 {
			break
		}
	}
	return c.result()
}
