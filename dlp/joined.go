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

// joints are how a view joins: at takes out what stands between two parts, of which only
// some bytes are.
type joints struct {
	at      func(b []byte, i int) (from, to int) // to is 0 if nothing is joined
	between *class
}

var (
	wrappedJoints = joints{wrap, newClass(" \t\r\n\\ntr")}
	concatJoints  = joints{joinedString, newClass(" \t\r\n\\ntrbfuBFRU+.&~|\"'`")}
)

// joinedText has what stands before a run, the run from joinedAt on, and what follows.
type joinedText [joinedAt + blockLen + runContext]byte

const joinedAt = runContext

// mayBeJoined reports whether a view has to look at what it finds to join: at s.buf[from:]
// without what stands before s.buf[to].
func (s *Scanner) mayBeJoined(j joints, from, to int) bool {
	b := s.buf
	start, end := runByte.spanBack(b, from, from-maxJoined), runByte.span(b, to, to+maxJoined)
	n := from - start + end - to
	switch {
	case s.engine.outOfRuns || n > maxJoined || end+wordLen > len(b) || start < maxLead:
		return true
	case mayBeURL(b[max(0, from-viewContext-regionLead):min(len(b), to+regionRest)]):
		return true
	case from == start && b[from-1] == '=':
		return true // the mark of a break in quoted-printable, or what a token is assigned to
	case j.before(b, start):
		return true
	case n < minRun && !leadByte[b[end]] && !mayJoin[b[end]]:
		return false
	}
	text := &s.survey.joined
	before, joint := min(start, joinedAt), joinedAt+from-start
	clear(text[:joinedAt-before])
	copy(text[joinedAt-before:], b[start-before:from])
	known := joint + copy(text[joint:], b[to:])
	clear(text[known:])
	if j.behind(text[:known], joinedAt+n) {
		return true // with what is before, a short line may be long enough
	}
	return leadByte[b[end]] && s.engine.mayLead(text[:], joinedAt+n) || n >= minRun && s.mayBeInRun(text, joinedAt+n, joint, known)
}

// behind reports whether more is joined where what goes on at b[i] ends, which may be a
// run, or parts of a token with dots and such between.
func (j joints) behind(b []byte, i int) bool {
	for most := min(len(b), i+blockLen); i < most && partByte[b[i]]; {
		i++
	}
	if i == len(b) || !mayJoin[b[i]] {
		return false
	}
	_, to := j.at(b, i)
	return to > 0
}

// before reports whether what goes on at b[i] may be the last part of a token: it is
// joined with what is before, or the parts before have a digit and a capital letter.
func (j joints) before(b []byte, i int) bool {
	digit, capital := false, false
	for at, least := i, max(0, i-blockLen); at > least && partByte[b[at-1]]; at-- {
		digit, capital = digit || decimals[b[at-1]], capital || upper[b[at-1]]
	}
	if digit && capital {
		return true
	}
	for q, least := i-1, max(0, i-maxJoiner); q >= least && j.between[b[q]]; q-- {
		if !mayJoin[b[q]] {
			continue
		}
		if _, to := j.at(b, q); to >= i {
			return true
		}
	}
	return false
}

// mayJoin are the bytes that more may be joined at, partByte those that stand before.
var (
	mayJoin  = newClass("\\\r\n\"'`")
	partByte = newClass("!#-&(-[]-_a-~")
)

// joinedString is joiner for the mark of a string that ends at b[i], behind backslashes.
func joinedString(b []byte, i int) (from, to int) {
	i += runAfter(b, i, escapeSlashes, backslash)
	if i == len(b) {
		return 0, 0
	}
	return joiner(b, i)
}

// mayBeURL reports whether a URL with a password may be in text.
func mayBeURL(text []byte) bool {
	return bytes.IndexByte(text, '@') >= 0 && bytes.Contains(text, []byte("://"))
}

// mayBeInRun reports whether something may be in the run text[joinedAt:end], of which the
// part before text[joint] and the rest are known to the stream on their own. It is followed
// by what is up to text[known].
func (s *Scanner) mayBeInRun(text *joinedText, end, joint, known int) bool {
	const start = joinedAt
	e, m := s.engine, view{&s.survey.masks, joinedBlock * maskBytes, 0}
	m.masks.classify(joinedBlock, 1, text[start:])
	t := e.prefixes.traitsOf(m, text[:], start, end)
	switch {
	case t.text|t.spans|t.flags&^traitLead != 0:
		return true
	case numbersIn(block{m.masks, joinedBlock}) != 0 || t.digits != 0 && e.mayBeRun(text[:known], start, end):
		return true
	case t.flags&traitLead != 0 && e.mayLead(text[:], start):
		return true
	case e.mayBeNeedle(text[:], start, end, joint):
		return true
	}
	for ; t.separators != 0; t.separators &= t.separators - 1 {
		if e.mayBegin(text[start+bits.TrailingZeros64(t.separators):]) {
			return true
		}
	}
	return false
}

// mayBeRun reports whether a rule takes the run b[start:end], which has a digit, or may
// with what is not there yet.
func (e *Engine) mayBeRun(b []byte, start, end int) bool {
	rules := e.rulesAt(b, start, end, true)
	if rules == 0 {
		return false
	}
	_, _, _, ok := findRun(b, start, end, rules)
	return ok || len(b)-end < runContext
}

// mayBegin reports whether a token may start with b.
func (e *Engine) mayBegin(b []byte) bool {
	if !e.prefixes.mayStart(b) {
		return false
	}
	for _, p := range e.prefixes.at(b[0], b[1]) {
		if _, ok := hasPrefix(b, e.literals[p.literal].text); ok {
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
		if (!word[b[i-1]] || escaped(b[:i])) && e.mayBegin(b[i:]) {
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
