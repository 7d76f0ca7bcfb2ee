//go:build !linux

package sandbox

import (
	"context"
	"fmt"
	"runtime"

	"github.com/bot-bottle/bottle/vm"
)

var _ vm.Backend = (*Backend)(nil)

// Init does nothing: there are no sandboxes on this system.
func Init() {}

// Doctor says that the backend needs Linux.
func (b *Backend) Doctor(context.Context) []vm.Check {
	return []vm.Check{{Name: "system", Detail: errSystem().Error(), Fix: "use the smolvm backend"}}
}

// Owner returns an error.
func (b *Backend) Owner(string) (uid, gid int, err error) { return 0, 0, errSystem() }

// Create returns an error.
func (b *Backend) Create(context.Context, vm.Spec) (vm.Machine, error) { return nil, errSystem() }

// FixAppArmor returns an error.
func FixAppArmor(context.Context, string) (string, error) { return "", errSystem() }

func errSystem() error {
	return fmt.Errorf("the sandbox backend needs Linux, this is %s; the smolvm backend runs here", runtime.GOOS)
}
