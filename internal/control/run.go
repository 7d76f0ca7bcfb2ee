package control

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/bot-bottle/bottle/vm"
)

// Run runs a command of the bottle in the foreground of a person's command
// line, as vm.Run does in a machine.
func (c *Client) Run(ctx context.Context, cmd vm.Command, files vm.Files) (code int, err error) {
	return vm.Run(ctx, remote{c}, cmd, files)
}

// remote is a machine of which only commands can be started.
type remote struct{ *Client }

var errRemote = fmt.Errorf("a bottle that another process holds: %w", errors.ErrUnsupported)

func (r remote) ID() string                                        { return r.info.ID }
func (r remote) Listen(context.Context, int) (net.Listener, error) { return nil, errRemote }
func (r remote) Limits() []vm.Limit                                { return nil }
func (r remote) Wait() error                                       { return errRemote }
func (r remote) Close() error                                      { return errRemote }
