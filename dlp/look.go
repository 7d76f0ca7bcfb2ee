package dlp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// What has no fixed beginning is looked at where something cheap says that it
// may be: a run, a word of digits, a word of a seed phrase. The look waits until
// what it may need behind it is there, so that it does not depend on where a
// chunk ends.

const (
	// maxLook is the longest run that is looked at.
	maxLook = 2 << 10
	// seedStep is how many bytes the twelve words of a seed phrase have at least,
	// seedAhead what a phrase needs behind a word of it.
	seedStep  = 47
	seedAhead = 320
)

// look is what waits.
type look struct {
	kind       lookKind
	start, end int64 // of a run, of a word, of a :// and its @
	from       int64 // where a match may start
	due        int64 // the stream has to reach this offset
	rules      ruleSet
}

type lookKind uint8

const (
	lookRun lookKind = iota
	lookDigits
	lookURL
	lookSeed
)

// lookAhead is how much of the stream a look at a run needs behind it, by the
// byte that ended the run: values go on behind some, and padding, blanks and
// backslashes behind others may still be a value's end.
var lookAhead = func() (t [256]uint8) {
	for c := range t {
		t[c] = 2
	}
	for _, c := range []byte(".~!@#%^*:?$") {
		t[c] = runContext
	}
	for _, c := range []byte(" \t\\=&") {
		t[c] = 24
	}
	return t
}()

// lookAtRun has a run that ended looked at.
func (s *Scanner) lookAtRun(end int) {
	start := int(s.run.start - s.base)
	if end-start > maxLook {
		return
	}
	rules := s.engine.rulesAt(s.buf, start, end, s.anyDigit(start, end))
	if rules == 0 {
		return
	}
	ahead := 0
	if end < len(s.buf) {
		ahead = int(lookAhead[s.buf[end]])
		if isMember(s.buf[:start], 'd') {
			ahead = runContext // the other members of a JSON Web Key
		}
	}
	s.looks = append(s.looks, look{lookRun, s.run.start, s.base + int64(end), s.lookLead(start), s.base + int64(end+ahead), rules})
}

// rulesAt returns the rules that may take the run b[start:end], by whether it has any
// digit and by what is before it, for nearly all are parts of names and words. What is
// shorter than leastShaped needs a name, a scheme of authorization, or the tilde of
// Azure.
func (e *Engine) rulesAt(b []byte, start, end int, anyDigit bool) ruleSet {
	rules := rulesFor(b, start, end) & e.runRules
	if start > 0 && b[start-1] == ' ' && (bytes.HasSuffix(b[:start], []byte("asic ")) || bytes.HasSuffix(b[:start], []byte("earer "))) {
		return rules
	}
	if rules == 0 || !anyDigit {
		return 0
	}
	named := start == 0
	if !named {
		if _, _, named = assignedSecret(b, start, end); !named {
			rules &^= namedRules
		}
	}
	if named || end-start >= leastShaped || byteAt(b, end) == '~' || (b[start-1] == '.' || b[start-1] == '~') && bytes.Contains(before(b, start, maxAzure), []byte("Q~")) {
		return rules
	}
	return 0
}

// leastShaped is the shortest run that a rule takes without any of these.
const leastShaped = 23

// maxAzure is the length of the longest client secret of Entra ID.
const maxAzure = 40

// anyDigit reports whether the run s.buf[start:end] has a digit.
func (s *Scanner) anyDigit(start, end int) bool {
	if s.inWindow(start, end) {
		return s.window(maskDigit, start, end-start) != 0
	}
	return anyDigit(s.buf[start:end])
}

// anyDigit reports whether a part of a run has a digit: those are the bytes of
// runs with bit 4 and without bit 6.
func anyDigit(b []byte) bool {
	for ; len(b) >= wordLen; b = b[wordLen:] {
		if v := binary.LittleEndian.Uint64(b); v<<3&^(v<<1)&highs != 0 {
			return true
		}
	}
	for _, c := range b {
		if decimals[c] {
			return true
		}
	}
	return false
}

// isMember reports whether text ends with the name of a JSON member of one
// letter, a colon and a quote.
func isMember(text []byte, name byte) bool {
	n := len(text)
	return n > 4 && text[n-1] == '"' && bytes.Contains(text[max(0, n-8):], []byte{'"', name})
}

// sampleDigits looks for words of digits, spaces and dashes that start in
// s.buf[i:end], and for those that are seven digits of a number but for what stands
// before or behind it: 13 digits may have no whole word. It returns where the next
// word starts.
func (s *Scanner) sampleDigits(i, end int) int {
	for ; i < end && i+wordLen <= len(s.buf); i += wordLen {
		v := binary.LittleEndian.Uint64(s.buf[i : i+wordLen : i+wordLen])
		other := v&(0xe0*lanes) ^ 0x20*lanes
		if other>>8 != 0 && other<<8 != 0 {
			continue
		}
		switch digits := v & (0x10 * lanes); {
		case other == 0 && bits.OnesCount64(digits) >= minDigits:
		case other>>8 == 0 && digits>>8 == sevenDigits && (i+wordLen == len(s.buf) || decimals[s.buf[i+wordLen]]):
		case other<<8 == 0 && digits<<8 == sevenDigits<<8 && decimals[byteAt(s.buf, i-1)]:
		default:
			continue
		}
		first := i
		for first < i+wordLen-1 && !decimals[s.buf[first]] {
			first++
		}
		at := s.base + int64(first)
		s.looks = append(s.looks, look{lookDigits, at, at + wordLen, s.base + int64(i) - cardReach, at + wordLen + runContext, 0})
	}
	return i
}

// The rules of what is looked at where digits or words stand.
const (
	RuleCard       = "card-number"
	RuleIBAN       = "iban"
	RuleSeedPhrase = "seed-phrase"
)

var lookRules = [...]Rule{
	{RuleCard, "Number of a payment card.", Block},
	{RuleIBAN, "International bank account number.", Block},
	{RuleSeedPhrase, "Seed phrase of a wallet (BIP-39).", Block},
	{ruleDatabaseURL, "Database or broker URL with a password, for a host that is not local.", Block},
	{ruleBasicAuthURL, "URL with a user and a password, or a token.", Block},
	{RuleUnscanned, "A part that could not be read: too many encodings, too much decoded, encrypted, unknown, or too many short values in one request.", Block},
}

// sevenDigits are seven bytes that are digits, by the bit that those have.
const sevenDigits = 0x10 * (lanes >> 8)

// minDigits is how many of eight bytes of a number with separators are digits.
const minDigits = 5

const (
	seedWindow = 32
	seedStride = seedStep - seedWindow + 1
)

// sampleStretch has words looked at that may be of a phrase in s.buf[from:to]: any
// seedStep bytes have seedWindow among them that end seedStride or less behind where
// others did.
func (s *Scanner) sampleStretch(from, to int) {
	if to-from < seedStep {
		return
	}
	for end := to; end-from >= seedWindow && s.base+int64(end) > s.seedAt; end -= seedStride {
		s.sampleSeed(end)
	}
	s.seedAt = max(s.seedAt, s.base+int64(to))
}

// sampleSeed has a word looked at in the window that ends before s.buf[end]. Of the
// words that are whole in there, the first two have to be of the list, which is told
// without a branch: most words are of it by chance or not.
func (s *Scanner) sampleSeed(end int) {
	from, table := end-seedWindow, bip39()
	m := s.window(maskLower, from, seedWindow) &^ (s.window(maskSlash, from, seedWindow) << 1)
	m &= m + 1 // the first word and the last may be cut
	m &= 1<<(seedWindow-bits.LeadingZeros32(^uint32(m))) - 1
	text := s.buf[from : end+wordLen]
	first, rest := table.firstOf(text, m)
	if second, _ := table.firstOf(text, rest); !first || !second {
		return
	}
	i := end - seedWindow/2
	if from, to, ok := table.wordAt(s.buf, i); ok && to > from && besideSeed(s.buf, from, to, end-seedWindow, end) && table.index(s.buf[from:to]) >= 0 {
		mid := s.base + int64(i)
		s.looks = append(s.looks, look{lookSeed, mid, mid, max(0, mid-phraseReach), mid + seedAhead, 0})
	}
}

// besideSeed reports whether the words that spaces part from b[from:to] may be of
// the list too, where they reach into b[least:most].
func besideSeed(b []byte, from, to, least, most int) bool {
	const room = 32 // so that the end of a word is there
	if to+1 < most && to+room < len(b) && b[to] == ' ' && isLower(b[to+1]) {
		if _, _, ok := bip39().wordAt(b, to+1); !ok {
			return false
		}
	}
	if from-2 >= least && from > room && from+room < len(b) && b[from-1] == ' ' && isLower(b[from-2]) {
		_, _, ok := bip39().wordAt(b, from-2)
		return ok
	}
	return true
}

// takeLooks looks at what waits and is due; at the end of a message at all, but
// what is not found there waits on.
func (s *Scanner) takeLooks(final bool) {
	kept := s.looks[:0]
	for _, l := range s.looks {
		due := l.due <= s.end()
		if (due || final) && s.takeLook(l) || due {
			continue
		}
		kept = append(kept, l)
	}
	s.looks = kept
}

// flushLooks looks at what waits as if the stream ended.
func (s *Scanner) flushLooks() {
	s.takeLooks(true)
}

// takeLook reports whether there is what was looked for.
func (s *Scanner) takeLook(l look) bool {
	var rule Rule
	var from, to int
	var ok bool
	start := int(l.start - s.base)
	switch l.kind {
	case lookRun:
		rule, from, to, ok = findRun(s.buf, start, int(l.end-s.base), l.rules)
	case lookURL:
		rule.ID, from, to, ok = credentialURL(s.buf, start)
	case lookSeed:
		rule.ID = RuleSeedPhrase
		from, to, ok = seedPhrase(s.buf, start)
	case lookDigits:
		if from, to, ok = cardNumber(s.buf, start); ok {
			rule.ID = RuleCard
		} else if from, to, ok = iban(s.buf, start); ok {
			rule.ID = RuleIBAN
		}
	}
	if ok && !s.engine.disabled[rule.ID] {
		s.found(rule.ID, rule.Action == Warn, from, to)
	}
	return ok
}

// found keeps a finding of a look until what stands there as it is was found.
// What a known value covers is that value.
func (s *Scanner) found(rule string, weak bool, from, to int) {
	sp := span{s.base + int64(from), s.base + int64(to)}
	pieces := s.uncovered(sp)
	whole := len(pieces) == 1 && pieces[0] == sp
	if weak && !whole {
		return
	}
	for _, p := range pieces {
		if text := s.bytes(p); whole || len(text) >= minPassword && !isCommon(text) {
			s.report(s.finding(&literal{rule: rule}, p.start, text))
		}
	}
}

// lookTail returns the offset from which looks may still come to a match.
func (s *Scanner) lookTail() int64 {
	tail := s.end()
	for _, l := range s.looks {
		tail = min(tail, l.from)
	}
	switch n := len(s.buf); {
	case s.run.open && s.end()-s.run.start <= maxLook: // a short one may get long
		tail = min(tail, s.lookLead(int(s.run.start-s.base)))
	case !s.run.open && n > 0 && leadEnd[s.buf[n-1]]:
		lead := s.lookLead(n)
		if text := s.buf[lead-s.base:]; len(text) >= leastLead && (anyDigit(text) || len(text) >= 2*leastLead) {
			tail = min(tail, lead)
		}
	}
	return max(tail, 0)
}

// lookLead returns the offset at which what belongs to a run at s.buf[i:] may start.
func (s *Scanner) lookLead(i int) int64 {
	for least := max(0, i-maxLead); i > least && (leadByte[s.buf[i-1]] || leadEnd[s.buf[i-1]]); {
		i--
	}
	return s.base + int64(i)
}

// leadEnd is what stands between a first part with digits and the run of a token
// that is looked at.
var leadEnd = newClass(":.~")

// leastLead is the length of the shortest first part.
const leastLead = len("aaa8Q~")

// lookNeeds returns the offset from which looks need the stream.
func (s *Scanner) lookNeeds() int64 {
	least := s.digitsAt - phraseReach
	for _, l := range s.looks {
		least = min(least, l.start-runContext)
	}
	if s.run.open && s.end()-s.run.start <= maxLook {
		least = min(least, s.run.start-runContext)
	}
	return least
}
