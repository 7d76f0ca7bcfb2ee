package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// cover shows files in the places of others, where nobody can write or move them. A
// shared folder is the host's own, in which nothing else hides a file. It may be done
// again.
func cover(args []string, _ io.Reader, _ io.Writer) error {
	if len(args) == 0 || len(args)%2 != 0 {
		return &codeError{ExitUsage, errors.New("want pairs of FILE and PLACE")}
	}
	for pair := range slices.Chunk(args, 2) {
		if err := coverOne(pair[0], pair[1]); err != nil {
			return fmt.Errorf("show a file as %s: %w", pair[1], err)
		}
	}
	return nil
}

// coverOne goes by no link on the way to the place: the agent may have made one.
func coverOne(file, place string) error {
	if covers(file, place) == nil {
		return nil
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, place, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return fmt.Errorf("open %s by no link: %w", filepath.Base(place), err)
	}
	defer unix.Close(fd)
	if err := unix.Mount(file, fmt.Sprintf("/proc/self/fd/%d", fd), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	if err := unix.Mount("", place, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("make it read-only: %w", err)
	}
	return covers(file, place)
}

// covers says by its error why a file is not what is at a place, read-only.
func covers(file, place string) error {
	want, err := os.Lstat(file)
	if err != nil {
		return err
	}
	is, err := os.Lstat(place)
	if err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(place, &fs); err != nil {
		return err
	}
	if !os.SameFile(want, is) || fs.Flags&unix.ST_RDONLY == 0 {
		return errors.New("another file is there, or it can be written")
	}
	return nil
}
