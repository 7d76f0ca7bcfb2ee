//go:build !linux

package guestbin

import "errors"

// Init does nothing: machines run Linux, and this program does not.
func Init() {}

func self() (string, error) {
	return "", errors.New("this bottle was built without the program that runs in virtual machines: build it with make")
}
