package gitgate

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// Who waits for a connection that another makes is held by no lock: not beyond the
// own context, and not by the context of the other.
func TestWaitingForAConnectionOfSSH(t *testing.T) {
	u := newSSHUpstream(&Host{URL: &url.URL{Scheme: "ssh", Host: "forge.test"}, SSH: &SSHAuth{KnownHosts: []string{t.TempDir() + "/none"}}})
	u.dialing = &sshDial{done: make(chan struct{})}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := u.connection(gone, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away waited until %v", err)
	}
	wait := func(outcome error) error {
		d := &sshDial{done: make(chan struct{})}
		u.mu.Lock()
		u.dialing = d
		u.mu.Unlock()
		got := make(chan error)
		go func() {
			_, _, err := u.connection(t.Context(), nil)
			got <- err
		}()
		u.mu.Lock()
		u.dialing, d.err = nil, outcome
		close(d.done)
		u.mu.Unlock()
		return <-got
	}
	if err := wait(context.Canceled); err == nil || !strings.Contains(err.Error(), "known hosts") {
		t.Errorf("whose predecessor went away does not connect itself: %v", err)
	}
	if u.dialing != nil {
		t.Error("somebody connects for ever")
	}
	u.leave(&sshConn{running: 2}) // the lock is free
}
