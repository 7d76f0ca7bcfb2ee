package dlp

import (
	"fmt"
	"strings"
)

// maxCodings is how many codings of a body are undone.
const maxCodings = 3

// codings are the names of content codings (RFC 9110, section 8.4.1; RFC 7932;
// RFC 8878). The one called compress is not decoded.
var codings = map[string]codec{
	"gzip": codecGzip, "x-gzip": codecGzip, "deflate": codecDeflate, "br": codecBrotli, "zstd": codecZstd,
}

// Decoder undoes the Content-Encoding of a body that is written to it, so that
// what the body says can be scanned. It is an [io.WriteCloser], not safe for
// concurrent use, and starts no goroutine that outlives its Close.
type Decoder struct {
	stages []*decodeStage
	sink   func([]byte)
	err    error
}

// decodeStage undoes one coding.
type decodeStage struct {
	kind   codec
	budget *budget
	cur    *inflater
	ended  bool // a stream of the coding was read to its end
	next   func([]byte)
}

// NewDecoder returns a decoder for a value of Content-Encoding: up to three
// names, in the order in which they were applied. It knows gzip, x-gzip,
// deflate (with the header of zlib or without), br, zstd and identity. For
// others, and for more, the error wraps [ErrUnknownEncoding].
//
// What comes out is handed to sink before Write returns, in pieces of at most
// 8 KiB that are valid until sink returns, or of the size of what was written
// if nothing is encoded. Memory is bounded by the window of each coding: 32 KiB
// of gzip and deflate, 8 MiB of zstd, 16 MiB of br.
func NewDecoder(contentEncoding string, limits DecodeLimits, sink func([]byte)) (*Decoder, error) {
	d := &Decoder{sink: sink}
	b := newBudget(limits)
	next := sink
	for name := range strings.SplitSeq(contentEncoding, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || name == "identity" {
			continue
		}
		kind, ok := codings[name]
		if !ok {
			return nil, fmt.Errorf("%w: %q", ErrUnknownEncoding, name)
		}
		if len(d.stages) == maxCodings {
			return nil, fmt.Errorf("%w: more than %d codings", ErrUnknownEncoding, maxCodings)
		}
		stage := &decodeStage{kind: kind, budget: b, next: next}
		d.stages = append(d.stages, stage)
		next = func(p []byte) {
			// The stage before it stops when this one fails.
			if d.err == nil {
				d.err = stage.write(p)
			}
			if d.err != nil {
				d.halt()
			}
		}
	}
	return d, nil
}

// halt stops the stages from within.
func (d *Decoder) halt() {
	for _, s := range d.stages {
		if s.cur != nil {
			s.cur.halt()
		}
	}
}

// Write decodes p. The error wraps [ErrBudget] or [ErrCorrupt] or
// [ErrUnknownEncoding]; nothing is decoded behind it.
func (d *Decoder) Write(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if len(d.stages) == 0 {
		d.sink(p)
		return len(p), nil
	}
	last := d.stages[len(d.stages)-1]
	if err := last.write(p); d.err == nil {
		d.err = err
	}
	if d.err != nil {
		return 0, d.err
	}
	return len(p), nil
}

// Close tells that the body has ended, and frees what the decoder holds. It must
// be called in any case. Its error is that of Write, or wraps [ErrCorrupt] if
// the encoded data does not end there.
func (d *Decoder) Close() error {
	for i := len(d.stages) - 1; i >= 0; i-- {
		s := d.stages[i]
		if s.cur == nil {
			continue
		}
		if d.err != nil {
			s.cur.stop()
		} else if err := s.cur.close(); err != nil && d.err == nil {
			d.err = err
		}
		s.cur = nil
	}
	return d.err
}

// write undoes the coding of p. Streams of gzip and zstd may follow each other
// (RFC 1952, section 2.2; RFC 8878, section 3.1).
func (s *decodeStage) write(p []byte) error {
	for len(p) > 0 {
		if s.cur == nil {
			if s.ended && s.kind != codecGzip && s.kind != codecZstd {
				return fmt.Errorf("%w: something stands behind its end", ErrCorrupt)
			}
			s.cur = newInflater(s.kind, s.budget, s.next)
		}
		rest, done, err := s.cur.write(p)
		if done {
			s.cur.stop()
			s.cur, s.ended = nil, true
		}
		if err != nil {
			return err
		}
		p = p[len(p)-rest:]
		if !done {
			break
		}
	}
	return nil
}
