package sandbox_test

import (
	"context"
	"fmt"
	"os"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// A machine is made, a command runs in it, and it is gone. main has to call sandbox.Init
// before anything else.
func Example() {
	ctx := context.Background()
	machine, err := sandbox.New(sandbox.Options{}).Create(ctx, vm.Spec{ID: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = machine.Close() }()
	process, err := machine.Start(ctx, vm.Command{Args: []string{"sh", "-c", "echo I am $USER at $(hostname)"}, Stdout: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := process.Wait()
	fmt.Println("exit code", code, err)
	// Output:
	// I am agent at bottle
	// exit code 0 <nil>
}
