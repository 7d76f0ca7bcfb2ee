//go:build e2evm

package smolvm

import (
	"os"
	"testing"
)

// TestRealContract runs the contract with the smolvm of BOTTLE_TEST_SMOLVM. It needs
// no hypervisor.
func TestRealContract(t *testing.T) {
	binary := os.Getenv("BOTTLE_TEST_SMOLVM")
	if binary == "" {
		t.Fatal("BOTTLE_TEST_SMOLVM names no smolvm")
	}
	home := t.TempDir()
	environ := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"SMOLVM_LIB_DIR", "SMOLVM_AGENT_ROOTFS", "SMOLVM_AGENT_ROOTFS_TAR"} {
		if v := os.Getenv(name); v != "" {
			environ = append(environ, name+"="+v)
		}
	}
	testContract(t, binary, environ)
}
