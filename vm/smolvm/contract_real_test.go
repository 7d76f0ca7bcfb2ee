//go:build e2evm

package smolvm

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRealContract runs the contract with the smolvm of BOTTLE_TEST_SMOLVM. It needs
// no hypervisor.
func TestRealContract(t *testing.T) {
	binary := realSmolvm(t)
	environ := []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	for _, name := range partsVariables {
		if v := os.Getenv(name); v != "" {
			environ = append(environ, name+"="+v)
		}
	}
	testContract(t, binary, environ)
}

// partsVariables say where the parts of smolvm are.
var partsVariables = []string{"SMOLVM_LIB_DIR", "SMOLVM_AGENT_ROOTFS", "SMOLVM_AGENT_ROOTFS_TAR"}

// realSmolvm returns the program that BOTTLE_TEST_SMOLVM names. One of the vendor's
// Python package has its parts beside it, and does not look there by itself.
func realSmolvm(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("BOTTLE_TEST_SMOLVM")
	if binary == "" {
		t.Fatal("BOTTLE_TEST_SMOLVM names no smolvm: see make e2e-vm")
	}
	dir := filepath.Dir(binary)
	libraries, _ := filepath.Glob(filepath.Join(dir, "libkrun.*"))
	guest, _ := filepath.Glob(filepath.Join(dir, "agent-rootfs.tar*"))
	if os.Getenv("SMOLVM_LIB_DIR") == "" && len(libraries) > 0 && len(guest) > 0 {
		t.Setenv("SMOLVM_LIB_DIR", dir)
		t.Setenv("SMOLVM_AGENT_ROOTFS_TAR", guest[0])
	}
	return binary
}
