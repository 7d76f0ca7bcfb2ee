// Package guestbin has the guest program for machines of this host's architecture:
// embedded, where it was built by make (the tag guestbin), or else, on Linux, this
// program itself, whose main then begins with [Init].
package guestbin

import (
	"os"
	"runtime"
)

// Program returns the path of the guest program, and what removes it again where
// it is a temporary file.
func Program() (path string, release func(), err error) {
	data, err := embedded(runtime.GOARCH)
	if err != nil {
		return "", nil, err
	}
	if data == nil {
		path, err = self()
		return path, func() {}, err
	}
	f, err := os.CreateTemp("", "bottle-relay-")
	if err != nil {
		return "", nil, err
	}
	remove := func() { _ = os.Remove(f.Name()) }
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return f.Name(), remove, nil
}
