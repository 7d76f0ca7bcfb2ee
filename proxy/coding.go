package proxy

import (
	"bufio"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory of one zstd decoder (RFC 9659 asks clients to
// accept 8 MiB).
const maxWindow = 8 << 20

// contentCoding is what Content-Encoding says in all its lines, or "" for a body
// that is as it is.
func contentCoding(h http.Header) string {
	if len(h["Content-Encoding"]) == 0 {
		return ""
	}
	var codings []string
	for name := range strings.SplitSeq(strings.Join(h["Content-Encoding"], ","), ",") {
		if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "identity") {
			codings = append(codings, name)
		}
	}
	return strings.Join(codings, ", ")
}

// newDecoder returns the decompressed form of a body with one Content-Encoding
// (RFC 9110, section 8.4.1; RFC 8878; RFC 7932). It reads src as it is asked,
// and only from the goroutine that reads.
func newDecoder(coding string, src io.Reader) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(coding)) {
	case "gzip", "x-gzip":
		return &lazyDecoder{open: func() (io.Reader, error) { return gzip.NewReader(src) }}, nil
	case "deflate":
		return &lazyDecoder{open: func() (io.Reader, error) { return openDeflate(src) }}, nil
	case "br":
		return brotli.NewReader(src), nil
	case "zstd":
		return zstd.NewReader(src, zstdOptions...)
	default:
		return nil, fmt.Errorf("the coding is not one of gzip, deflate, br, zstd")
	}
}

// zstdOptions are those of every decoder. With a concurrency of 1 it starts no
// goroutines and needs no Close.
var zstdOptions = []zstd.DOption{zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true)}

// isZlib reports whether data begins like zlib's (RFC 1950, section 2.2).
func isZlib(head []byte) bool {
	return head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// openDeflate reads what servers call deflate: zlib as the RFC says, or the
// raw format that some send.
func openDeflate(src io.Reader) (io.Reader, error) {
	br := bufio.NewReader(src)
	head, err := br.Peek(2)
	if err == nil && isZlib(head) {
		return zlib.NewReader(br)
	}
	return flate.NewReader(br), nil
}

// lazyDecoder reads nothing before it is read itself.
type lazyDecoder struct {
	open func() (io.Reader, error)
	r    io.Reader
}

func (d *lazyDecoder) Read(p []byte) (int, error) {
	if d.r == nil {
		r, err := d.open()
		if err != nil {
			return 0, err
		}
		d.r = r
	}
	return d.r.Read(p)
}

// decodable are the codings that answers may have where they must be searched.
var decodable = []string{"gzip", "deflate", "br", "zstd", "identity"}

// limitCodings keeps answers searchable: it cuts Accept-Encoding to what
// newDecoder understands, and asks for no part of a body, since a value could be
// read back in pieces that none of them shows (a server may ignore Range, RFC
// 9110, section 14.2), nor for messages that are compressed one by one.
func (x *exchange) limitCodings(h http.Header) {
	for _, name := range [...]string{"Range", "If-Range", "Request-Range", "X-Ms-Range"} { // as servers know it, and Azure's own
		delete(h, name)
	}
	for _, name := range []string{"Grpc-Accept-Encoding", "Connect-Accept-Encoding"} {
		if h.Get(name) != "" {
			h.Set(name, "identity")
		}
	}
	values, ok := h["Accept-Encoding"]
	if !ok {
		return
	}
	var keep []string
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, _, _ := strings.Cut(part, ";")
		for _, d := range decodable {
			if strings.EqualFold(strings.TrimSpace(name), d) {
				keep = append(keep, strings.TrimSpace(part))
			}
		}
	}
	if len(keep) == 0 {
		keep = []string{"identity"}
	}
	h.Set("Accept-Encoding", strings.Join(keep, ", "))
}

// messageCoding returns the coding of the single messages of an answer (gRPC,
// Connect), or "".
func messageCoding(h http.Header) string {
	for _, name := range []string{"Grpc-Encoding", "Connect-Content-Encoding"} {
		if v := h.Get(name); v != "" && !strings.EqualFold(v, "identity") {
			return v
		}
	}
	return ""
}

// scannedMessage reports whether the scanner finds messages with a coding in a body by
// what they begin with.
func scannedMessage(coding string) bool {
	switch strings.ToLower(coding) {
	case "gzip", "deflate", "zstd":
		return true
	}
	return false
}

func refuseMessages(coding string) *denial {
	return &denial{status: http.StatusBadRequest, rule: "content-encoding", message: fmt.Sprintf(
		"the messages in the request body are compressed (%s), so they cannot be scanned; send them uncompressed, or as gzip", headerText(coding))}
}
