//go:build !amd64

package dlp

// classify makes the masks of as many blocks as out has room for. It reads a byte
// behind them, as text has to have.
func classify(out []blockMasks, text []byte) { classifyPlain(out, text) }

// classifyRuns makes the runMasks of as many blocks as out has room for.
func classifyRuns(out []runMasks, text []byte) { classifyRunsPlain(out, text) }
