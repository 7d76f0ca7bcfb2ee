package dlp

import (
	"syscall"
	"testing"
)

// Behind the byte that stands behind the blocks there may be no memory.
func TestNothingFurtherIsRead(t *testing.T) {
	size := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 2*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	for _, c := range []byte("a\x80") {
		for n := 1; n <= surveyBlocks; n++ {
			text := mem[size-n*blockLen-1 : size : size]
			for i := range text {
				text[i] = c
			}
			var m masks
			m.classify(2, n, text)
		}
	}
}
