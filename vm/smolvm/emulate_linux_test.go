//go:build e2evm

package smolvm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// emulator is the program that stands for a processor with virtualization.
const emulator = "qemu-system-x86_64"

// emulated runs a test of this program in a whole emulated computer, whose processor has
// what a hypervisor needs: a kernel of Debian's (linux-image-cloud-amd64), this program as
// its first process, and smolvm. It takes some five minutes, and two processors: with one,
// smolvm asks so often whether the machine is ready that the machine never gets to be.
func emulated(t *testing.T, test, binary, image string) {
	t.Helper()
	kernel, modules := findKernel(t)
	root := filepath.Join(t.TempDir(), "root")
	stage := &stage{t: t, root: root}
	stage.folders("etc", "dev", "proc", "sys", "tmp", "run", "root", "modules", filepath.Dir(guestSmolvm))
	stage.busybox() // smolvm runs tar
	self, err := os.Executable()
	stage.must(err)
	stage.program(self, firstProgram)
	if bottle := os.Getenv(bottleVariable); bottle != "" {
		stage.program(bottle, guestBottle)
	}
	stage.program(binary, guestSmolvm)
	stage.library(binary)
	stage.run("cp", "-a", image, filepath.Join(root, "image"))
	for i, m := range modules {
		stage.run("cp", m, filepath.Join(root, "modules", fmt.Sprintf("%d-%s", i, filepath.Base(m))))
	}
	stage.must(os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\n"), 0o644))
	stage.must(os.WriteFile(filepath.Join(root, "etc/group"), []byte("root:x:0:\n"), 0o644))
	disk := filepath.Join(filepath.Dir(root), "disk")
	stage.run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", root, disk, "8G")
	stage.must(os.RemoveAll(root))
	code := bootEmulator(t, kernel, disk, test)
	if code != "0" {
		t.Errorf("in the emulated computer %s ended with %q", test, code)
	}
}

// bootEmulator runs the computer to its end, and returns the exit code of what ran in it.
func bootEmulator(t *testing.T, kernel, disk, test string) (code string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), emulatorTimeout)
	defer cancel()
	// Of a processor that halts, an interrupt for the machine in the machine is lost now and then: idle=poll.
	cmd := exec.CommandContext(ctx, emulator, "-accel", "tcg", "-cpu", "EPYC,+svm", "-machine", "q35", "-m", "4G", "-smp", "2",
		"-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", kernel,
		"-drive", "file="+disk+",if=none,id=d,format=raw,cache=unsafe", "-device", "nvme,serial=d,drive=d",
		"-append", "console=ttyS0 quiet panic=-1 mitigations=off idle=poll root=/dev/nvme0n1 rw init="+firstProgram+" "+emulatedVariable+"=1 -- -test.run=^"+test+"$ -test.v -test.timeout=1h")
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		t.Log("| " + line)
		if text, found := strings.CutPrefix(line, endedWith); found {
			code = text
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", emulator, err)
	}
	return code
}

const emulatorTimeout = 90 * time.Minute

// findKernel returns Debian's newest kernel for clouds, which has the drivers of the disk
// built in, and the modules that make it a hypervisor, in their order.
func findKernel(t *testing.T) (kernel string, modules []string) {
	t.Helper()
	list, _ := filepath.Glob("/boot/vmlinuz-*-cloud-amd64")
	slices.Sort(list)
	for _, kernel := range slices.Backward(list) {
		dir := "/lib/modules/" + strings.TrimPrefix(filepath.Base(kernel), "vmlinuz-") + "/kernel/"
		modules = nil
		for _, name := range []string{"virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko"} {
			if m, _ := filepath.Glob(dir + name + "*"); len(m) == 1 {
				modules = append(modules, m[0])
			}
		}
		if len(modules) == 3 {
			return kernel, modules
		}
	}
	t.Fatal("no kernel for the emulated computer: install linux-image-cloud-amd64 (Debian)")
	return "", nil
}

// stage is the file system of the emulated computer while it is made.
type stage struct {
	t    *testing.T
	root string
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) run(program string, args ...string) []byte {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), program, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %q: %v: %s", program, args, err, out)
	}
	return out
}

func (s *stage) folders(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.must(os.MkdirAll(filepath.Join(s.root, name), 0o755))
	}
}

// busybox copies the basic programs.
func (s *stage) busybox() {
	s.t.Helper()
	program := lookPath(s.t, "busybox")
	s.folders("bin")
	s.program(program, "bin/busybox")
	for name := range strings.FieldsSeq(string(s.run(program, "--list"))) {
		if name != "busybox" {
			s.must(os.Symlink("busybox", filepath.Join(s.root, "bin", name)))
		}
	}
}

func lookPath(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not installed (of Debian: busybox-static, curl)", program)
	}
	return path
}

// program copies a program, and the libraries that it is linked with to where they are.
func (s *stage) program(from, to string) {
	s.t.Helper()
	s.run("cp", "-L", from, filepath.Join(s.root, to))
	s.libraries(from)
}

func (s *stage) libraries(of string) {
	out, _ := exec.CommandContext(s.t.Context(), "ldd", of).Output() // it fails for a static one
	for word := range strings.FieldsSeq(string(out)) {
		if !filepath.IsAbs(word) || strings.HasPrefix(word, filepath.Dir(of)) {
			continue
		}
		to := filepath.Join(s.root, word)
		s.must(os.MkdirAll(filepath.Dir(to), 0o755))
		s.run("cp", "-L", word, to)
	}
}

// library copies what smolvm's program needs: the folder of its libraries, with the
// templates of disks unpacked, which would take an emulated processor an hour.
func (s *stage) library(binary string) {
	s.t.Helper()
	dir := os.Getenv("SMOLVM_LIB_DIR")
	if dir == "" {
		dir = filepath.Dir(binary)
	}
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	s.must(err)
	for _, file := range list {
		name := filepath.Base(file)
		isLibrary, isDisk := strings.Contains(name, ".so"), strings.Contains(name, ".ext4")
		if !isLibrary && !isDisk && !strings.HasPrefix(name, "agent-rootfs") || strings.HasPrefix(name, "_") {
			continue
		}
		to := filepath.Join(s.root, filepath.Dir(guestSmolvm), name)
		s.run("cp", "-a", "--sparse=always", file, to)
		if isLibrary {
			s.libraries(file)
		}
		if raw := strings.TrimSuffix(file, ".zst"); isDisk && raw != file && !slices.Contains(list, raw) {
			s.unpack(file, strings.TrimSuffix(to, ".zst"))
		}
	}
}

// unpack unpacks a disk with holes where it is empty.
func (s *stage) unpack(from, to string) {
	s.t.Helper()
	in, err := os.Open(from)
	s.must(err)
	defer in.Close()
	r, err := zstd.NewReader(in)
	s.must(err)
	defer r.Close()
	out, err := os.Create(to)
	s.must(err)
	block, empty, size := make([]byte, 1<<20), make([]byte, 1<<20), int64(0)
	for {
		n, err := io.ReadFull(r, block)
		if string(block[:n]) != string(empty[:n]) {
			_, werr := out.WriteAt(block[:n], size)
			s.must(werr)
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		s.must(err)
	}
	s.must(errors.Join(out.Truncate(size), out.Close()))
}
