package gitgate

// Push says what may be pushed.
type Push struct {
	// Options lets push options through, which are for programs at the server.
	Options bool
}

// servePush refuses: nothing is forwarded that was not read.
func (v *visit) servePush() {
	r := v.checkPost(receivePack)
	if r == nil {
		r = v.readOnly()
	}
	v.refuse(r)
}
