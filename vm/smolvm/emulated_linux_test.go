//go:build e2evm

package smolvm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What the host and the first process of an emulated computer know of each other.
const (
	emulatedVariable = "BOTTLE_EMULATED"
	firstProgram     = "/bin/first"
	guestSmolvm      = "/opt/smolvm/smol-vmm"
	guestBottle      = "/bin/bottle"
	endedWith        = "the test ended with code "
)

func init() { beFirst = first }

// first is the first process of an emulated computer: it makes of it what smolvm needs,
// runs this program as its arguments say, and switches the computer off.
func first() {
	if os.Getpid() != 1 || os.Getenv(emulatedVariable) == "" {
		return
	}
	err := errors.Join(mountAll(), loadModules("/modules"), os.Chmod("/dev/kvm", 0o666), exec.Command("/bin/ip", "link", "set", "lo", "up").Run())
	if err != nil {
		fmt.Println("the emulated computer is not as it should be:", err)
	}
	cmd := exec.Command(firstProgram, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	cmd.Env = []string{"HOME=/root", "PATH=/bin", "TMPDIR=/tmp", insideVariable + "=1", "BOTTLE_TEST_SMOLVM=" + guestSmolvm, "BOTTLE_TEST_IMAGE=/image", bottleVariable + "=" + guestBottle}
	_ = cmd.Run()
	fmt.Printf("%s%d\n", endedWith, cmd.ProcessState.ExitCode())
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}

func mountAll() (err error) {
	for _, m := range [][3]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}, {"cgroup2", "/sys/fs/cgroup"}, {"devpts", "/dev/pts"}, {"tmpfs", "/dev/shm"}} {
		if strings.HasPrefix(m[1], "/dev/") {
			_ = os.Mkdir(m[1], 0o755)
		}
		if merr := unix.Mount(m[0], m[1], m[0], 0, ""); merr != nil && !errors.Is(merr, unix.EBUSY) {
			err = errors.Join(err, fmt.Errorf("mount %s: %w", m[1], merr))
		}
	}
	return err
}

func loadModules(dir string) error {
	list, err := filepath.Glob(dir + "/*")
	for _, name := range list {
		f, oerr := os.Open(name)
		if oerr == nil {
			flags := 0
			if !strings.HasSuffix(name, ".ko") {
				flags = unix.MODULE_INIT_COMPRESSED_FILE
			}
			oerr = errors.Join(unix.FinitModule(int(f.Fd()), "", flags), f.Close())
		}
		if oerr != nil {
			err = errors.Join(err, fmt.Errorf("load %s: %w", name, oerr))
		}
	}
	return err
}
