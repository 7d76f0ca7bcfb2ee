package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// openTTY opens a new terminal of the machine's own.
func openTTY(size vm.WinSize) (master, slave int, err error) {
	master, err = unix.Open("/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, -1, err
	}
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = setSize(master, size)
	}
	if err == nil {
		slave, err = unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		_ = unix.Close(master)
		return -1, -1, err
	}
	return master, slave, nil
}

func setSize(fd int, size vm.WinSize) error {
	return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
}

// ptmxDevice is what the master of a terminal is: the character device 5, 2.
var ptmxDevice = unix.Mkdev(5, 2)

// takeMaster makes a file of a descriptor that init says is a terminal's
// master, and takes it over.
func takeMaster(fd int) (*os.File, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != ptmxDevice) {
		err = errors.New("it is something else")
	}
	if err == nil {
		_, err = unix.IoctlGetInt(fd, unix.TIOCGPTN) // only a master has a number
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("the terminal that the machine sent: %w", err)
	}
	return os.NewFile(uintptr(fd), "terminal"), nil
}
