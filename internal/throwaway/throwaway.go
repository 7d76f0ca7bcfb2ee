// Package throwaway makes bottles that leave nothing behind: each is made like
// any other, from a manifest in a folder of its own that holds its state too and
// is removed in the end. This program runs in it.
package throwaway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm"
)

// programAt is where Options.Program is seen in a bottle: in one whose machine has a
// file system of its own, where that is no memory.
func programAt(backend vm.Backend) string {
	if _, ok := backend.(vm.Keeper); ok {
		return "/var/lib/bottle/self/bottle"
	}
	return "/run/bottle-self/bottle"
}

// Project is the folder beside the manifest that is meant to be its workspace.
const Project = "project"

// Options of Launch.
type Options struct {
	Backend vm.Backend
	// Program is this program: a path without symbolic links.
	Program string
	// Manifest is the text of the manifest. It is trusted.
	Manifest string
	// Files are texts of files, by their paths beside the manifest.
	Files map[string]string
	// Progress is told what takes long; nil is silent.
	Progress func(string)
}

// Bottle is a running one. Its methods are for one goroutine.
type Bottle struct {
	b       *bottle.Bottle
	dir     string
	backend vm.Backend
}

// Launch makes the bottle. When it fails, nothing stays behind.
func Launch(ctx context.Context, opt Options) (_ *Bottle, err error) {
	dir, err := os.MkdirTemp("", "btl-") // short, for sockets
	if err != nil {
		return nil, err
	}
	t := &Bottle{dir: dir, backend: opt.Backend}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	m, err := write(dir, opt)
	if err != nil {
		return nil, err
	}
	trust := manifest.OpenTrust(dir)
	if err := trust.Trust(m); err != nil { // it was written a moment ago, by us
		return nil, err
	}
	program := programAt(opt.Backend)
	p, err := bottle.Prepare(ctx, bottle.Options{Manifest: m, Trust: trust, Backend: opt.Backend, Args: []string{program}, Env: state.Within(dir),
		Progress: opt.Progress, Mounts: []vm.Mount{{Source: opt.Program, Target: program, ReadOnly: true}}})
	if err != nil {
		return nil, err
	}
	if t.b, err = p.Launch(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// write writes the project with its manifest.
func write(dir string, opt Options) (*manifest.Manifest, error) {
	if err := os.Mkdir(filepath.Join(dir, Project), 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, manifest.FileName)
	if err := os.WriteFile(file, []byte(opt.Manifest), 0o600); err != nil {
		return nil, err
	}
	for name, text := range opt.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return manifest.Load(manifest.Options{File: file, Dir: dir, Environ: []string{"HOME=" + dir}})
}

// maxErrors bounds what is kept of a command's stderr, in bytes.
const maxErrors = 1 << 20

// Run runs this program in the bottle, with the arguments and the streams of c
// but for stderr, to its end. That must be a good one; else stderr is in the
// error.
func (t *Bottle) Run(ctx context.Context, c vm.Command) error {
	stderr := &Buffer{Limit: maxErrors}
	c.Args, c.Stderr = append([]string{programAt(t.backend)}, c.Args...), stderr
	p, err := t.b.Start(ctx, c)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = t.b.Kill() })
	defer stop()
	code, err := p.Wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("it ended with code %d: %s", code, bytes.TrimSpace(stderr.Bytes()))
	}
	return err
}

// JournalDir returns the folder of the journal, which is whole after End.
func (t *Bottle) JournalDir() string { return t.b.JournalDir() }

// End ends the bottle. Its files stay until Close.
func (t *Bottle) End() error {
	if t.b == nil {
		return nil
	}
	return t.b.Close()
}

// Close ends the bottle and removes its files, and its machine where that outlives it.
func (t *Bottle) Close() error {
	err := t.End()
	if t.b != nil {
		r := state.Bottle{ID: t.b.ID(), Backend: t.backend.Name()}
		err = errors.Join(err, bottle.RemoveMachine(context.Background(), r, []vm.Backend{t.backend}))
	}
	return errors.Join(err, os.RemoveAll(t.dir))
}

// Buffer keeps what is written to it, and fails when that is more than Limit
// bytes.
type Buffer struct {
	Limit int
	data  []byte
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > b.Limit {
		return 0, fmt.Errorf("more output than the %d bytes that it may have", b.Limit)
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

// Bytes returns what was written.
func (b *Buffer) Bytes() []byte { return b.data }
