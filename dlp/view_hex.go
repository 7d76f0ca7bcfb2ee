package dlp

// hexRun appends the bytes that the pairs of hex digits of src stand for, up to
// what is none. A caller that does not know where the first pair is tries src
// and src[1:].
func hexRun(dst, src []byte) []byte {
	for ; len(src) >= 2; src = src[2:] {
		v, ok := hexPair(src)
		if !ok {
			break
		}
		dst = append(dst, v)
	}
	return dst
}

// hexItem reads one byte of a list, with the prefix before it, and returns its
// length without and with the separator behind it.
func hexItem(b []byte) (v byte, bare, n int) {
	if len(b) >= 4 && (b[0] == '0' || b[0] == '\\') && b[1]|0x20 == 'x' {
		n = 2
	}
	v, ok := hexPair(b[n:])
	if !ok {
		return 0, 0, 0
	}
	bare = n + 2
	n = bare
	for limit := n + 2; n < len(b) && n < limit && hexSeparator[b[n]]; {
		n++
	}
	return v, bare, n
}

var hexSeparator = newClass(" \t\n,:;-")

// minHexBytes is how many bytes in a row have to be of a list.
const minHexBytes = 16

// hexAround returns the list of a period around b[i].
func hexAround(b []byte, first, i, period int) spaced {
	for at := max(first, i-period); at < i+period; at++ {
		_, width, size := hexItem(b[at:])
		if size != period {
			continue
		}
		start := at
		for start-period >= first && at-start < viewContext {
			if _, bare, size := hexItem(b[start-period:]); size != period || bare != width {
				break
			}
			start -= period
		}
		if _, n := hexEnd(b, start, width, period, minHexBytes); n == minHexBytes {
			return spaced{start: start, period: period, width: width, hex: true}
		}
	}
	return spaced{}
}

// hexEnd returns where a list that starts at b[start] ends, without what is
// behind its last item, and how many items it has, up to most.
func hexEnd(b []byte, start, width, period, most int) (end, n int) {
	for at := start; n < most; n++ {
		_, bare, size := hexItem(b[at:])
		if bare != width {
			break
		}
		end = at + bare
		if at += size; size != period {
			return end, n + 1 // the last one
		}
	}
	return end, n
}
