package smolvm

import (
	"testing"

	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// TestDoubleKeepsContract: what the driver's tests run against is as the real one.
func TestDoubleKeepsContract(t *testing.T) {
	h := newHost(t, double.Settings{})
	testContract(t, h.binary, h.environ())
}
