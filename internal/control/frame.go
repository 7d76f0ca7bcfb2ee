package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// kind is the first byte of a frame.
type kind byte

// The frames. A connection carries one operation: the client's request, then
// either messages and the reply, or, for opStart, the reply and the frames of
// the running command until its exit.
const (
	kindRequest kind = iota + 1 // to the server: JSON of a request
	kindMessage                 // to the client: JSON, before the reply
	kindReply                   // to the client: JSON of a reply
	kindData                    // either way: a stream's number and bytes
	kindEnd                     // a stream's number: no more bytes; from the reader of a stream: it takes no more
	kindCredit                  // a stream's number and uint32: that many bytes were read
	kindResize                  // to the server: rows and columns as uint16
	kindSignal                  // to the server: a signal's number
	kindExit                    // to the client: JSON of an exit, the last frame
)

const (
	frameHeader = 5        // kind, and the payload's length as big-endian uint32
	maxData     = 32 << 10 // bytes of a stream in one frame
	maxMessage  = 1 << 20  // bytes of JSON in one frame
)

// sizes are the shortest and longest payload of each kind.
var sizes = [...]struct{ min, max int }{
	kindRequest: {2, maxMessage},
	kindMessage: {1, maxMessage},
	kindReply:   {2, maxMessage},
	kindData:    {2, 1 + maxData},
	kindEnd:     {1, 1},
	kindCredit:  {5, 5},
	kindResize:  {4, 4},
	kindSignal:  {1, 1},
	kindExit:    {2, maxMessage},
}

// errFrame is wrapped by the errors about bytes that are no frame, or a frame
// that does not belong there.
var errFrame = errors.New("control protocol violated")

type frame struct {
	kind    kind
	payload []byte
}

// readFrame reads a frame. The payload lies in buf, which is returned for the
// next call, grown if it had to be: only as bytes come in, so that a length
// alone costs nothing. At a clean end between frames the error is io.EOF.
func readFrame(r io.Reader, buf []byte) (frame, []byte, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, buf, err
	}
	f := frame{kind: kind(head[0])}
	n := binary.BigEndian.Uint32(head[1:])
	if err := checkSize(f.kind, uint64(n)); err != nil {
		return frame{}, buf, err
	}
	buf = buf[:0]
	for left := int(n); left > 0; {
		step := min(left, maxData+1)
		at := len(buf)
		if cap(buf)-at < step {
			buf = append(buf, make([]byte, step)...)
		}
		buf = buf[:at+step]
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return frame{}, buf, err
		}
		left -= step
	}
	f.payload = buf
	return f, buf, nil
}

func checkSize(k kind, n uint64) error {
	if k == 0 || int(k) >= len(sizes) {
		return fmt.Errorf("%w: frame of unknown kind %d", errFrame, k)
	}
	if s := sizes[k]; n < uint64(s.min) || n > uint64(s.max) {
		return fmt.Errorf("%w: frame of kind %d with %d bytes, want %d to %d", errFrame, k, n, s.min, s.max)
	}
	return nil
}

// appendFrame appends a frame whose payload is in two parts.
func appendFrame(dst []byte, k kind, first, second []byte) ([]byte, error) {
	n := len(first) + len(second)
	if err := checkSize(k, uint64(n)); err != nil {
		return dst, err
	}
	dst = append(dst, byte(k))
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = append(dst, first...)
	return append(dst, second...), nil
}

// stream numbers the streams of a command.
type stream byte

const (
	streamIn  stream = 0
	streamOut stream = 1
	streamErr stream = 2
)

func (f frame) stream() (stream, []byte, error) {
	s := stream(f.payload[0])
	if s > streamErr {
		return 0, nil, fmt.Errorf("%w: stream %d", errFrame, s)
	}
	return s, f.payload[1:], nil
}
