package dlp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// What a block of the stream may have in it is told by masks of its bytes, made in
// one pass: where its runs are, and where its quotation marks and backslashes. The
// signs of most encodings are a few shifts of those away. So the views of text do
// not go through the stream each, but look where a mask says so.

// surveyBack is how much of the stream is surveyed again with what follows, for
// the signs that were not whole.
const surveyBack = 2 * blockLen

// blockSigns are masks of the bytes of a block, the first in the lowest bit.
type blockSigns struct {
	run   uint64
	marks uint64 // quotation marks " and ', backslashes, and some others
	high  uint64 // not 0 if there is a byte from 0x80 on
}

// survey makes the masks of a block. It gathers the top bits of the bytes of
// eight words side by side and turns the matrix round at the end.
func survey(b *[blockLen]byte) blockSigns {
	v0, v1 := binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:])
	v2, v3 := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	v4, v5 := binary.LittleEndian.Uint64(b[32:]), binary.LittleEndian.Uint64(b[40:])
	v6, v7 := binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint64(b[56:])
	return blockSigns{
		run: transpose(runBits(v0)>>7 | runBits(v1)>>6 | runBits(v2)>>5 | runBits(v3)>>4 |
			runBits(v4)>>3 | runBits(v5)>>2 | runBits(v6)>>1 | runBits(v7)),
		marks: markBits(v0)>>7 | markBits(v1)>>6 | markBits(v2)>>5 | markBits(v3)>>4 |
			markBits(v4)>>3 | markBits(v5)>>2 | markBits(v6)>>1 | markBits(v7),
		high: (v0 | v1 | v2 | v3 | v4 | v5 | v6 | v7) & highs,
	}
}

// transpose turns a matrix of 8x8 bits (Warren, Hacker's Delight, 7-3).
func transpose(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}

// markBits returns the high bits of the bytes of v that are a quotation mark " or
// ' or a backslash, and of some others.
func markBits(v uint64) uint64 {
	q, s := v&^(0x05*lanes)^'"'*lanes, v^'\\'*lanes
	return ((q-lanes)&^q | (s-lanes)&^s) & highs
}

// ticks returns the mask of the bytes of a block that are a `.
func ticks(b *[blockLen]byte) (m uint64) {
	for k := 0; k < wordLen; k++ {
		m |= zeroBytes(binary.LittleEndian.Uint64(b[k*wordLen:])^'`'*lanes) >> (7 - k)
	}
	return m
}

// The views whose signs the survey finds.
var (
	jsonView   = viewIndex("json")
	foldView   = viewIndex("fold")
	spacedView = viewIndex("spaced")
	concatView = viewIndex("concat")
)

// surveyor goes through what came to the stream.
type surveyor struct {
	from int  // where what was not surveyed before begins
	high bool // whether something is not ASCII
	tick bool // whether there is a `
}

// sampleBlocks looks for runs in what was not looked at yet, and for signs of
// encodings there and a little before.
func (s *Scanner) sampleBlocks() {
	g := int(s.gateAt - s.base)
	v := surveyor{from: g}
	i := g
	views := s.depth < maxDepth
	if views {
		for i >= blockLen && g-i < surveyBack {
			i -= blockLen
		}
		v.tick = bytes.IndexByte(s.buf[i:], '`') >= 0
	}
	for ; i+blockLen <= len(s.buf); i += blockLen {
		b := survey((*[blockLen]byte)(s.buf[i:]))
		if i >= g {
			s.sampleSeeds(b.run, i, blockLen)
			if s.run.open || longRuns(b.run) != 0 || b.run>>(blockLen-1) != 0 {
				s.runs(b.run, i, blockLen)
			}
		}
		if views {
			s.surveyBlock(&v, &b, i)
		}
	}
	if n := len(s.buf) - i; n > 0 {
		var last [blockLen]byte
		copy(last[:], s.buf[i:])
		b := survey(&last)
		s.sampleSeeds(b.run, i, n)
		s.runs(b.run, i, n)
		if views {
			s.surveyBlock(&v, &b, i)
		}
	}
	s.gateAt = s.end()
	if s.run.open {
		s.advance(len(s.buf), false)
	}
	if views && v.high {
		s.findSigns(foldView)
	}
}

// surveyBlock looks for signs of encodings in the block at s.buf[i:].
func (s *Scanner) surveyBlock(v *surveyor, b *blockSigns, i int) {
	v.high = v.high || b.high != 0
	marks := b.marks
	if v.tick && i+blockLen <= len(s.buf) {
		marks |= ticks((*[blockLen]byte)(s.buf[i:]))
	} else if v.tick {
		var last [blockLen]byte
		copy(last[:], s.buf[i:])
		marks |= ticks(&last)
	}
	if marks != 0 {
		s.surveyMarks(transpose(marks), i)
	}
	if mayBeSpaced(b.run) {
		s.surveySpaced(i)
	}
}

// surveyMarks looks at the quotation marks and backslashes at s.buf[i:].
func (s *Scanner) surveyMarks(marks uint64, i int) {
	for ; marks != 0; marks &= marks - 1 {
		at := i + bits.TrailingZeros64(marks)
		if at+1 >= len(s.buf) {
			return
		}
		switch next := s.buf[at+1]; {
		case s.buf[at] == '\\':
			if escapeNext[next] && s.isEscape(at, next) {
				s.sign(jsonView, at)
			}
		case joinNext[next] && s.isUnseen(concatView, at):
			if _, to := joiner(s.buf, at); to > 0 {
				s.sign(concatView, at)
			}
		}
	}
}

// isEscape reports whether the backslash at s.buf[at] is the first of a sign.
func (s *Scanner) isEscape(at int, next byte) bool {
	if at > 0 && s.buf[at-1] == '\\' {
		// Those before it were looked at with the first, but for very many.
		if runBefore(s.buf, at, escapeSlashes, backslash) < escapeSlashes {
			return false
		}
	}
	if (next == 'n' || next == 'r') && !mayWrap(s.buf, at) {
		return false // no token ends here, as hardly ever at the end of a line
	}
	return s.isUnseen(jsonView, at) && escapeAt(s.buf, at)
}

// mayBeSpaced reports whether there may be a stretch of single characters, or of
// bytes in hex, in the block with a mask of runs: four of them start a same
// distance behind each other, or the separator is itself a byte of runs.
func mayBeSpaced(m uint64) bool {
	start := m &^ (m << 1)
	p2, p3, p4, p5, p6 := start&(start>>2), start&(start>>3), start&(start>>4), start&(start>>5), start&(start>>6)
	return p2&(p2>>4)|p3&(p3>>6)|p4&(p4>>8)|p5&(p5>>10)|p6&(p6>>12) != 0 || longRuns(m) != 0
}

// surveySpaced looks for a stretch of single characters in the block at s.buf[i:].
func (s *Scanner) surveySpaced(i int) {
	end := min(len(s.buf), i+blockLen)
	b := s.buf[:min(len(s.buf), end+surveyBack)]
	at := max(i-surveyBack, 0, s.signFrom(spacedView))
	for at < end {
		if at = findSpaced(b, at); at >= end {
			break
		}
		s.sign(spacedView, at)
		at++
	}
}
