//go:build !amd64

package dlp

// classify makes the masks of as many blocks as out has room for. It reads a byte
// behind them, as text has to have.
func classify(out []blockMasks, text []byte) { classifyPlain(out, text) }
