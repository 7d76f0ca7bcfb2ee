package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2raw is one end of an HTTP/2 connection that is told frame by frame what to
// send.
type h2raw struct {
	w    *way
	fr   *http2.Framer
	enc  *hpack.Encoder
	buf  bytes.Buffer
	seen map[uint32][]string // what came on a stream
	done map[uint32]bool     // it has ended
	data map[uint32]int      // bytes of DATA that came
	away *http2.GoAwayFrame
}

func newH2raw(w *way, c net.Conn) *h2raw {
	h := &h2raw{w: w, fr: http2.NewFramer(c, c), seen: map[uint32][]string{}, done: map[uint32]bool{}, data: map[uint32]int{}}
	h.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.enc = hpack.NewEncoder(&h.buf)
	return h
}

// h2raw connects as a client.
func (w *way) h2raw(settings ...http2.Setting) *h2raw {
	w.t.Helper()
	c := w.secure("h2")
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		w.t.Fatal(err)
	}
	h := newH2raw(w, c)
	_ = h.fr.WriteSettings(settings...)
	return h
}

// serveH2raw takes the preface of a client.
func serveH2raw(w *way, c net.Conn, settings ...http2.Setting) *h2raw {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c, preface); err != nil || string(preface) != http2.ClientPreface {
		return nil
	}
	h := newH2raw(w, c)
	_ = h.fr.WriteSettings(settings...)
	return h
}

// headers sends fields, given as names and values.
func (h *h2raw) headers(stream uint32, end bool, fields ...string) {
	h.buf.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = h.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = h.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: h.buf.Bytes(), EndHeaders: true, EndStream: end})
}

func (h *h2raw) open(stream uint32, end bool, fields ...string) {
	method := "GET"
	if !end {
		method = "POST"
	}
	h.headers(stream, end, append([]string{":method", method, ":scheme", "https", ":authority", "example.com", ":path", "/"}, fields...)...)
}

func (h *h2raw) openPath(stream uint32, path string) {
	h.headers(stream, true, ":method", "GET", ":scheme", "https", ":authority", "example.com", ":path", path)
}

// next takes one frame in. It does not give windows back.
func (h *h2raw) next() error {
	f, err := h.fr.ReadFrame()
	if err != nil {
		return err
	}
	id := f.Header().StreamID
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return h.fr.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return h.fr.WritePing(true, f.Data)
		}
	case *http2.MetaHeadersFrame:
		var b strings.Builder
		for _, field := range f.Fields {
			if field.Name != "date" {
				fmt.Fprintf(&b, "\n%s: %s", field.Name, field.Value)
			}
		}
		h.seen[id] = append(h.seen[id], "HEADERS"+b.String())
		h.done[id] = h.done[id] || f.StreamEnded()
	case *http2.DataFrame:
		h.data[id] += len(f.Data())
		h.done[id] = h.done[id] || f.StreamEnded()
	case *http2.RSTStreamFrame:
		h.seen[id] = append(h.seen[id], "RST_STREAM "+f.ErrCode.String())
		h.done[id] = true
	case *http2.GoAwayFrame:
		h.away = f
	}
	return nil
}

// until takes frames in until something holds, or the connection ends.
func (h *h2raw) until(holds func() bool) error {
	for !holds() {
		if err := h.next(); err != nil {
			return err
		}
	}
	return nil
}

// show waits for the end of a stream and notes what came on it.
func (h *h2raw) show(stream uint32) {
	err := h.until(func() bool { return h.done[stream] })
	h.w.saw("stream: %s\n%d bytes, ended %v", strings.Join(h.seen[stream], "\n"), h.data[stream], err == nil)
}
