package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/caps"
)

// setupCaps are what setup needs, within the machine's own namespaces: to
// mount and to name the host, to bring up the network, to empty the bounding
// set. They are ambient, or they would not survive the exec of another user
// than root.
var setupCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP}

// giveUp gives up what the agent must not have. All of it holds for the
// calling thread and for what it execs. The order matters: the bounding set
// needs a capability, Landlock and the filter need no_new_privs, the filter
// denies much of what comes before.
func (c *config) giveUp() error {
	b := c.Breach
	for _, g := range []struct {
		fence Breach
		what  string
		do    func() error
	}{
		{BreachKeyring, "join a session keyring of its own", newKeyring},
		{BreachCaps, "empty the bounding set", caps.EmptyBounding},
		{BreachNoNewPrivs, "set no_new_privs", func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }},
		{BreachLandlock, "restrict files with Landlock", func() error { return c.landlock() }},
		{BreachCaps, "give up capabilities", caps.Drop},
		{BreachFDs, "close descriptors", func() error { return unix.CloseRange(controlFD+1, maxFD, unix.CLOSE_RANGE_CLOEXEC) }},
		{BreachDeathSignal, "die with the parent", func() error { return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0) }},
		{BreachSeccomp, "filter system calls", installFilter},
	} {
		if b.has(g.fence) {
			continue
		}
		if err := g.do(); err != nil {
			return fmt.Errorf("%s: %w", g.what, err)
		}
	}
	return nil
}

// maxFD is the highest number that close_range(2) takes.
const maxFD = 1<<32 - 1

func newKeyring() error {
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) // without a name
	if errors.Is(err, unix.ENOSYS) {                                       // a kernel without keys
		return nil
	}
	return err
}
