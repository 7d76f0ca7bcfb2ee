//go:build !amd64

package dlp

// classifyVectors says that there are none for this processor.
func classifyVectors([]blockMasks, []byte) bool { return false }
