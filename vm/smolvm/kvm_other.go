//go:build !linux || !(amd64 || arm64)

package smolvm

// tryKVM: macOS has a hypervisor of its own.
func tryKVM() error { return nil }
