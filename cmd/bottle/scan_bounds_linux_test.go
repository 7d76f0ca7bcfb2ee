package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/procmem"
)

// maxScanMemory is the most that bottle scan may take of a file of any size. About
// half of it is the program itself, whatever it does.
const maxScanMemory = 32 << 20

// bombBytes is what the bombs become.
const bombBytes = 256 << 20

// What is scanned of whatever size takes little memory and bounded time, and what
// would become too much says so.
func TestScanIsBounded(t *testing.T) {
	size, depth := int64(100<<20), 50
	if testing.Short() {
		size, depth = 8<<20, 40
	}
	source := goFiles(t)
	chat, err := json.Marshal(map[string]any{"role": "user", "content": []any{map[string]string{"type": "text", "text": string(source)}}})
	if err != nil {
		t.Fatal(err)
	}
	noise := rand.NewChaCha8([32]byte{1})
	random, random64 := make([]byte, 3<<20), make([]byte, 4<<20)
	_, _ = noise.Read(random)
	base64.StdEncoding.Encode(random64, random)
	source64 := []byte(base64.StdEncoding.EncodeToString(source[:len(source)/3*3]))
	nested := []byte("nothing is hidden in here")
	for range depth {
		nested = []byte(base64.StdEncoding.EncodeToString(nested))
	}
	program := filepath.Join(t.TempDir(), "bottle") // that of the tests has the tests in it
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tt := range []struct {
		name, found string
		in          io.Reader
	}{
		{"JSON", "", endless(append(chat, ',', '\n'), size)},
		{"source", "", endless(source, size)},
		{"random bytes", "", endless(random, size)},
		{"base64 of them in one line", "", endless(random64, size)},
		{"base64 of source in one line", "", endless(source64, size)},
		{"opening braces", "", endless(bytes.Repeat([]byte("{"), 1<<16), 10*size)},
		{"a gzip bomb", "unscanned budget", gzipBomb(t, bombBytes)},
		{"a zip bomb", "unscanned budget", zipBomb(t, bombBytes)},
		{"nested base64", "unscanned depth", bytes.NewReader(nested)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			out, n, memory := scanStream(t, program, tt.in)
			t.Logf("%d MB in %v, with %d KB", n>>20, time.Since(start).Round(time.Millisecond), memory>>10)
			if memory > maxScanMemory {
				t.Errorf("it took %d bytes of memory", memory)
			}
			if tt.found == "" && out != "" || !strings.Contains(out, tt.found) {
				t.Errorf("it printed %.300q, want %q", out, tt.found)
			}
		})
	}
}

// scanStream has the program scan a stream, and returns what it printed, how long
// the stream was and the most memory that was in use.
func scanStream(t *testing.T, program string, in io.Reader) (out string, n, memory int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "scan", "-")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err = io.Copy(stdin, in)
	if err != nil {
		t.Error(err)
	}
	memory = peakMemory(t, cmd.Process.Pid)
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatal(err)
	}
	return stdout.String(), n, memory
}

// peakMemory returns the most memory that a process had. What wait tells has that
// of the parent in it.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	size, err := procmem.Read(pid, "VmHWM")
	if err != nil {
		t.Fatalf("no peak of memory: %v", err)
	}
	return size
}

// endless repeats a text up to a size.
func endless(text []byte, size int64) io.Reader {
	return io.LimitReader(&repeater{text: text}, size)
}

type repeater struct {
	text []byte
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

func gzipBomb(t *testing.T, zeros int64) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, endless(make([]byte, 1<<16), zeros)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func zipBomb(t *testing.T, zeros int64) io.Reader {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 8 {
		w, err := z.Create(fmt.Sprint("part", i))
		if err == nil {
			_, err = io.Copy(w, endless(make([]byte, 1<<16), zeros/8))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// goFiles returns the source of this program's scanner.
func goFiles(t *testing.T) []byte {
	t.Helper()
	names, err := filepath.Glob("../../dlp/*.go")
	if err != nil || len(names) < 50 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	var all []byte
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}
