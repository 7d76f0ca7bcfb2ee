// Package wsframe reads and writes the frames of WebSocket (RFC 6455), for a
// proxy that stands between two ends. It is strict: no extension was agreed on,
// so no reserved bit may be set; lengths have their shortest form; control frames
// are whole and short; text is UTF-8.
//
// gorilla/websocket, which is an end and not a middle, joins the fragments of a
// message before anyone sees them, answers pings and closes itself, and hands a
// frame on only when its reader asks. A proxy has to keep all of that as it came.
package wsframe

import (
	"encoding/binary"
	"fmt"
)

// Op is the meaning of a frame (RFC 6455, section 5.2).
type Op byte

// The operations.
const (
	Continuation Op = 0
	Text         Op = 1
	Binary       Op = 2
	Close        Op = 8
	Ping         Op = 9
	Pong         Op = 10
)

// Control reports whether a frame may stand between those of a message.
func (o Op) Control() bool { return o >= Close }

const (
	// MaxHeader is the longest header of a frame in bytes.
	MaxHeader = 14
	// MaxControl is the longest payload of a control frame in bytes.
	MaxControl = 125
)

// Error is a break of the protocol, with the status code that a close frame
// tells it by.
type Error struct {
	Code   int
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("websocket: %s (%d)", e.Reason, e.Code) }

func broken(reason string) *Error { return &Error{CodeProtocol, reason} }

// Header is what stands before the payload of a frame.
type Header struct {
	Fin    bool
	Op     Op
	Masked bool
	Key    [4]byte // that the payload is masked with
	Length int64
}

// Append appends the header in the form it is sent in.
func (h Header) Append(dst []byte) []byte {
	first, mask := byte(h.Op), byte(0)
	if h.Fin {
		first |= 0x80
	}
	if h.Masked {
		mask = 0x80
	}
	switch {
	case h.Length <= 125:
		dst = append(dst, first, mask|byte(h.Length))
	case h.Length <= 0xffff:
		dst = append(dst, first, mask|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Length))
	default:
		dst = append(dst, first, mask|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// parseHeader reads a header from the beginning of b. Of one that is not there
// in full, n is 0.
func parseHeader(b []byte) (h Header, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.Fin, h.Op, h.Masked = b[0]&0x80 != 0, Op(b[0]&0x0f), b[1]&0x80 != 0
	switch {
	case b[0]&0x70 != 0:
		return h, 0, broken("a reserved bit is set, and no extension was agreed on")
	case h.Op > Pong, h.Op > Binary && h.Op < Close:
		return h, 0, broken("an operation that is not known")
	}
	short := int64(b[1] & 0x7f)
	if h.Op.Control() && (!h.Fin || short > MaxControl) {
		return h, 0, broken("a control frame that is fragmented or too long")
	}
	n = 2
	switch short {
	case 126:
		if n = 4; len(b) >= n {
			h.Length = int64(binary.BigEndian.Uint16(b[2:]))
		}
	case 127:
		if n = 10; len(b) >= n {
			h.Length = int64(binary.BigEndian.Uint64(b[2:])) // a negative one is refused below
		}
	default:
		h.Length = short
	}
	if len(b) >= n && (h.Length < 0 || short == 126 && h.Length < 126 || short == 127 && h.Length <= 0xffff) {
		return h, 0, broken("a length that does not have its shortest form")
	}
	if h.Masked {
		n += 4
	}
	if len(b) < n {
		return h, 0, nil
	}
	if h.Masked {
		h.Key = [4]byte(b[n-4:])
	}
	return h, n, nil
}

// Mask masks or unmasks b, which stands at an offset of its payload.
func Mask(key [4]byte, offset int64, b []byte) {
	k := [8]byte{}
	for i := range k {
		k[i] = key[(offset+int64(i))&3]
	}
	wide := binary.LittleEndian.Uint64(k[:])
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= k[i]
	}
}
