package mitm

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

const (
	// maxClientHello bounds a ClientHello. Post-quantum key shares take about
	// 2 KB; crypto/tls reads at most 64 KiB too.
	maxClientHello = 64 << 10
	// maxHelloRecords bounds the records that it may be cut into, each of which
	// costs 5 bytes of header.
	maxHelloRecords = 64
)

// ErrNotTLS means that a connection did not begin with a TLS handshake record
// that holds a ClientHello.
var ErrNotTLS = errors.New("mitm: not a TLS ClientHello")

// ClientHello is the first message of a TLS client (RFC 8446, section 4.1.2),
// as far as a proxy that passes the connection through needs it.
type ClientHello struct {
	// ServerName is the SNI in canonical form (lower case), or "" when the
	// client sent none. With ECH it is the outer, public name.
	ServerName string
	// SentName is the SNI as it was sent, in any letters.
	SentName string
	// ALPN is what the client offers to speak, in its order.
	ALPN []string
	// ECH says that the hello has an encrypted part, which may hold another
	// server name. Many clients send a fake one (GREASE), so this alone is no
	// reason to refuse a connection.
	ECH bool
	// Raw is all that was read, to be forwarded as it is.
	Raw []byte
}

// ReadClientHello reads one ClientHello and not a byte more. A deadline is the
// caller's to set.
//
// It fails with ErrNotTLS as soon as what it reads is something else, with
// io.EOF when nothing came, and with another error when the hello is malformed,
// longer than 64 KiB or cut off. The result is never nil: its Raw has what was
// read until then.
//
// The parser is strict, as a server that reads the hello differently than we do
// would get round a check of the name: an extension twice, a second name, bytes
// behind the message, or a name that is not a host's are errors.
func ReadClientHello(r io.Reader) (*ClientHello, error) {
	h := &ClientHello{}
	msg, err := h.readMessage(r)
	if err != nil {
		return h, err
	}
	if err := h.parse(msg); err != nil {
		return h, fmt.Errorf("mitm: malformed ClientHello: %w", err)
	}
	return h, nil
}

// read appends exactly n bytes to Raw and returns them.
func (h *ClientHello) read(r io.Reader, n int) ([]byte, error) {
	begin := len(h.Raw)
	h.Raw = append(h.Raw, make([]byte, n)...)
	got, err := io.ReadFull(r, h.Raw[begin:])
	h.Raw = h.Raw[:begin+got]
	if errors.Is(err, io.EOF) && begin > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		if begin+got > 0 {
			err = fmt.Errorf("mitm: the ClientHello is cut off: %w", err)
		}
		return nil, err
	}
	return h.Raw[begin:], nil
}

// readMessage puts the message together from its records (RFC 8446, section
// 5.1). It returns the body of the ClientHello.
func (h *ClientHello) readMessage(r io.Reader) ([]byte, error) {
	const (
		recordHandshake = 0x16
		messageHello    = 1
		maxRecord       = 1 << 14
		header          = 4 // of a handshake message: type and length
	)
	var msg []byte
	size := -1
	for records := 0; size < 0 || len(msg) < header+size; records++ {
		if records == maxHelloRecords {
			return nil, fmt.Errorf("mitm: the ClientHello is in more than %d records", maxHelloRecords)
		}
		// One byte first: a client of another protocol may wait for an answer.
		typ, err := h.read(r, 1)
		if err != nil {
			return nil, err
		}
		if typ[0] != recordHandshake {
			return nil, ErrNotTLS
		}
		head, err := h.read(r, 4)
		if err != nil {
			return nil, err
		}
		length := int(head[2])<<8 | int(head[3])
		if head[0] != 3 || length == 0 || length > maxRecord {
			return nil, ErrNotTLS
		}
		fragment, err := h.read(r, length)
		if err != nil {
			return nil, err
		}
		msg = append(msg, fragment...)
		if msg[0] != messageHello {
			return nil, ErrNotTLS
		}
		if size < 0 && len(msg) >= header {
			if size = int(msg[1])<<16 | int(msg[2])<<8 | int(msg[3]); size > maxClientHello {
				return nil, fmt.Errorf("mitm: the ClientHello is longer than %d KiB", maxClientHello>>10)
			}
		}
	}
	if len(msg) > header+size {
		return nil, errors.New("mitm: malformed ClientHello: something follows it in its record")
	}
	return msg[header:], nil
}

// parse reads the body of a ClientHello.
func (h *ClientHello) parse(body []byte) error {
	s := cryptobyte.String(body)
	var session, suites, compressions, extensions cryptobyte.String
	if !s.Skip(2+32) || // version, random
		!s.ReadUint8LengthPrefixed(&session) || len(session) > 32 ||
		!s.ReadUint16LengthPrefixed(&suites) || len(suites) == 0 || len(suites)%2 != 0 ||
		!s.ReadUint8LengthPrefixed(&compressions) || len(compressions) == 0 {
		return errors.New("its fixed part does not add up")
	}
	if s.Empty() {
		return nil // TLS 1.2 knows hellos without extensions
	}
	if !s.ReadUint16LengthPrefixed(&extensions) || !s.Empty() {
		return errors.New("its extensions do not add up")
	}
	seen := map[uint16]bool{}
	for !extensions.Empty() {
		var typ uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&typ) || !extensions.ReadUint16LengthPrefixed(&data) {
			return errors.New("its extensions do not add up")
		}
		if seen[typ] {
			return fmt.Errorf("extension %d comes twice", typ)
		}
		seen[typ] = true
		if err := h.extension(typ, data); err != nil {
			return err
		}
	}
	return nil
}

func (h *ClientHello) extension(typ uint16, data cryptobyte.String) (err error) {
	const (
		extensionServerName = 0      // RFC 6066, section 3
		extensionALPN       = 16     // RFC 7301, section 3.1
		extensionECH        = 0xfe0d // RFC 9849, section 5
	)
	switch typ {
	case extensionServerName:
		h.ServerName, h.SentName, err = parseServerName(data)
	case extensionALPN:
		h.ALPN, err = parseALPN(data)
	case extensionECH:
		var outer uint8
		if !data.ReadUint8(&outer) || outer != 0 {
			return errors.New("its encrypted ClientHello is not an outer one")
		}
		h.ECH = true
	}
	return err
}

func parseServerName(data cryptobyte.String) (host, sent string, err error) {
	var names, name cryptobyte.String
	var typ uint8
	if !data.ReadUint16LengthPrefixed(&names) || !data.Empty() ||
		!names.ReadUint8(&typ) || !names.ReadUint16LengthPrefixed(&name) || !names.Empty() || typ != 0 {
		return "", "", errors.New("its server name extension does not hold one host name")
	}
	sent = string(name)
	host = strings.ToLower(sent)
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" && addr.Unmap().String() == host {
		return host, sent, nil // not allowed, but some clients send it
	}
	if err := checkName(host); err != nil {
		return "", "", fmt.Errorf("its server name: %w", err)
	}
	return host, sent, nil
}

func parseALPN(data cryptobyte.String) ([]string, error) {
	var list cryptobyte.String
	if !data.ReadUint16LengthPrefixed(&list) || list.Empty() || !data.Empty() {
		return nil, errors.New("its ALPN extension does not add up")
	}
	var protocols []string
	for !list.Empty() {
		var p cryptobyte.String
		if !list.ReadUint8LengthPrefixed(&p) || p.Empty() {
			return nil, errors.New("its ALPN extension does not add up")
		}
		protocols = append(protocols, string(p))
	}
	return protocols, nil
}
