package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bot-bottle/bottle/internal/throwaway"
	"github.com/bot-bottle/bottle/vm"
)

// MetadataURL is where clouds give credentials to whoever asks.
const MetadataURL = "http://169.254.169.254/latest/meta-data/"

// manifestText allows nothing.
const manifestText = "version: 1\nworkspace: {path: ./" + throwaway.Project + "}\negress: {default: deny}\n"

// smallMachine has a virtual machine start soon on a weak host, too. What holds is the
// same in any size.
const smallMachine = "resources: {memory: 1GiB, cpus: 1}\n"

// InBottle returns the Runner of the inner half in a bottle: made like any
// other, from a manifest that allows nothing, with its state in a folder of its
// own. It makes the bottle when it is called, so that what was planted before is
// there to leak in, and takes it away again. program is this program, which runs
// inside.
//
// image is what the backend's machine is made of, where it has a file system of its
// own; "" is the default.
func InBottle(backend vm.Backend, image, program string, progress func(string)) Runner {
	text := manifestText
	if _, virtual := backend.(vm.Keeper); virtual {
		text += smallMachine
	}
	if image != "" {
		text += fmt.Sprintf("image: %q\n", image)
	}
	return inBottle(throwaway.Options{Backend: backend, Program: program, Manifest: text, Progress: progress}, func() map[string]string { return nil })
}

// inBottle asks env for variables of the inner half, when that is run.
func inBottle(opt throwaway.Options, env func() map[string]string) Runner {
	return func(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) (err error) {
		b, err := throwaway.Launch(ctx, opt)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.Close()) }()
		return b.Run(ctx, vm.Command{Args: args, Env: env(), Stdin: stdin, Stdout: stdout})
	}
}
