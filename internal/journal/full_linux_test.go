package journal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/proxy"
)

// TestFullFileSystem fills a real one, mounted where only the child sees it. An
// ordinary user on a system that gives them no namespace has TestFullDisk.
func TestFullFileSystem(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=full:"+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case !errors.As(err, &exit), exit.ExitCode() == cannotMount:
		t.Logf("no file system can be mounted here: %v %s", err, out)
	default:
		t.Errorf("%v\n%s", err, out)
	}
}

const cannotMount = 3

// fullInside returns the exit code of the child.
func fullInside(dir string) int {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=0700")
	}
	if err != nil {
		fmt.Println(err)
		return cannotMount
	}
	filler := filepath.Join(dir, "filler")
	fill := func() error {
		f, err := os.Create(filler)
		if err != nil {
			return err
		}
		defer f.Close()
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		if !errors.Is(err, unix.ENOSPC) {
			return fmt.Errorf("filling the disk: %w", err)
		}
		return nil
	}
	free := func() error { return os.Remove(filler) }
	if err := fillUp(filepath.Join(dir, "journal"), Options{}, fill, free, unix.ENOSPC); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := fullOfBodies(filepath.Join(dir, "bodies"), fill, free); err != nil {
		fmt.Println("bodies:", err)
		return 1
	}
	return 0
}

// fullOfBodies keeps bodies on a disk that is full for a while: none leaves something
// there, and what was kept before and is behind stays readable.
func fullOfBodies(dir string, fill, free func() error) error {
	w, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer w.Close()
	places := map[string]proxy.BodyPlace{"first": {}, "second": {}}
	if places["first"], err = w.KeepBody([]byte("first")); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	for range 20 {
		if _, err := w.KeepBody(make([]byte, 8<<10)); !errors.Is(err, unix.ENOSPC) {
			return fmt.Errorf("on a full disk: %w", err)
		}
	}
	if err := free(); err != nil {
		return err
	}
	if places["second"], err = w.KeepBody([]byte("second")); err != nil {
		return err
	}
	for text, place := range places {
		got, err := ReadBody(dir, &proxy.EventBody{BodyPlace: place})
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		if string(got) != text {
			return fmt.Errorf("%s is %q", text, got)
		}
	}
	files, err := os.ReadDir(filepath.Join(dir, bodiesDir))
	if err == nil && len(files) != 1 {
		err = fmt.Errorf("%d files are there", len(files))
	}
	return err
}
