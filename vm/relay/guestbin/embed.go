//go:build guestbin

package guestbin

import (
	"embed"
	"fmt"
)

// Made by make, for Linux.
//
//go:embed bottle-relay-amd64 bottle-relay-arm64
var programs embed.FS

func embedded(arch string) ([]byte, error) {
	data, err := programs.ReadFile("bottle-relay-" + arch)
	if err != nil {
		return nil, fmt.Errorf("virtual machines of architecture %s are not supported: %w", arch, err)
	}
	return data, nil
}
