package control

import (
	"context"

	"github.com/bot-bottle/bottle/vm"
)

// Run runs a command of the bottle in the foreground of a person's command
// line, as vm.Run does in a machine.
func (c *Client) Run(ctx context.Context, cmd vm.Command, files vm.Files) (code int, err error) {
	return vm.Run(ctx, c, cmd, files)
}
