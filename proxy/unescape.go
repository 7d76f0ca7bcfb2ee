package proxy

import "strconv"

// maxLayers is how many escapings, one around the other, unescaped takes off.
const maxLayers = 3

// unescaped returns the texts that are read out of one by unescape, and out of
// those again: "%5Cu0061" is an "a" for a server that takes both apart.
func unescaped(text string) (plain []string) {
	for range maxLayers {
		next, changed := unescape(text)
		if !changed {
			break
		}
		plain = append(plain, next)
		text = next
	}
	return plain
}

// unescape takes percent escapes (RFC 3986, section 2.1) and the \u escapes of
// JSON (RFC 8259, section 7) apart where they stand for ASCII, and leaves what is
// no escape as it is. It reports whether there were any: an honest encoder has
// no reason to escape a letter, but every server reads one that is.
func unescape[T string | []byte](text T) (T, bool) {
	var out []byte
	done := 0
	for i := 0; i < len(text); i++ {
		n, c := 0, uint64(0)
		var err error
		switch {
		case text[i] == '%' && i+3 <= len(text):
			n = 3
			c, err = strconv.ParseUint(string(text[i+1:i+3]), 16, 8)
		case text[i] == '\\' && i+6 <= len(text) && text[i+1] == 'u':
			n = 6
			c, err = strconv.ParseUint(string(text[i+2:i+6]), 16, 16)
		}
		if n == 0 || err != nil || c >= 0x80 {
			continue
		}
		out = append(append(out, text[done:i]...), byte(c))
		i += n - 1
		done = i + 1
	}
	if done == 0 {
		return text, false
	}
	return T(append(out, text[done:]...)), true
}
