package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/bot-bottle/bottle/dlp"
)

// compressedBody scans what a compressed body decompresses to and sends it as it
// came. What cannot be looked into does not go out.
func (x *exchange) compressedBody(coding string, in *bodyInjection) *denial {
	refuse := func(why string) *denial {
		return &denial{status: http.StatusBadRequest, rule: "content-encoding", message: fmt.Sprintf("the request body has Content-Encoding %s and %s; send it uncompressed", headerText(coding), why)}
	}
	body, fits, d := x.readCompressed()
	if d != nil {
		return d
	}
	if !fits {
		return refuse(fmt.Sprintf("is larger than %d MiB, so it cannot be scanned first", maxCompressed>>20))
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
	if in != nil && slices.ContainsFunc(in.secrets, func(st *secretState) bool { return x.placeholders[st.Name] }) {
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
	if in != nil && slices.ContainsFunc(in.secrets, func(st *secretState) bool { return x.placeholders[st.Name] }) {
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

// readCompressed reads a compressed body whole, if it fits. Where it does not say
// how long it will be, room is taken in steps.
func (x *exchange) readCompressed() (body []byte, fits bool, d *denial) {
	switch n := x.r.ContentLength; {
	case n > maxCompressed:
		return nil, false, nil
	case n >= 0:
		body, d = x.readSmall()
		return body, true, d
	}
	x.body.started = true
	limit := x.limitRead(smallBodyTimeout)
	body, fits, d = x.readSteps()
	if limit.end() && d != nil {
		d = slowBody(fmt.Sprintf("the request body, of which %d bytes came,", len(body)))
	}
	return body, fits, d
}

func (x *exchange) readSteps() (body []byte, fits bool, d *denial) {
	var b bytes.Buffer
	for b.Len() <= maxCompressed {
		// A buffer that grows can have twice the length.
		if d := x.reserve(2 * decideBytes); d != nil {
			return nil, false, d
		}
		if _, err := io.CopyN(&b, x.r.Body, decideBytes); errors.Is(err, io.EOF) {
			return b.Bytes(), b.Len() <= maxCompressed, nil
		} else if err != nil {
			return b.Bytes(), false, badBody("ended early or is not framed right")
		}
	}
	return nil, false, nil
}
