package verify

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// plantKey puts a key into the session keyring, see keyrings(7). It needs a
// kernel whose keyrings it may use, and a session keyring, which login programs
// make; containers often have neither. The row is untested then.
func (c *canaries) plantKey() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if !haveSession() {
		return
	}
	name := "bottle-verify-" + c.targets.Nonce
	id, err := unix.AddKey("user", name, []byte(c.targets.Nonce), unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		return
	}
	c.targets.Key = name
	c.cleanup(func() { _, _ = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, id, 0, 0, 0) })
}

// haveSession says whether this process was given a session keyring. Without
// one the kernel shows the user's, which another user namespace never sees, or
// makes one that is a single thread's.
func haveSession() bool {
	session, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	if err != nil {
		return false
	}
	users, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_SESSION_KEYRING, false)
	return err == nil && session != users
}
