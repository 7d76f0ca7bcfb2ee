package dlp

import "bytes"

const (
	minXMLKey = 40
	minWebKey = 40
	// maxKeyHead is how much of a key is looked at.
	maxKeyHead = 256
)

// xmlKey wants the run to be the private exponent or a prime in an RSAKeyValue.
func xmlKey(b []byte, start, end int) (int, int, bool) {
	if !bytes.HasSuffix(b[:start], []byte("<D>")) && !bytes.HasSuffix(b[:start], []byte("<P>")) {
		return 0, 0, false
	}
	to := equalSigns.span(b, end, end+2)
	rest, ok := hasPrefix(b[to:], "</")
	head := b[start:min(end, start+maxKeyHead)]
	if !ok || rest < 2 && len(head) < maxKeyHead || base64Plain.span(head, 0, len(head)) != len(head) || isExample(head, minXMLKey) {
		return 0, 0, false
	}
	return start, to, true
}

// webKey wants the run to be the member d of a JSON Web Key (RFC 7518, 6.2.2.1
// and 6.3.2.1), beside another member of one.
func webKey(b []byte, start, end int) (int, int, bool) {
	i := start - 1
	if byteAt(b, i) != '"' {
		return 0, 0, false
	}
	left := before(b, i, 12)
	left = bytes.TrimRight(left, `\ `)
	if !bytes.HasSuffix(left, []byte(":")) {
		return 0, 0, false
	}
	left = bytes.TrimRight(left[:len(left)-1], `\ `)
	if !bytes.HasSuffix(left, []byte(`"d"`)) && !bytes.HasSuffix(left, []byte(`"d\"`)) {
		return 0, 0, false
	}
	head := b[start:min(end, start+maxKeyHead)]
	if dashed.span(head, 0, len(head)) != len(head) || isExample(head, minWebKey) || distinct(head) < 16 || isPublished(head) {
		return 0, 0, false
	}
	around := [2][]byte{before(b, i, runContext), b[end:min(len(b), end+runContext)]}
	for _, text := range around {
		for _, name := range [...]string{"kty", "crv", "kid", "dp", "dq", "qi", "x", "y", "n", "e", "p", "q"} {
			if hasMember(text, name) {
				return start, end, true
			}
		}
	}
	return 0, 0, false
}

// hasMember reports whether a JSON text has a member of the name.
func hasMember(text []byte, name string) bool {
	for i := 0; i < len(text); {
		at := bytes.IndexByte(text[i:], '"')
		if at < 0 {
			return false
		}
		i += at + 1
		if n, ok := hasPrefix(text[i:], name); ok && n == len(name) {
			rest := bytes.TrimLeft(text[i+n:], `\`)
			if len(rest) > 0 && rest[0] == '"' {
				return true
			}
		}
	}
	return false
}
