package dlp

// base32Run appends what src says in base32 (RFC 4648, section 6) in either
// case, up to a character that is not of the alphabet. Groups of 8 characters
// are 5 bytes and start at src[0]: a caller that does not know where the first
// group starts tries src[k:] for k < 8.
func base32Run(dst, src []byte) []byte { return base32With(dst, src, &base32Values) }

// base32HexRun is base32Run for the alphabet 0-9A-V (RFC 4648, section 7).
func base32HexRun(dst, src []byte) []byte { return base32With(dst, src, &base32HexValues) }

func base32With(dst, src []byte, values *[256]byte) []byte {
	var acc uint32
	bits := 0
	for _, c := range src {
		v := values[c]
		if v == 0xff {
			break
		}
		acc = acc<<5 | uint32(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			dst = append(dst, byte(acc>>bits))
		}
	}
	return dst
}

var (
	base32Values    = alphabetValues("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", true)
	base32HexValues = alphabetValues("0123456789ABCDEFGHIJKLMNOPQRSTUV", true)
)

// alphabetValues returns the values of the characters of an alphabet, 0xff for
// others; with fold, upper-case letters are also found in lower case.
func alphabetValues(alphabet string, fold bool) [256]byte {
	var v [256]byte
	for i := range v {
		v[i] = 0xff
	}
	for i := range len(alphabet) {
		c := alphabet[i]
		v[c] = byte(i)
		if fold && 'A' <= c && c <= 'Z' {
			v[c|0x20] = byte(i)
		}
	}
	return v
}
