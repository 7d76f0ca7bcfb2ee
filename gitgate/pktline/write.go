package pktline

import "io"

// The packets that are only a sign.
const (
	FlushPacket       = "0000"
	DelimPacket       = "0001"
	ResponseEndPacket = "0002"
)

const hexDigits = "0123456789abcdef"

// Append appends a packet with a payload of at most MaxPayload bytes, and
// panics if there are more: whoever writes knows what.
func Append[T ~string | ~[]byte](dst []byte, payload T) []byte {
	n := len(payload) + 4
	if n > maxPacket {
		panic("pktline: a payload of more than MaxPayload bytes")
	}
	dst = append(dst, hexDigits[n>>12], hexDigits[n>>8&15], hexDigits[n>>4&15], hexDigits[n&15])
	return append(dst, payload...)
}

// AppendError appends the packet that a client prints and ends with, wherever it
// waits for another (gitprotocol-pack(5), "ERR"). The text is cleaned as by
// CleanReason, but may be of up to 1000 characters.
func AppendError(dst []byte, text string) []byte {
	return Append(dst, "ERR "+clean(text, maxErrorText)+"\n")
}

const maxErrorText = 1000

// The side-bands.
const (
	BandData     = 1 // what was asked for
	BandProgress = 2 // text that the client prints behind "remote: "
	BandError    = 3 // text that it prints before it ends
)

// MaxSideband is the most bytes of one band in a packet of side-band-64k.
const MaxSideband = MaxPayload - 1

// Sideband writes to one band of side-band-64k, in as many packets as that takes.
// It ends nothing: a FlushPacket behind the last does. A write below is a whole
// packet; two bands of one connection need a lock around each Write.
type Sideband struct {
	w    io.Writer
	band byte
	buf  []byte
}

// NewSideband returns a writer to a band of w.
func NewSideband(w io.Writer, band byte) *Sideband { return &Sideband{w: w, band: band} }

// Write writes p, and nothing for no bytes.
func (s *Sideband) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := min(len(p)-done, MaxSideband)
		if err := s.packet(p[done : done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// KeepAlive writes a packet without content, so that a client or a proxy between
// sees that someone is still at work.
func (s *Sideband) KeepAlive() error { return s.packet(nil) }

func (s *Sideband) packet(p []byte) error {
	n := len(p) + 5
	s.buf = append(s.buf[:0], hexDigits[n>>12], hexDigits[n>>8&15], hexDigits[n>>4&15], hexDigits[n&15], s.band)
	s.buf = append(s.buf, p...)
	_, err := s.w.Write(s.buf)
	return err
}

// Demux reads the first band of r up to the flush, where it is at its end.
type Demux struct {
	r        *Reader
	progress func(text []byte)
	rest     []byte
	err      error
}

// NewDemux returns a reader of the first band. The text of the second goes to
// progress, which may be nil and may not keep it. That of the third is a
// *RemoteError.
func NewDemux(r *Reader, progress func(text []byte)) *Demux {
	return &Demux{r: r, progress: progress}
}

// Read implements io.Reader. The end of the input before the flush is
// io.ErrUnexpectedEOF.
func (d *Demux) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.err = d.next()
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *Demux) next() error {
	kind, payload, err := d.r.Next()
	switch {
	case err == io.EOF: //nolint:errorlint // Next returns it as it is
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case kind == Flush:
		return io.EOF
	case kind != Data || len(payload) == 0:
		return malformed("a packet of no band between those of bands")
	}
	switch band, text := payload[0], payload[1:]; band {
	case BandData:
		d.rest = text
	case BandProgress:
		if d.progress != nil {
			d.progress(text)
		}
	case BandError:
		return &RemoteError{CleanReason(string(text))}
	default:
		return malformed("there is no band %d", band)
	}
	return nil
}
