package wsframe

import (
	"encoding/binary"
	"unicode/utf8"
)

// The status codes that a close frame is sent with (RFC 6455, section 7.4.1).
const (
	CodeGoingAway = 1001
	CodeProtocol  = 1002
	CodeNotText   = 1007
	CodePolicy    = 1008
)

// MaxReason is the longest reason of a close frame in bytes.
const MaxReason = MaxControl - 2

// CheckClose refuses the payload of a close frame that no end may send.
func CheckClose(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	if len(payload) == 1 {
		return broken("half of a status code")
	}
	switch code := binary.BigEndian.Uint16(payload); {
	case code >= 3000 && code <= 4999, code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
	default:
		return broken("a status code that must not be sent")
	}
	if !utf8.Valid(payload[2:]) {
		return &Error{CodeNotText, "the reason of a close is not UTF-8"}
	}
	return nil
}

// ClosePayload is that of a close frame. A reason that is too long is cut.
func ClosePayload(code int, reason string) []byte {
	if len(reason) > MaxReason {
		cut := MaxReason - len("…")
		for !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut] + "…"
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}

// utf8Check validates text that comes in parts, which may cut a character.
type utf8Check struct {
	open [utf8.UTFMax]byte // the beginning of a character
	n    int
}

// take reports whether the text is valid so far; at its end, no character may be
// open.
func (u *utf8Check) take(b []byte, end bool) bool {
	for u.n > 0 && len(b) > 0 {
		u.open[u.n] = b[0]
		u.n++
		b = b[1:]
		if !utf8.FullRune(u.open[:u.n]) {
			continue
		}
		if !utf8.Valid(u.open[:u.n]) {
			return false
		}
		u.n = 0
	}
	whole := len(b)
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				whole = i
			}
			break
		}
	}
	if !utf8.Valid(b[:whole]) {
		return false
	}
	u.n += copy(u.open[u.n:], b[whole:])
	return !end || u.n == 0
}
