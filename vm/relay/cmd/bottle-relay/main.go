//go:build linux

// Command bottle-relay is the program that bottle puts into a microVM. See
// package guest.
package main

import (
	"os"

	"github.com/bot-bottle/bottle/vm/relay/guest"
)

func main() { os.Exit(guest.Main(os.Args)) }
