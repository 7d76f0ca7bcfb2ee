// Package demo shows what bottle does, in a few seconds, without a network or an
// account: a scripted agent in a real sandbox, a real proxy, and a TLS server in
// this process that plays the internet.
//
// Nothing is taken on trust. Each outcome is read back from three places: what
// the agent saw, what the server received, and what the journal says.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/throwaway"
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
	up, err := startUpstream()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, up.Close()) }()
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	b, err := throwaway.Launch(ctx, throwaway.Options{Backend: opt.Backend, Program: opt.Program, Progress: opt.Progress,
		Manifest: fmt.Sprintf(manifestText, up.Addr), Files: map[string]string{
			"token":                          token + "\n",
			"internet-ca.pem":                string(up.CA),
			throwaway.Project + "/README.md": "# The agent works on a copy of this folder.\n",
		}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	s, events, err := runSession(ctx, b)
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
workspace: {path: ./` + throwaway.Project + `}
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

// maxOutput bounds what the session may print.
const maxOutput = 1 << 20

// runSession runs the agent in the bottle and reads the journal when that has
// ended.
func runSession(ctx context.Context, b *throwaway.Bottle) (*session, []proxy.Event, error) {
	out := &throwaway.Buffer{Limit: maxOutput}
	if err := b.Run(ctx, vm.Command{Args: []string{"demo", "--session"}, Stdout: out}); err != nil {
		return nil, nil, fmt.Errorf("the agent of the demo: %w", err)
	}
	if err := b.End(); err != nil {
		return nil, nil, err
	}
	s := &session{}
	if err := json.Unmarshal(out.Bytes(), s); err != nil {
		return nil, nil, fmt.Errorf("what the agent of the demo reports cannot be read: %w", err)
	}
	events, err := journalEvents(b.JournalDir())
	return s, events, err
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
