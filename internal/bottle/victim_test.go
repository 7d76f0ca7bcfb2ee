package bottle

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
)

// victimArg makes the test binary a process that a test kills:
//
//	bottle.test victim-of-the-tests proxy|up DIR
const victimArg = "victim-of-the-tests"

// victim serves the project in a folder until SIGTERM. It prints a line when it
// is there.
func victim(kind, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	env := state.Within(dir)
	m, err := manifest.Load(manifest.Options{File: filepath.Join(dir, manifest.FileName), Dir: dir, Environ: []string{"HOME=" + dir}})
	if err != nil {
		return err
	}
	stateDir, err := env.StateDir()
	if err != nil {
		return err
	}
	trust := manifest.OpenTrust(stateDir)
	if kind == "proxy" {
		s, _, err := NewStandalone(ctx, StandaloneOptions{Manifest: m, Trust: trust, Env: env, Listen: "127.0.0.1:0"})
		if err != nil {
			return err
		}
		fmt.Println(s.URL())
		return s.Serve(ctx)
	}
	p, err := Prepare(ctx, Options{Manifest: m, Trust: trust, Backend: victimBackend(), Args: []string{"sh"}, Env: env})
	if err != nil {
		return err
	}
	b, err := p.Launch(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, b.ID())
	<-ctx.Done()
	return b.Close()
}
