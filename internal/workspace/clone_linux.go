package workspace

import (
	"os"

	"golang.org/x/sys/unix"
)

// clone makes out, which is empty, share the blocks of in: on btrfs, xfs and
// their like a copy that takes no room.
func clone(out, in *os.File) error {
	return unix.IoctlFileClone(int(out.Fd()), int(in.Fd()))
}
