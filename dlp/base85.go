package dlp

import "bytes"

// ascii85Run appends what src says in Ascii85, as Adobe and btoa write it, up to
// what is none.
func ascii85Run(dst, src []byte) []byte {
	dst, _ = base85With(dst, src, &ascii85Values, true)
	return dst
}

// z85Run is ascii85Run for the alphabet of ZeroMQ (RFC 32 of its own).
func z85Run(dst, src []byte) []byte {
	dst, _ = base85With(dst, src, &z85Values, false)
	return dst
}

// base85Run is ascii85Run for the alphabet of RFC 1924, as git and Python write
// it.
func base85Run(dst, src []byte) []byte {
	dst, _ = base85With(dst, src, &base85Values, false)
	return dst
}

// base85With returns how many bytes of src it took, too. With adobe, "z" stands
// for four zero bytes and white space for nothing (btoa; PostScript Language
// Reference, section 3.13.3).
func base85With(dst, src []byte, values *[256]byte, adobe bool) ([]byte, int) {
	var acc uint64
	n := 0
	i := 0
	for ; i < len(src); i++ {
		c := src[i]
		if adobe && c == 'z' && n == 0 {
			dst = append(dst, 0, 0, 0, 0)
			continue
		}
		if adobe && (c == '\n' || c == '\r' || c == ' ' || c == '\t') {
			continue
		}
		v := values[c]
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

var (
	ascii85Values = alphabetValues(asciiFrom('!', 85), false)
	z85Values     = alphabetValues("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#", false)
	base85Values  = alphabetValues("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~", false)
)

func asciiFrom(c byte, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = c + byte(i)
	}
	return string(b)
}

// findASCII85 finds the frame that Adobe puts around Ascii85.
func findASCII85(b []byte, i int) int {
	if i < len(b) {
		if n := bytes.Index(b[i:], []byte("<~")); n >= 0 {
			return i + n
		}
	}
	return len(b)
}

func decodeASCII85(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		n := findASCII85(src, i)
		c.keep(src[i:n])
		if i = n; i == len(src) {
			break
		}
		end := i + 2 + runAfter(src, i+2, len(src), ascii85Byte)
		if end-i < 2+5 {
			c.keep(src[i : i+2])
			i += 2
			continue
		}
		c.ascii85(src, i+2, end)
		i = end
		if i < len(src) && src[i] == '~' {
			i++
			if i < len(src) && src[i] == '>' {
				i++
			}
		}
		c.drop(i)
	}
	return c.result()
}

// ascii85 writes what src[i:end] says, group by group: the bytes of one are not
// as many as its characters.
func (c *copier) ascii85(src []byte, i, end int) {
	for i < end {
		if src[i] == 'z' {
			for range 4 {
				c.put(0, i, i+1)
			}
			i++
			continue
		}
		next, n := i, 0
		for next < end && n < 5 && src[next] != 'z' {
			if ascii85Values[src[next]] != 0xff {
				n++
			}
			next++
		}
		c.m = addMark(c.m, i, len(c.dst)-c.base)
		c.dst, _ = base85With(c.dst, src[i:next], &ascii85Values, true)
		i = next
	}
}

var ascii85Byte = newClass("!-uz \t\r\n")
