// Package demo shows what bottle does, in a few seconds, without a network or an
// account: a scripted agent in a real sandbox, a real proxy, and a TLS server in
// this process that plays the internet.
//
// Nothing is taken on trust. Each outcome is read back from three places: what
// the agent saw, what the server received, and what the journal says.
package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
)

// Options of Run.
type Options struct {
	Backend vm.Backend
	// Program is this program, which runs in the bottle as
	// "PROGRAM demo --session".
	Program  string
	Progress func(string)
}

// Run runs the demonstration in a folder of its own, which it removes. The
// error says what could not be done; whether everything came out as promised,
// the report says.
func Run(ctx context.Context, opt Options) (_ *Report, err error) {
	dir, err := os.MkdirTemp("", "btl-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	up, err := startUpstream()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, up.close()) }()
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	m, env, err := project(dir, up, token)
	if err != nil {
		return nil, err
	}
	s, events, err := runSession(ctx, opt, m, env, dir)
	if err != nil {
		return nil, err
	}
	return check(s, up, events, token)
}

// newToken makes the credential of this run. It exists nowhere else.
func newToken() (string, error) {
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return "demo_" + hex.EncodeToString(b[:]), nil
}

// secretName is what the manifest calls the credential.
const secretName = "demo"

// manifestText is the demonstration's bottle.yaml. The port is the server's.
const manifestText = `version: 1
agent: generic
workspace: {path: ./project}
env:
  ` + tokenVariable + `: ${secret:` + secretName + `}      # the placeholder, never the value
egress:
  default: deny
  routes:
    - host: ` + apiHost + `
      secrets: [` + secretName + `]                # the only place where the credential may go
      private: true                  # because the demo's internet is this computer
      upstream: %[1]s
    - host: ` + vaultHost + `
      tls: passthrough               # not looked into; only the name is checked
      private: true
      upstream: %[1]s
  upstream_ca: [./internet-ca.pem]
secrets:
  ` + secretName + `:
    from: {file: ./token}
    inject: bearer
`

// project writes a project with its manifest, and says where its state is kept.
func project(dir string, up *upstream, token string) (*manifest.Manifest, state.Env, error) {
	env := state.Within(dir)
	if err := os.Mkdir(filepath.Join(dir, "project"), 0o700); err != nil {
		return nil, env, err
	}
	for _, f := range []struct{ name, text string }{
		{manifest.FileName, fmt.Sprintf(manifestText, up.addr)},
		{"token", token + "\n"},
		{"internet-ca.pem", string(up.ca.CertificatePEM())},
		{"project/README.md", "# The agent works on a copy of this folder.\n"},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o600); err != nil {
			return nil, env, err
		}
	}
	m, err := manifest.Load(manifest.Options{File: filepath.Join(dir, manifest.FileName), Dir: dir, Environ: []string{"HOME=" + dir}})
	return m, env, err
}

// programTarget is where this program is seen in the bottle.
const programTarget = "/run/bottle-demo/bottle"

// maxOutput bounds what the session may print.
const maxOutput = 1 << 20

// runSession launches a bottle as `bottle up` does, runs the agent in it and
// reads the journal when it has ended.
func runSession(ctx context.Context, opt Options, m *manifest.Manifest, env state.Env, dir string) (_ *session, _ []proxy.Event, err error) {
	trust := manifest.OpenTrust(dir)
	if err := trust.Trust(m); err != nil { // it was written a moment ago, by us
		return nil, nil, err
	}
	args := []string{programTarget, "demo", "--session"}
	p, err := bottle.Prepare(ctx, bottle.Options{Manifest: m, Trust: trust, Backend: opt.Backend, Args: args, Env: env, Progress: opt.Progress,
		Mounts: []vm.Mount{{Source: opt.Program, Target: programTarget, ReadOnly: true}}})
	if err != nil {
		return nil, nil, err
	}
	b, err := p.Launch(ctx)
	if err != nil {
		return nil, nil, err
	}
	var stdout, stderr bytes.Buffer
	code, err := run(ctx, b, args, &stdout, &stderr)
	err = errors.Join(err, b.Close())
	if err == nil && code != 0 {
		err = fmt.Errorf("the agent of the demo ended with code %d: %s", code, bytes.TrimSpace(stderr.Bytes()))
	}
	if err != nil {
		return nil, nil, err
	}
	s := &session{}
	if err := json.Unmarshal(stdout.Bytes(), s); err != nil {
		return nil, nil, fmt.Errorf("what the agent of the demo reports cannot be read: %w", err)
	}
	events, err := journalEvents(b.JournalDir())
	return s, events, err
}

func run(ctx context.Context, b *bottle.Bottle, args []string, stdout, stderr *bytes.Buffer) (int, error) {
	proc, err := b.Start(ctx, vm.Command{Args: args, Stdout: &limitedWriter{stdout, maxOutput}, Stderr: &limitedWriter{stderr, maxOutput}})
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = b.Kill() })
	defer stop()
	return proc.Wait()
}

type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("more output than expected")
	}
	return l.w.Write(p)
}

func journalEvents(dir string) (events []proxy.Event, err error) {
	for e, err := range journal.Read(dir, journal.Filter{}) {
		if err != nil {
			return nil, err
		}
		events = append(events, e.Event)
	}
	return events, nil
}
