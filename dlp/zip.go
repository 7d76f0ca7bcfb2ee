package dlp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
)

// The parts of a zip archive (APPNOTE.TXT, section 4.3).
const (
	zipMember     = "PK\x03\x04"
	zipMemberSize = 30

	zipEncrypted  = 1 << 0
	zipDescriptor = 1 << 3

	maxDescriptor = 24

	zipUnknownSize = -1
)

// zipSignatures may stand behind a member.
var zipSignatures = map[string]bool{
	zipMember: true, "PK\x01\x02": true, "PK\x05\x06": true, "PK\x06\x06": true, "PK\x06\x08": true,
}

// zipHeader is what the local header of a member says.
type zipHeader struct {
	flags, method uint16
	size          int64 // compressed, or zipUnknownSize
	name, extra   []byte
}

// unzip reads the members of an archive one after the other by their local
// headers, up to the directory at its end. Names and extra fields are given to
// sink, each on a line of its own. What cannot be decoded is noted, and passed
// over where its length is known.
func (f *inflater) unzip(in *bufio.Reader) error {
	for members := 0; ; members++ {
		sign, err := in.Peek(4)
		if string(sign) != zipMember {
			switch {
			case errors.Is(err, io.EOF) && (members == 0 || len(sign) > 0):
				return io.ErrUnexpectedEOF
			case err != nil && !errors.Is(err, io.EOF):
				return err
			case members == 0:
				return ErrCorrupt
			}
			return nil
		}
		h, err := readZipHeader(in)
		if err != nil {
			return err
		}
		for _, text := range [...][]byte{h.name, h.extra} {
			if err := f.emitLine(text); err != nil {
				return err
			}
		}
		if err := f.unzipMember(in, h); err != nil {
			return err
		}
	}
}

func (f *inflater) emitLine(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if err := f.emit(newline); err != nil {
		return err
	}
	for len(text) > 0 {
		n := min(len(text), inflateOut)
		if err := f.emit(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return f.emit(newline)
}

var newline = []byte("\n")

func readZipHeader(in *bufio.Reader) (zipHeader, error) {
	var raw [zipMemberSize]byte
	if _, err := io.ReadFull(in, raw[:]); err != nil {
		return zipHeader{}, err
	}
	h := zipHeader{flags: binary.LittleEndian.Uint16(raw[6:]), method: binary.LittleEndian.Uint16(raw[8:])}
	size := binary.LittleEndian.Uint32(raw[18:])
	h.size = int64(size)
	text := make([]byte, int(binary.LittleEndian.Uint16(raw[26:]))+int(binary.LittleEndian.Uint16(raw[28:])))
	if _, err := io.ReadFull(in, text); err != nil {
		return zipHeader{}, err
	}
	n := binary.LittleEndian.Uint16(raw[26:])
	h.name, h.extra = text[:n], text[n:]
	switch {
	case size == 0xffffffff:
		h.size = zip64Size(h.extra)
	case h.flags&zipDescriptor != 0 && size == 0:
		h.size = zipUnknownSize
	}
	return h, nil
}

// zip64Size finds the compressed size in the extra fields (section 4.5.3).
func zip64Size(extra []byte) int64 {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			break
		}
		if id == 1 && n >= 16 {
			size := int64(binary.LittleEndian.Uint64(extra[8:]))
			if size > 0 {
				return size
			}
			break
		}
		extra = extra[n:]
	}
	return zipUnknownSize
}

const (
	zipStored  = 0
	zipDeflate = 8
	zipBzip2   = 12
	zipZstd    = 93
)

// unzipMember reads the data of a member and what stands behind it.
func (f *inflater) unzipMember(in *bufio.Reader, h zipHeader) error {
	var reason error
	kind := codecNone
	switch {
	case h.flags&zipEncrypted != 0:
		reason = ErrEncrypted
	case h.method == zipStored, h.method == zipDeflate:
	case h.method == zipZstd:
		kind = codecZstd
	case h.method == zipBzip2 && h.size >= 0:
		kind = codecBzip2
	default:
		reason = ErrUnknownEncoding
	}
	if h.size < 0 {
		switch {
		case reason != nil:
			return reason // nobody knows where the next one starts
		case h.method == zipDeflate:
			reason = f.inflate(in)
		case h.method == zipStored:
			reason = f.stored(in)
		default:
			reason = f.decode(kind, in)
		}
		if reason != nil {
			return reason
		}
		return skipDescriptor(in)
	}
	limited := &io.LimitedReader{R: in, N: h.size}
	if reason == nil {
		reason = f.sizedMember(limited, h.method, kind)
	}
	if reason != nil {
		if decodeError(reason) == nil || isFatal(reason) {
			return reason
		}
		f.fail(reason)
	}
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return err
	}
	if limited.N > 0 {
		return io.ErrUnexpectedEOF
	}
	if h.flags&zipDescriptor != 0 {
		return skipDescriptor(in)
	}
	return nil
}

// isFatal reports whether nothing behind err can be decoded either.
func isFatal(err error) bool { return errors.Is(err, ErrBudget) }

func (f *inflater) sizedMember(in *io.LimitedReader, method uint16, kind codec) error {
	if method == zipStored {
		return f.pump(in)
	}
	buffered := bufio.NewReaderSize(in, inflateIn)
	if method == zipDeflate {
		return f.inflate(flate.Reader(buffered))
	}
	return f.decode(kind, buffered)
}

// stored passes a member without a size on, up to the signature of what is
// behind it. That its descriptor passes too does no harm.
func (f *inflater) stored(in *bufio.Reader) error {
	for {
		b, err := in.Peek(max(4, in.Buffered()))
		n, found := zipEnd(b)
		if err != nil && !found {
			n = len(b)
		}
		if e := f.emit(b[:n]); e != nil {
			return e
		}
		_, _ = in.Discard(n)
		if found {
			return nil
		}
		if err != nil {
			return early(err)
		}
	}
}

// zipEnd returns where a signature is in b, or up to where none can be.
func zipEnd(b []byte) (int, bool) {
	for i := 0; i+4 <= len(b); i++ {
		if b[i] == 'P' && zipSignatures[string(b[i:i+4])] {
			return i, true
		}
	}
	return max(0, len(b)-3), false
}

// skipDescriptor skips the sizes behind a member (section 4.3.9), which are of
// either width and may have a signature: what follows them tells.
func skipDescriptor(in *bufio.Reader) error {
	b, err := in.Peek(maxDescriptor + 4)
	if err != nil && err != io.EOF {
		return err
	}
	for _, n := range [...]int{0, 12, 16, 20, 24} {
		if n+4 <= len(b) && zipSignatures[string(b[n:n+4])] {
			_, err := in.Discard(n)
			return err
		}
	}
	_, err = in.Discard(min(16, len(b)))
	return err
}
