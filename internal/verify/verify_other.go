//go:build !linux

package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// There are no attacks for this system yet: its bottles are microVMs.

type targets struct{ Nonce string }

type attack struct {
	name, what               string
	try                      func(context.Context, targets) attempt
	needsControl, insideOnly bool
}

var attacks []attack

type canaries struct{ targets targets }

func plant(context.Context, Options) (*canaries, error) {
	return nil, fmt.Errorf("there are no canaries for %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func (c *canaries) remove()                      {}
func (c *canaries) reset()                       {}
func (c *canaries) saw(string) bool              { return false }
func (c *canaries) settle(context.Context) error { return nil }

// Victim is the process canary.
func Victim(io.Reader, io.Writer) error { return errors.ErrUnsupported }
