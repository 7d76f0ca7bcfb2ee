package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm"
)

// MetadataURL is where clouds give credentials to whoever asks.
const MetadataURL = "http://169.254.169.254/latest/meta-data/"

// InBottle returns the Runner of the inner half in a bottle: made like any
// other, from a manifest that allows nothing, with its state in a folder of its
// own. It makes the bottle when it is called, so that what was planted before is
// there to leak in, and takes it away again. program is this program, which runs
// inside.
func InBottle(backend vm.Backend, program string, progress func(string)) Runner {
	return func(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) (err error) {
		in, err := launch(ctx, backend, program, progress, manifestText)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, in.close()) }()
		return in.run(ctx, vm.Command{Args: append([]string{programTarget}, args...), Stdin: stdin, Stdout: stdout})
	}
}

// inside is such a bottle.
type inside struct {
	b   *bottle.Bottle
	dir string
}

// programTarget is where this program is seen in the bottle.
const programTarget = "/run/bottle-verify/bottle"

// manifestText allows nothing.
const manifestText = "version: 1\nworkspace: {path: ./project}\negress: {default: deny}\n"

// launch makes it, from the text of a manifest.
func launch(ctx context.Context, backend vm.Backend, program string, progress func(string), text string) (_ *inside, err error) {
	dir, err := os.MkdirTemp("", "btl-")
	if err != nil {
		return nil, err
	}
	in := &inside{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, in.close())
		}
	}()
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "project"), 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, manifest.FileName)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	m, err := manifest.Load(manifest.Options{File: file, Dir: dir, Environ: []string{"HOME=" + dir}})
	if err != nil {
		return nil, err
	}
	trust := manifest.OpenTrust(dir)
	if err := trust.Trust(m); err != nil {
		return nil, err
	}
	p, err := bottle.Prepare(ctx, bottle.Options{Manifest: m, Trust: trust, Backend: backend, Args: []string{programTarget}, Env: state.Within(dir),
		Progress: progress, Mounts: []vm.Mount{{Source: program, Target: programTarget, ReadOnly: true}}})
	if err != nil {
		return nil, err
	}
	if in.b, err = p.Launch(ctx); err != nil {
		return nil, err
	}
	return in, nil
}

// run runs a command to its end, which must be a good one.
func (in *inside) run(ctx context.Context, c vm.Command) error {
	stderr := &limitedBuffer{limit: maxReport}
	c.Stderr = stderr
	p, err := in.b.Start(ctx, c)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = in.b.Kill() })
	defer stop()
	code, err := p.Wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("it ended with code %d: %s", code, bytes.TrimSpace(stderr.data))
	}
	return err
}

// close ends the bottle and removes its files.
func (in *inside) close() error {
	var err error
	if in.b != nil {
		err = in.b.Close()
	}
	return errors.Join(err, os.RemoveAll(in.dir))
}
