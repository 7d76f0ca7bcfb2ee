package dlp

import (
	"bytes"
	"math/bits"
)

// Lines end in the middle of what looks like a token, and strings are joined, in all
// programs. What is brought together so is mostly a short run in which there is
// nothing, and that is told before a region is opened for it.

const (
	// maxJoined is the longest run that is told of without a region.
	maxJoined = blockLen - 4
	// joinedBlock is the block of survey's masks that a joined run has. No block that
	// is surveyed reaches it.
	joinedBlock = maskBlocks - classLanes
)

// The views that join.
const (
	joinedWrapped = iota
	joinedConcat
)

// joinedText has the end of what stands before a run, and the run from its second
// block on, with some of what follows.
type joinedText [3*blockLen + 1]byte

// mayBeJoined reports whether a view has to look at what it finds to join: at s.buf[from:]
// without what stands before s.buf[to].
func (s *Scanner) mayBeJoined(k, from, to int) bool {
	b, joined := s.buf, &s.joined[k]
	start, end := runByte.spanBack(b, from, from-maxJoined), runByte.span(b, to, to+maxJoined)
	n := from - start + end - to
	more := *joined == s.base+int64(start) // what was joined before may go on
	*joined = s.base + int64(to)
	switch {
	case more || s.engine.outOfRuns || n > maxJoined || end+wordLen > len(b) || start < maxLead:
		return true
	case mayBeURL(b[max(0, from-viewContext-regionLead):min(len(b), to+regionRest)]):
		return true
	case joinsMore(b, end) || goesOn(b, start):
		return true
	case n < minRun:
		return false
	}
	var text joinedText
	before := copy(text[:], b[start-min(start, blockLen):start])
	copy(text[blockLen-before:], b[start-before:from])
	copy(text[blockLen+from-start:], b[to:])
	return s.mayBeInRun(&text, blockLen+n, blockLen+from-start)
}

// joinsMore reports whether more may be joined where what goes on at s.buf[i] ends, which
// may be a run, or parts of a token with dots and such between.
func joinsMore(b []byte, i int) bool {
	for most := min(len(b), i+blockLen); i < most && partByte[b[i]]; {
		i++
	}
	return i < len(b) && mayJoin[b[i]] && (breaksAt(b, i) || joinsAt(b, i))
}

// goesOn reports whether what goes on at b[i] may be the last part of a token: it was
// joined with what is before, or the parts before have a digit.
func goesOn(b []byte, i int) bool {
	for least := max(1, i-blockLen); i > least && partByte[b[i-1]]; i-- {
		if c := b[i-1]; '0' <= c && c <= '9' {
			return true
		}
	}
	if quoteByte[b[i-1]] {
		for q := i - 2; q > 0 && q > i-maxJoiner; q-- {
			if quoteByte[b[q]] {
				_, to := joiner(b, q)
				return to == i
			}
		}
		return false
	}
	line := i
	for least := max(0, i-maxIndent); line > least && (b[line-1] == ' ' || b[line-1] == '\t'); {
		line--
	}
	switch {
	case line < 3:
		return true
	case b[line-1] == '\n':
		return partByte[b[line-2]] || b[line-2] == '\r' && partByte[b[line-3]]
	}
	return (b[line-1] == 'n' || b[line-1] == 'r') && b[line-2] == '\\'
}

// mayJoin are the bytes that more may be joined at, partByte those that stand before.
var (
	mayJoin  = newClass("\\\r\n\"'`")
	partByte = newClass("!#-&(-[]-_a-~")
)

// joinsAt reports whether a string that ends at b[i] is joined with another one.
func joinsAt(b []byte, i int) bool {
	i += runAfter(b, i, escapeSlashes, backslash)
	if i == len(b) || !quoteByte[b[i]] {
		return false
	}
	_, to := joiner(b, i)
	return to > 0
}

// breaksAt reports whether there is a line break at b[i], plain or escaped.
func breaksAt(b []byte, i int) bool {
	if b[i] != '\\' {
		return b[i] == '\n' || b[i] == '\r'
	}
	i += runAfter(b, i, escapeSlashes, backslash)
	return i == len(b) || breakNext[b[i]]
}

// mayBeURL reports whether a URL with a password may be in text.
func mayBeURL(text []byte) bool {
	return bytes.IndexByte(text, '@') >= 0 && bytes.Contains(text, []byte("://"))
}

// mayBeInRun reports whether something may be in the run text[blockLen:end], of which the
// part before text[joint] and the rest are known to the stream on their own.
func (s *Scanner) mayBeInRun(text *joinedText, end, joint int) bool {
	const start = blockLen
	e, m := s.engine, view{&s.survey.masks, joinedBlock, 0}
	m.masks.classify(joinedBlock, 1, text[start:])
	t := e.prefixes.traitsOf(m, text[:], start, end)
	switch {
	case t.text|t.spans|t.flags&^traitLead != 0:
		return true
	case bits.OnesCount64(t.digits) >= minDigits || t.digits != 0 && e.rulesAt(text[:], start, end, true) != 0:
		return true
	case t.flags&traitLead != 0 && e.mayLead(text[:start+wordLen], start):
		return true
	case e.mayBeNeedle(text[:], start, end, joint):
		return true
	}
	for ; t.separators != 0; t.separators &= t.separators - 1 {
		if e.prefixes.mayStart(text[start+bits.TrailingZeros64(t.separators):]) {
			return true
		}
	}
	return false
}

// mayLead reports whether a token may start before the run at b[start:].
func (e *Engine) mayLead(b []byte, start int) bool {
	if b[start-1] == '\\' || b[start-1] == '%' {
		return true
	}
	for i := start - 1; i >= start-maxLead && leadByte[b[i]]; i-- {
		if !word[b[i-1]] && e.prefixes.mayStart(b[i:]) {
			return true
		}
	}
	return false
}

// mayBeNeedle reports whether a gram of a known value, or of a piece of one, may be in
// the run b[start:end] or around where it was joined.
func (e *Engine) mayBeNeedle(b []byte, start, end, joint int) bool {
	n := e.needles
	if n.run > 0 && end-start >= n.run && n.next(b[:end], start)+gramBytes <= end {
		return true
	}
	if len(e.tracked) > 0 {
		for i := joint - gramBytes + 1; i < joint; i++ {
			if n.has(b[i:]) {
				return true
			}
		}
	}
	return false
}
