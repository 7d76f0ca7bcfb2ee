package control

import "fmt"

// peer is who is at the other end of a connection, by the kernel's word.
type peer struct{ uid, pid int }

// check lets through the same user and root. Modes already keep others out;
// this holds when somebody has changed them.
func (p peer) check(self int) error {
	if p.uid != self && p.uid != 0 {
		return fmt.Errorf("process %d of user %d is at the other end, this is user %d", p.pid, p.uid, self)
	}
	return nil
}
