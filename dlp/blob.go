package dlp

import (
	"errors"
	"math/bits"
	"slices"
)

// A blob is compressed data or an archive that begins somewhere in the stream. It
// is decompressed while it passes, and what comes out is scanned.

// blob is the one that the stream is in.
type blob struct {
	at int64  // the next offset to look for a blob at, or to decompress
	l  *layer // nil if the stream is in none
	in *inflater
	// told is the offset up to which all came out of the decoder: it keeps a part
	// of the data to itself until that is whole.
	told int64
}

// maxBlobHeld bounds what is held since a decoder has told nothing of it yet.
const maxBlobHeld = MaxHeld * 3 / 4

// startsOf returns the bytes of a block that tell where a blob may start: the pairs
// of magics, and ampersands between capitals.
func startsOf(b block) uint64 {
	upper := b.of(maskUpper)
	return b.of(maskPair) | b.of(maskAmpersand)&(upper<<1|1)&(upper>>1|lastByte)
}

// seeBlobs notes where blobs may start in the block at s.buf[i:], by what startsOf
// returns of it.
func (s *Scanner) seeBlobs(pairs uint64, i int) {
	for ; pairs != 0; pairs &= pairs - 1 {
		at := i + bits.TrailingZeros64(pairs)
		start := at - int(magicBack[s.buf[at]])
		// What is there in full is told now, the rest when more of it is there.
		if s.base+int64(at) < s.pairsAt || start < 0 || len(s.buf)-start >= magicBytes && !hasMagic(s.buf[start:]) {
			continue
		}
		offset := s.base + int64(start)
		k := len(s.starts)
		for k > 0 && s.starts[k-1] > offset {
			k--
		}
		s.starts = slices.Insert(s.starts, k, offset)
	}
}

// sampleBlobs looks for blobs in what was not looked at yet, and decompresses
// the one that the stream is in; at the end of the stream also what is too short
// to tell what it is.
func (s *Scanner) sampleBlobs(final bool) {
	if s.depth >= maxDepth {
		s.blob.at = s.end() // nothing waits for what is not looked at
		return
	}
	for b := &s.blob; b.at < s.end(); {
		if b.l != nil {
			s.feedBlob()
			continue
		}
		ready := len(s.buf) - magicBytes
		if final {
			ready = len(s.buf)
		}
		i := int(b.at - s.base)
		if i >= ready {
			return
		}
		// At the start, any magic is looked for, and not only those that are rare
		// in text.
		switch {
		case b.at == 0 && magic(s.buf) != codecNone:
		case len(s.starts) == 0:
			i = ready
		default:
			i = s.nextStart(i, ready)
		}
		if i >= ready {
			b.at = s.base + int64(ready)
			return
		}
		s.openBlob(i)
	}
}

// nextStart returns the index of the first blob in s.buf[i:ready], or ready.
func (s *Scanner) nextStart(i, ready int) int {
	next, n := ready, 0
	for ; n < len(s.starts); n++ {
		at := int(s.starts[n] - s.base)
		if at >= ready {
			break
		}
		if at >= i && hasMagic(s.buf[at:]) {
			next = at
			break
		}
	}
	s.starts = slices.Delete(s.starts, 0, n)
	return next
}

// openBlob begins the blob at s.buf[i].
func (s *Scanner) openBlob(i int) {
	b := &s.blob
	b.at = s.base + int64(i)
	kind := magic(s.buf[i:])
	switch {
	case kind == codecUnknown && len(s.buf)-i < leastUnknown:
		b.at++
		return
	case kind == codecUnknown:
		s.notRead("", b.at, b.at+magicBytes, UnscannedFormat)
		b.at++
		return
	}
	if b.l = s.open(kind.path(), b.at, 0, 0); b.l == nil {
		b.at++
		return
	}
	l := b.l
	b.told = b.at
	b.in = newInflater(kind, &s.work.inflate, func(text []byte) {
		s.work.allowed += workShare * int64(len(text)) // it has a budget of its own
		s.write(l, text, b.told, s.end())              // it comes of what is there, from and up to anywhere
	})
}

// feedBlob hands what is there of the stream to the blob.
func (s *Scanner) feedBlob() {
	b := &s.blob
	out := b.l.sc.end()
	rest, done, err := b.in.write(s.buf[b.at-s.base:])
	if b.l.sc.end() > out {
		b.told = b.at // of what is behind, some came out
	}
	b.at = s.end() - int64(rest)
	if done { // a decoder may take nothing of what is damaged
		b.at = max(b.at, b.l.start+1)
	}
	b.l.fed = b.at
	s.blobError(err)
	if done {
		s.closeBlob()
	}
}

// flushBlob decides what came out of the blob.
func (s *Scanner) flushBlob() {
	if l := s.blob.l; l != nil {
		s.take(l, l.sc.Flush())
	}
}

// closeBlob ends the blob that the stream is in.
func (s *Scanner) closeBlob() {
	b := &s.blob
	if b.l == nil {
		return
	}
	s.blobError(b.in.close())
	s.finish(b.l)
	b.l, b.in = nil, nil
}

// blobError reports that a part of a blob was not scanned. What is damaged is
// not: nothing that reads it will see more of it.
func (s *Scanner) blobError(err error) {
	l := s.blob.l
	switch {
	case errors.Is(err, ErrBudget):
		s.notRead(l.path, l.start, l.fed, UnscannedBudget)
	case errors.Is(err, ErrEncrypted):
		s.notRead(l.path, l.start, l.fed, UnscannedEncrypted)
	case errors.Is(err, ErrUnknownEncoding):
		s.notRead(l.path, l.start, l.fed, UnscannedFormat)
	}
}

// dropBlob gives what the blob took back.
func (s *Scanner) dropBlob() {
	if s.blob.l != nil {
		s.blob.in.stop()
		s.drop(s.blob.l)
	}
	s.blob = blob{}
}

// blobTail returns the offset from which the stream may still be in a blob, or
// become one.
func (s *Scanner) blobTail() int64 {
	l := s.blob.l
	switch {
	case l == nil:
		if s.blob.at == 0 && magic(s.buf) != codecNone {
			return 0
		}
		for _, start := range s.starts {
			if start >= s.blob.at && hasMagic(s.buf[start-s.base:]) {
				return start
			}
		}
		return s.end()
	case l.sc.Safe() < l.sc.end():
		return l.safe()
	}
	return max(s.blob.told, s.end()-maxBlobHeld)
}

// blobPairs has a bit for the first two bytes of what a blob may start with.
var blobPairs = func() (t [1 << 13]byte) {
	add := func(a, b byte) { t[int(a)<<5|int(b)>>3] |= 1 << (b & 7) }
	for i := range magics {
		add(magics[i].text[0], magics[i].text[1])
	}
	for a := range 1 << 8 {
		if a&0xf0 == 0x50 { // a frame of zstd to skip
			add(byte(a), 0x2a)
		}
		for b := range 1 << 8 {
			if isZlib([]byte{byte(a), byte(b)}) {
				add(byte(a), byte(b))
			}
		}
	}
	return t
}()

// mayStartBlob reports whether a group of base64 may be the start of a blob.
func mayStartBlob(group uint32) bool { return blobBit(group) != 0 }

// blobBit is mayStartBlob, as a bit.
func blobBit(group uint32) uint8 { return blobPairs[group>>11] >> (group >> 8 & 7) & 1 }

// startsBlob reports whether data starts as a blob does.
func startsBlob(data []byte) bool { return magic(data) != codecNone }
