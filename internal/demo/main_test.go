package demo

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/bot-bottle/bottle/vm/sandbox"
)

// The test binary is also the first process of its sandboxes, and the agent in
// them.
func TestMain(m *testing.M) {
	sandbox.Init()
	if slices.Equal(os.Args[1:], []string{"demo", "--session"}) {
		if err := Inner(context.Background(), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
