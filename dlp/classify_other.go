//go:build !amd64

package dlp

// classifyVectors says that there are none for this processor.
func (*masks) classifyVectors(k, n int, text []byte) bool { return false }
