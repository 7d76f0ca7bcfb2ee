package wirebench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/internal/procmem"
)

// setup is what a process needs to know, as JSON on its standard input.
type setup struct {
	Dir      string // its own
	Cert     string // files of the upstream's certificate, its key and who signed it
	Key, CA  string
	Upstream string // its address
}

// where is how to reach a process, its first answer.
type where struct {
	Addr   string
	AddrH2 string            // where h2 has an address of its own
	User   string            // with Password, for CONNECT
	Vars   map[string]string // that a client needs
	Config string            // to be printed
}

// usage is what a process has used.
type usage struct {
	CPU  time.Duration
	RSS  int64 // bytes, after garbage was given back
	Peak int64 // bytes, since the last reset
	File int64 // bytes that are mapped from files, as the program itself is
	Err  string
}

// serveRole is the life of a process that serves: it ends with its standard
// input, so none stays behind.
func serveRole(role string) error {
	signal.Ignore(os.Interrupt) // the parent has it, and closes the input
	in := bufio.NewReader(os.Stdin)
	var s setup
	if err := readLine(in, &s); err != nil {
		return err
	}
	start := roles[role]
	if start == nil {
		return errors.New("no such role")
	}
	w, stop, err := start(s)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(w); err != nil {
		return err
	}
	for {
		var ask []string
		if err := readLine(in, &ask); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, stop())
		}
		if err := out.Encode(answer(ask)); err != nil {
			return err
		}
	}
}

func readLine(r *bufio.Reader, v any) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}

// answer does what the load generator asks for.
func answer(ask []string) (u usage) {
	var err error
	switch ask[0] {
	case "usage":
		u.CPU, err = cpuTime()
		u.Peak, u.File = peakRSS(), procStatus("RssFile")
	case "rss":
		debug.FreeOSMemory()
		u.RSS = currentRSS()
	case "reset":
		debug.FreeOSMemory()
		resetPeak()
	case "profile":
		err = startProfile(ask[1])
	case "stop":
		pprof.StopCPUProfile()
	}
	if err != nil {
		u.Err = err.Error()
	}
	return u
}

func startProfile(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f)
}

func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// peakRSS prefers what Linux says of this program: rusage counts the parent's
// memory before the exec as well.
func peakRSS() int64 {
	if n := procStatus("VmHWM"); n > 0 {
		return n
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return u.Maxrss
	}
	return u.Maxrss << 10
}

// currentRSS is 0 where the system does not tell it.
func currentRSS() int64 { return procStatus("VmRSS") }

// resetPeak does nothing on a system other than Linux, where the peak is that
// since the start.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func procStatus(key string) int64 {
	n, err := procmem.Read(os.Getpid(), key)
	if err != nil {
		return 0
	}
	return n
}

func listenLoopback() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
