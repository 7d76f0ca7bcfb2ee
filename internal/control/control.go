// Package control is the way to a running bottle: a unix socket that the
// process of `bottle up` serves with a [Server], and the [Client] that
// `bottle ls`, `exec`, `shell`, `down` and the views use.
//
// Who may use it: the socket has mode 0600 in a folder of mode 0700, and both
// ends ask the kernel who is at the other one: only the same user and root are
// served. Nothing of it is ever visible inside a bottle.
//
// One connection carries one operation, in frames of bounded length. The
// streams of a command flow as windows allow: an end that does not read stops
// the other's writer, costs it a fixed amount of memory, and holds up neither
// the other streams nor signals.
//
// A [Client] has the Start method of a vm.Machine, so that what drives a
// command in a machine drives it over the socket the same. [All] and [Find]
// say which bottles there are.
package control

import (
	"time"
)

// SocketName is the name of the control socket in a bottle's runtime folder.
const SocketName = "control.sock"

// lockName is the file that the serving process holds locked, beside the
// socket. With it a socket left behind is told from one that is served.
const lockName = "control.lock"

// Info is what a running bottle says of itself.
type Info struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Agent     string           `json:"agent,omitempty"`
	Backend   string           `json:"backend,omitempty"`
	Workspace string           `json:"workspace,omitempty"`
	Version   string           `json:"version,omitempty"` // of the bottle program
	PID       int              `json:"pid"`
	Started   time.Time        `json:"started"`
	Uptime    time.Duration    `json:"uptime"`   // in nanoseconds
	Commands  int              `json:"commands"` // that run over the socket
	Counts    map[string]int64 `json:"counts,omitempty"`
	// Notes are what a person should know of it, by name.
	Notes map[string]string `json:"notes,omitempty"`
}
