package dlp

// A token, and text that was encoded into letters, stands in a run: bytes of
// one class with no space, quote or line end between. A block of 64 bytes becomes
// a mask that tells which of them are of the class, and a few shifts tell whether
// any minRun of them stand in a row. No branch depends on the text before that.

const (
	// minRun is the shortest run that is looked at.
	minRun = 15
	// maxLead is how far before a run a token may start, with only bytes of lead
	// between: SG.…, hooks.slack.com/services/….
	maxLead  = 48
	wordLen  = 8
	blockLen = 64

	lanes = 0x0101010101010101
	highs = 0x80 * lanes
)

// runSpec are the bytes of runs, as newClass takes them.
const runSpec = "A-Za-z0-9+/_-"

var (
	// runByte are the bytes of runs: those of both base64 alphabets.
	runByte = newClass(runSpec)
	// leadByte are those that may stand before the run in a token.
	leadByte = newClass("A-Za-z0-9_+/:.$-")
)

// eightInRow returns the bits of m with seven more of them above.
func eightInRow(m uint64) uint64 {
	m &= m >> 1
	m &= m >> 2
	return m & (m >> 4)
}

// isZero is 1 for 0, and 0 for all else.
func isZero(v uint64) uint64 { return (v|-v)>>63 ^ 1 }

// isLess is 1 if a is less than b, and 0 if not.
func isLess(a, b int) uint64 { return uint64(a-b) >> 63 }

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
