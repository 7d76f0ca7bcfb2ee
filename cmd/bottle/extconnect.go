package main

import "github.com/bot-bottle/bottle/cmd/bottle/internal/extconnect"

// The proxy of this program has WebSockets in HTTP/2; its children find no trace of
// that in their environment.
func init() { extconnect.Restore() }
