package dlp

import (
	"encoding/binary"
	"math/bits"
)

// A token, and text that was encoded into letters, stands in a run: bytes of
// one class with no space, quote or line end between. Runs of minRun bytes and
// more are found eight bytes at a time, for each holds eight that start at a
// multiple of eight. All else in a text costs a load and a test.

const (
	// minRun is the shortest run that is looked at.
	minRun = 15
	// maxLead is how far before a run a token may start, with only bytes of lead
	// between: SG.…, hooks.slack.com/services/….
	maxLead = 32
	wordLen = 8

	lanes = 0x0101010101010101
	highs = 0x80 * lanes
)

var (
	// runByte are the bytes of runs: those of both base64 alphabets.
	runByte = newClass("A-Za-z0-9+/_-")
	// leadByte are those that may stand before the run in a token.
	leadByte = newClass("A-Za-z0-9_+/:.$-")
)

// nextWord returns the first i, i+8, … at which b has eight bytes of a run, or
// where eight whole bytes are not there. seen collects the bytes that were
// passed, OR-ed, so that one test tells whether any was not ASCII.
func nextWord(b []byte, i int, seen uint64) (at int, all uint64) {
	const (
		low  = '+' * lanes
		high = (0x7f - 'z') * lanes
	)
	for ; i+wordLen <= len(b); i += wordLen {
		v := binary.LittleEndian.Uint64(b[i:])
		seen |= v
		// The top bit of each lane: is the byte below '+', above 'z', not ASCII?
		if (^((v|highs)-low)|(v+high)|v)&highs == 0 && isRun(b[i:i+wordLen]) {
			break
		}
	}
	return i, seen
}

func isRun(b []byte) bool {
	_ = b[7]
	return runByte[b[0]] && runByte[b[1]] && runByte[b[2]] && runByte[b[3]] &&
		runByte[b[4]] && runByte[b[5]] && runByte[b[6]] && runByte[b[7]]
}

// runEnd returns where the run in b that goes on at i ends.
func runEnd(b []byte, i int) int {
	for i+wordLen <= len(b) && isRun(b[i:i+wordLen]) {
		i += wordLen
	}
	for i < len(b) && runByte[b[i]] {
		i++
	}
	return i
}

// runStart returns where the run in b that reaches i starts, not before least.
func runStart(b []byte, i, least int) int {
	for i > least && runByte[b[i-1]] {
		i--
	}
	return i
}

// nextSeparator returns the index of the first of + - / in b[i:end], which is of
// one run, or end. They are the bytes of a run whose high nibble is 2.
func nextSeparator(b []byte, i, end int) int {
	for ; i+wordLen <= end; i += wordLen {
		v := binary.LittleEndian.Uint64(b[i:])
		if m := ^(v<<1 | v<<3) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < end && b[i]>>4 != 2 {
		i++
	}
	return i
}

// anchored reports whether a token has what the gate needs to find it: a run of
// minRun bytes near its start.
func anchored(token []byte) bool {
	run := 0
	for i, c := range token {
		switch {
		case runByte[c]:
			if run++; run == minRun {
				return i+1-run <= maxLead
			}
		case !leadByte[c]:
			return false
		default:
			run = 0
		}
	}
	return false
}
