// Package pktline is the wire of git's smart protocols, as far as a gate between
// a client and a server has to understand it: the packets (gitprotocol-common(5)),
// the side-bands, and what is said around a push (gitprotocol-pack(5)): the
// capabilities that a server offers, the list of commands, the report.
//
// It is strict where git is lax, since what is judged here is written anew for the
// server: two readers of one text must not come to two meanings. No error but a
// RemoteError holds anything of what was read, which may be a secret.
//
// go-git's reader of command lists splits at every kind of Unicode space, so that
// what it checks is not what a server gets, and its side-band writer fails on
// more than one packet.
package pktline

import (
	"errors"
	"fmt"
	"io"
)

const (
	// MaxPayload is the most bytes of data in a packet.
	MaxPayload = maxPacket - 4
	maxPacket  = 65520
)

// ErrMalformed is what errors about the form of something wrap. Others are of the
// reader below, or a *RemoteError.
var ErrMalformed = errors.New("not git's protocol")

// RemoteError is what a server says instead of going on.
type RemoteError struct {
	// Text is its own, as CleanReason leaves it.
	Text string
}

func (e *RemoteError) Error() string { return "the server says: " + e.Text }

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Kind tells what a packet is.
type Kind uint8

// The kinds of packets. Data has a payload, which may be empty.
const (
	Data Kind = iota
	Flush
	Delim
	ResponseEnd
)

// Reader reads packets. It never reads past the end of one, so that what follows
// the last can be read from the reader below: give it one with a buffer.
type Reader struct {
	r   io.Reader
	buf []byte
}

// NewReader returns a Reader of r. It holds up to 64 KiB.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next reads a packet. The payload is valid until the next call. The error is
// io.EOF where the input ends between packets, and io.ErrUnexpectedEOF where it
// ends in one.
func (r *Reader) Next() (Kind, []byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return Data, nil, err
	}
	n := length(head)
	switch {
	case n < 0:
		return Data, nil, malformed("the length of a packet is not four hexadecimal digits")
	case n == 0:
		return Flush, nil, nil
	case n == 1:
		return Delim, nil, nil
	case n == 2:
		return ResponseEnd, nil, nil
	case n < 4 || n > maxPacket:
		return Data, nil, malformed("no packet is %d bytes long", n)
	}
	n -= 4
	if n > cap(r.buf) {
		r.buf = make([]byte, n, max(n, min(2*n, MaxPayload)))
	}
	p := r.buf[:n]
	if _, err := io.ReadFull(r.r, p); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Data, nil, err
	}
	return Data, p, nil
}

// length reads four hexadecimal digits; -1 if it is not that.
func length(head [4]byte) (n int) {
	for _, c := range head {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		n = n<<4 | int(c)
	}
	return n
}

// line takes the line feed off a text that may end in one.
func line(p []byte) []byte {
	if n := len(p); n > 0 && p[n-1] == '\n' {
		return p[:n-1]
	}
	return p
}
