//go:build !linux

package journal

// fullInside is for systems where a test can mount a file system.
func fullInside(string) int { return 1 }
