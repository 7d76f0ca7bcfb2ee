package dlp

import (
	"bytes"
	"encoding/base64"
)

const (
	maxLabel     = 48 // of a PEM header, up to its last dashes
	maxBreak     = 32 // between a PEM header and its first line
	maxFront     = 24 // in front of that, where it is shown with a number or a sign
	minKeyLine   = 40 // the shortest first line of a key that is not an example
	minOpenSSH   = 64 // of an OpenSSH key, which starts alike for a while
	pemLine      = 64 // of all lines but the last (RFC 7468, section 2)
	maxKeyLine   = 96 // what is reported of a key's first line
	maxJWTHeader = 1024
	minSignature = 20   // of a JWT
	minOpaque    = 43   // of the second part of one that is no JSON: its key, encrypted
	maxJWT       = 4096 // what is held of a JWT; beyond, it is judged by what is there
)

// label is what stands in a PEM header.
var label = newClass("A-Z0-9 ")

// openSSHMagic is "openssh-key-v1\0" in base64, as far as it is fixed.
const openSSHMagic = "b3BlbnNzaC1rZXktdjEA"

// privateKey wants the header of a private key and the beginning of its body
// behind a line break, which may be escaped. A header alone is prose.
func privateKey(b []byte, body int, final bool) (int, int, verdict) {
	n := label.span(b, body, body+maxLabel)
	d, ok := hasPrefix(b[n:], "-----")
	switch {
	case !ok:
		return 0, 0, miss
	case d < 5:
		return short(final)
	case !isPrivate(b[body-1 : n]):
		return 0, 0, miss
	}
	n += d
	line, whole := lineBreak(b, n)
	if !whole && !final {
		return 0, 0, more
	}
	if line == n {
		return 0, 0, miss
	}
	for _, header := range [...]string{"Proc-Type:", "Version:", "Comment:"} {
		if h, ok := hasPrefix(b[line:], header); ok {
			if h < len(header) {
				return short(final)
			}
			return 0, line + h, match
		}
	}
	if _, end, v := keyLine(b, line, final); v != miss {
		return 0, end, v
	}
	front := lineFront(b, line)
	if front == len(b) && !final && front < line+maxFront {
		return 0, 0, more
	}
	return keyLine(b, front, final)
}

// lineFront returns where what a program that shows a file puts in front of a line ends:
// its number, the sign of a diff or of a quotation, and what is around them, plain or
// escaped for JSON.
func lineFront(b []byte, i int) int {
	for end := min(len(b), i+maxFront); i < end; {
		n := breakLen(b[i:])
		switch {
		case n > 0:
		case '0' <= b[i] && b[i] <= '9' || bytes.IndexByte([]byte("+-:|>#*"), b[i]) >= 0:
			n = 1
		default:
			for _, arrow := range [...]string{"→", `\u2192`, `\\u2192`} {
				if m, ok := hasPrefix(b[i:], arrow); ok {
					n = m // also a part of it, at the end of what is there
				}
			}
		}
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// isPrivate reports whether a label, with the space before it, is that of a
// private key.
func isPrivate(label []byte) bool {
	return bytes.HasSuffix(label, []byte(" PRIVATE KEY")) || bytes.HasSuffix(label, []byte(" PRIVATE KEY BLOCK"))
}

// keyLine wants a line of base64 at b[line:] that is neither an example nor an
// OpenSSH key, which has a rule of its own.
func keyLine(b []byte, line int, final bool) (int, int, verdict) {
	n := base64Line.span(b, line, line+maxKeyLine)
	if n == len(b) && !final && n < line+maxKeyLine {
		return 0, 0, more
	}
	body := b[line:n]
	if len(body) < minKeyLine || isExample(body, minKeyLine) || bytes.HasPrefix(body, []byte(openSSHMagic)) || isPublished(body[:min(len(body), pemLine)]) {
		return 0, 0, miss
	}
	return 0, n, match
}

// isKeyPiece reports whether a part of a match of a key is enough of its body.
func isKeyPiece(piece []byte) bool {
	return len(piece) >= minKeyLine && base64Line.span(piece, 0, len(piece)) == len(piece) && !isExample(piece, minKeyLine)
}

// lineBreak returns where the white space at b[i:] ends, plain or escaped for
// JSON or a URL, and whether b goes on far enough to tell.
func lineBreak(b []byte, i int) (int, bool) {
	for start := i; i-start < maxBreak; {
		if len(b)-i < 4 && !plainEnd(b[i:]) {
			return breakPart(b, i), false
		}
		n := breakLen(b[i:])
		if n == 0 {
			return i, true
		}
		i += n
	}
	return i, true
}

// plainEnd reports whether a rest of less than four bytes starts with what is
// not white space in any form.
func plainEnd(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch b[0] {
	case ' ', '\t', '\r', '\n', '\\', '%':
		return false
	}
	return true
}

// breakPart skips what is there of white space at the end of b.
func breakPart(b []byte, i int) int {
	for i < len(b) {
		n := breakLen(b[i:])
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// breakLen returns the length of one white space at the start of b.
func breakLen(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n':
		return 1
	case b[0] == '\\' && len(b) >= 2 && (b[1] == 'n' || b[1] == 'r' || b[1] == 't'):
		return 2
	case b[0] == '\\' && len(b) >= 3 && b[1] == '\\' && (b[2] == 'n' || b[2] == 'r' || b[2] == 't'):
		return 3
	case b[0] == '%' && len(b) >= 3 && (b[1] == '0' && (b[2]|0x20 == 'a' || b[2]|0x20 == 'd' || b[2] == '9') || b[1] == '2' && b[2] == '0'):
		return 3
	}
	return 0
}

// openSSHKey wants the magic and most of a line behind it.
func openSSHKey(b []byte, body int, final bool) (int, int, verdict) {
	n := base64Line.span(b, body, maxKeyLine)
	if n == len(b) && !final && n < maxKeyLine {
		return 0, 0, more
	}
	if n < minOpenSSH {
		return 0, 0, miss
	}
	return 0, n, match
}

// jsonWebToken wants three parts, the first a header that names its algorithm.
// A token that goes on beyond maxJWT is judged by its first two parts.
func jsonWebToken(b []byte, _ int, final bool) (int, int, verdict) {
	header := dashed.span(b, 0, maxJWTHeader+1)
	switch {
	case header > maxJWTHeader:
		return 0, 0, miss
	case header == len(b):
		return short(final)
	case b[header] != '.':
		return 0, 0, miss
	}
	if !namesAlgorithm(b[:header]) {
		return 0, 0, miss
	}
	payload := dashed.span(b, header+1, maxJWT)
	p, ok := hasPrefix(b[header+1:], "eyJ")
	switch {
	case ok && p < 3:
		return short(final)
	case !ok && payload < len(b) && payload-header-1 < minOpaque:
		return 0, 0, miss
	}
	switch {
	case payload == maxJWT:
		return 0, maxJWT, match
	case payload == len(b):
		return short(final)
	case b[payload] != '.':
		return 0, 0, miss
	}
	signature := dashed.span(b, payload+1, maxJWT)
	switch {
	case signature == maxJWT:
		return 0, maxJWT, match
	case signature == len(b) && !final:
		return 0, 0, more
	case signature-payload-1 < minSignature || isExample(b[payload+1:signature], minSignature):
		return 0, 0, miss
	}
	return 0, signature, match
}

// namesAlgorithm reports whether the base64 of a JSON text has the key alg.
func namesAlgorithm(part []byte) bool {
	var text [maxJWTHeader]byte
	n, err := base64.RawURLEncoding.Decode(text[:], part)
	return err == nil && bytes.Contains(text[:n], []byte(`"alg"`))
}
