package main

import (
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// backend returns what makes machines on this host.
func (a *app) backend() vm.Backend { return sandbox.New(sandbox.Options{}) }
