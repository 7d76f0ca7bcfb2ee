package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/bot-bottle/bottle/dlp"
)

// compressedBody scans what a small compressed body decompresses to and sends it as
// it came. What cannot be looked into does not go out.
func (x *exchange) compressedBody(coding string, in *bodyInjection) *denial {
	refuse := func(why string) *denial { return refuseCoding(coding, why) }
	body, d := x.readSmall()
	if d != nil {
		return d
	}
	if !acquire(x.ctx, x.s.budget.decoders, 1) {
		return &denial{status: http.StatusServiceUnavailable, rule: "too-many-bodies", message: "too many compressed request bodies are being looked into; try again, or send it uncompressed"}
	}
	defer x.s.budget.decoders.Release(1)
	src := bytes.NewReader(body)
	dec, err := newDecoder(coding, src)
	if err != nil {
		return refuse("cannot be scanned: " + err.Error())
	}
	sc := x.scanner()
	defer x.snap.scanners.Put(sc)
	if x.isModel() && x.mayRedact() {
		return x.modelBody(sc, dec, body, refuse, in)
	}
	// The compressed form can carry text of its own: gzip header fields, skippable
	// frames, bytes behind the end.
	if d := decideWhole(sc, body, x.bodyDenial); d != nil {
		return d
	}
	sc.Reset()
	var short shortBody
	buf := make([]byte, streamBuffer)
	limited := &io.LimitedReader{R: dec, N: maxDecoded}
	for {
		n, err := limited.Read(buf)
		if x.judgeBody(sc.Write(buf[:n])) != nil {
			return x.stopped
		}
		short.add(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refuse("cannot be decompressed")
		}
	}
	switch {
	case limited.N == 0:
		return refuse(fmt.Sprintf("decompresses to more than %d MiB", maxDecoded>>20))
	case src.Len() > 0:
		return refuse("has something behind its end")
	case x.judgeBody(sc.Close()) != nil:
		return x.stopped
	}
	if d := x.dripBody(short.text); d != nil {
		return d
	}
	if in.wanted() {
		return refuse("a placeholder in it, which cannot be replaced there")
	}
	if d := x.scanTrailers(); d != nil {
		return d
	}
	x.keepTrailers()
	x.sendWhole(body)
	return nil
}

// modelBody decides the compressed body of a conversation. When something is replaced
// in it, or stands in the compressed form itself, it goes on uncompressed.
func (x *exchange) modelBody(sc *dlp.Scanner, dec io.Reader, body []byte, refuse func(string) *denial, in *bodyInjection) *denial {
	if d := x.reserve(maxModelDecoded); d != nil {
		return d
	}
	text, err := io.ReadAll(io.LimitReader(dec, maxModelDecoded+1))
	switch {
	case err != nil:
		return refuse("cannot be decompressed")
	case len(text) > maxModelDecoded:
		return refuse(fmt.Sprintf("decompresses to more than %d MiB", maxModelDecoded>>20))
	}
	clean := len(scanWhole(sc, body)) == 0
	was := x.r.Header
	x.r.Header = was.Clone() // of what it is now
	x.r.Header.Del("Content-Encoding")
	out, d := x.decideBody(sc, text)
	if d == nil {
		d = x.dripBody(out)
	}
	if d == nil {
		d = x.scanTrailers()
	}
	if d != nil {
		return d
	}
	if in.wanted() {
		return refuse("a placeholder in it, which cannot be replaced there")
	}
	x.keepTrailers()
	if clean && bytes.Equal(out, text) {
		x.r.Header = was
		x.sendWhole(body)
		return nil
	}
	x.out.Header.Del("Content-Encoding")
	x.sendWhole(out)
	return nil
}
