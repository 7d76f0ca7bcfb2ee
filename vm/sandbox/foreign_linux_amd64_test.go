package sandbox

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// A 64-bit program can make the calls of 32-bit ones, whose numbers a filter
// for its own does not match.
func TestForeignCallsFromInside(t *testing.T) {
	dir := ownedDir(t)
	program := elf64(
		0xb8, 20, 0, 0, 0, // mov eax, getpid of i386
		0xcd, 0x80, // int 0x80
		0xbf, 7, 0, 0, 0, // mov edi, 7
		0xb8, 60, 0, 0, 0, // mov eax, exit
		0x0f, 0x05, // syscall
	)
	if err := os.WriteFile(filepath.Join(dir, "foreign"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	for breach, want := range map[Breach]int{0: 128 + int(unix.SIGSYS), BreachSeccomp: 7} {
		m := newMachine(t, Options{Breach: breach}, vm.Spec{Mounts: []vm.Mount{{Source: dir, Target: "/work", ReadOnly: true}}})
		code, out := run(t, m, "/work/foreign")
		if code == 128+int(unix.SIGSEGV) && breach != 0 {
			continue // this kernel has no such calls
		}
		if code != want {
			t.Errorf("without %s: code %d, want %d: %s", breach, code, want, out)
		}
	}
}

// elf64 is a program of nothing but its code.
func elf64(code ...byte) []byte {
	const base, header = 0x400000, 64 + 56
	le := binary.LittleEndian
	b := make([]byte, header, header+len(code))
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)           // executable
	le.PutUint16(b[18:], 62)          // x86-64
	le.PutUint32(b[20:], 1)           // version
	le.PutUint64(b[24:], base+header) // entry
	le.PutUint64(b[32:], 64)          // program headers
	le.PutUint16(b[52:], 64)          // size of this header
	le.PutUint16(b[54:], 56)          // size of a program header
	le.PutUint16(b[56:], 1)           // how many
	le.PutUint32(b[64:], 1)           // load
	le.PutUint32(b[68:], 5)           // to read and execute
	le.PutUint64(b[80:], base)        // where
	le.PutUint64(b[96:], uint64(header+len(code)))
	le.PutUint64(b[104:], uint64(header+len(code)))
	le.PutUint64(b[112:], 0x1000) // alignment
	return append(b, code...)
}
