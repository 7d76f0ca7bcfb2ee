//go:build !amd64

package dlp

// findVectors says that there are none for this processor.
func (*signs) findVectors(m *masks, first, last int, least uint) bool { return false }
