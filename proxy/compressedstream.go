package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

const (
	// maxSealed bounds what is held of a compressed body that streams: what came of a
	// block that is not complete, and what became text that is not decided yet.
	maxSealed = 1 << 20
	// maxInflation is how often the length of a compressed body that streams it may
	// become, beside freeInflation: what the scanner itself looks into.
	maxInflation  = 200
	freeInflation = 1 << 20
	// maxUnpacked bounds what one buffer of a compressed body becomes where it is sent
	// on uncompressed.
	maxUnpacked = 8 << 20
)

// decoderBytes is what a decoder takes for as long as a body streams (RFC 1951,
// section 2; RFC 7932, section 9.1; maxWindow and a block for zstd), and what is held.
func decoderBytes(coding string) int64 {
	switch coding {
	case "br":
		return 16<<20 + maxSealed
	case "zstd":
		return maxWindow + 2*zstdBlock + maxSealed
	}
	return maxSealed
}

// streamCompressed sets a compressed body up to be scanned while it streams. It
// leaves as it came; to a model provider, where something may have to be replaced in
// it, uncompressed.
func (x *exchange) streamCompressed(coding string, in *bodyInjection) *denial {
	f := &sealedFilter{x: x, coding: coding, injects: in}
	inf, err := newInflater(coding, f.decoded)
	if err != nil {
		return refuseCoding(coding, "cannot be scanned: "+err.Error())
	}
	f.inf = inf
	n := decoderBytes(inf.coding)
	f.unpacks = x.isModel() && x.mayRedact()
	if f.unpacks {
		n += maxUnpacked
	}
	if d := x.reserve(n); d != nil {
		inf.stop()
		return d
	}
	x.body.scanner = x.scanner()
	x.snap.enter() // as for a body that is not compressed
	x.body.ended = inf.stop
	if f.unpacks {
		x.unpackBody()
		f.text = x.bodyFilter()
		x.body.filtered = newFilterReader(x.ctx, x.r.Body, f)
	} else {
		scan := &scanFilter{x: x, sc: x.body.scanner, session: x.s.dlpSession(x.session)}
		f.text, f.safe = scan, func() int64 { return scan.next }
		// The compressed form can carry text of its own.
		raw := x.scanner()
		x.body.ended = func() { inf.stop(); x.snap.scanners.Put(raw) }
		x.body.filtered = newFilterReader(x.ctx, x.r.Body, chain{f, &scanFilter{x: x, sc: raw}})
	}
	x.out.Body = x.body
	return nil
}

// unpackBody has the body leave without its coding.
func (x *exchange) unpackBody() {
	x.r.Header = x.r.Header.Clone() // of what it is now
	x.r.Header.Del("Content-Encoding")
	x.out.Header.Del("Content-Encoding")
	x.out.Header.Del("Content-Length")
	x.out.ContentLength = -1
}

func refuseCoding(coding, why string) *denial {
	return &denial{status: http.StatusBadRequest, rule: "content-encoding", message: fmt.Sprintf("the request body has Content-Encoding %s and %s; send it uncompressed", headerText(coding), why)}
}

// wanted reports whether a placeholder was seen that would have to be replaced.
func (in *bodyInjection) wanted() bool {
	if in == nil {
		return false
	}
	in.x.bodyMu.Lock()
	defer in.x.bodyMu.Unlock()
	return slices.ContainsFunc(in.secrets, func(st *secretState) bool { return slices.Contains(in.x.placeholders, st.Name) })
}

// sealedFilter decides a compressed body by what it decompresses to. What it lets
// out is either the body as it came, once all that it becomes is safe, or what it
// becomes.
type sealedFilter struct {
	x       *exchange
	coding  string
	inf     *inflater
	text    filter // takes what is decompressed
	injects *bodyInjection

	unpacks bool
	out     []byte // unpacked
	written int64

	safe   func() int64 // how much text is
	sealed []byte       // held, as it came
	gone   int64        // what was let out before
}

var errBomb = errors.New("it becomes too much")

// decoded takes what comes out of the decoder.
func (f *sealedFilter) decoded(p []byte) error {
	f.written += int64(len(p))
	if f.written > freeInflation+maxInflation*f.inf.src.n || len(f.out)+len(p) > maxUnpacked {
		return errBomb
	}
	out, err := f.text.write(p)
	if f.unpacks {
		f.out = append(f.out, out...)
	}
	return err
}

func (f *sealedFilter) write(p []byte) ([]byte, error) {
	f.out = f.out[:0]
	if !f.unpacks {
		f.sealed = append(f.sealed, p...)
	}
	if err := f.inf.write(p); err != nil {
		return nil, f.failed(err)
	}
	return f.release()
}

// release lets out what is decided.
func (f *sealedFilter) release() ([]byte, error) {
	if f.injects.wanted() {
		return nil, f.refuse("a placeholder in it, which cannot be replaced there")
	}
	if f.unpacks {
		return f.out, nil
	}
	to := f.inf.seen(f.safe())
	n := to - f.gone
	f.out = append(f.out[:0], f.sealed[:n]...)
	f.sealed, f.gone = append(f.sealed[:0], f.sealed[n:]...), to
	if len(f.sealed) > maxSealed {
		return nil, f.refuse(fmt.Sprintf("has more than %d KiB in a row that cannot be decompressed without what follows", maxSealed>>10))
	}
	return f.out, nil
}

func (f *sealedFilter) flush() ([]byte, error) {
	out, err := f.text.flush()
	if err != nil {
		return nil, err
	}
	f.out = append(f.out[:0], out...)
	return f.release()
}

func (f *sealedFilter) close() ([]byte, error) {
	f.out = f.out[:0]
	if err := f.inf.close(); err != nil {
		return nil, f.failed(err)
	}
	tail, err := f.text.close()
	if err != nil {
		return nil, err
	}
	f.out = append(f.out, tail...)
	if _, err := f.release(); err != nil || f.unpacks {
		return f.out, err
	}
	f.out = append(f.out, f.sealed...)
	f.sealed = nil
	return f.out, nil
}

func (f *sealedFilter) held() int { return len(f.sealed) + f.text.held() }

// failed says why the decoder ended.
func (f *sealedFilter) failed(err error) error {
	switch {
	case errors.As(err, new(*blocked)):
		return err
	case errors.Is(err, errBomb):
		return f.refuse(fmt.Sprintf("decompresses to more than %d times its length", maxInflation))
	case errors.Is(err, errBehind):
		return f.refuse("has something behind its end")
	}
	return f.refuse("cannot be decompressed")
}

func (f *sealedFilter) refuse(why string) error { return f.x.stopBody(refuseCoding(f.coding, why)) }
