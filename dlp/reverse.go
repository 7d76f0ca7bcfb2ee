package dlp

// reverse appends src with its last byte first.
func reverse(dst, src []byte) []byte {
	for i := len(src) - 1; i >= 0; i-- {
		dst = append(dst, src[i])
	}
	return dst
}

// rot13 appends src with its letters moved by half the alphabet.
func rot13(dst, src []byte) []byte {
	for _, c := range src {
		if l := (c | 0x20) - 'a'; l < 26 {
			c = c&0x20 | 'A' + (l+13)%26
		}
		dst = append(dst, c)
	}
	return dst
}
