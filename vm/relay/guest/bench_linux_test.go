package guest

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

// transfer is what one turn of BenchmarkBesideSocat carries.
const transfer = 128 << 20

// way is a program that carries from a port of loopback to a socket.
type way struct {
	port int
	cmd  *exec.Cmd
	took time.Duration
}

// BenchmarkBesideSocat carries the same bytes out of a machine by turns through the
// relay and through socat, each a process of its own, to a reader on the host. The
// ratios are the relay's by socat's: of throughput, and of the CPU time of the
// process in the machine. The relay has all connections in one stream with windows,
// so that none can stop the others, which socat has not.
func BenchmarkBesideSocat(b *testing.B) {
	socat, err := exec.LookPath("socat")
	if err != nil {
		b.Skip("socat is not installed")
	}
	dir := b.TempDir()
	ours, theirs := filepath.Join(dir, "o"), filepath.Join(dir, "t")
	for _, path := range []string{ours, theirs} {
		l, err := net.Listen("unix", path)
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		if path == ours {
			l = tunnel.Listen(l, "bench", nil)
		}
		go drain(l)
	}
	relayWay, socatWay := &way{port: freePort(b)}, &way{port: freePort(b)}
	relayWay.cmd = exec.Command(selfPath, "work", "--listen", strconv.Itoa(relayWay.port)+"="+ours)
	relayWay.cmd.Args[0] = Name
	socatWay.cmd = exec.Command(socat, "-b", strconv.Itoa(64<<10), "TCP-LISTEN:"+strconv.Itoa(socatWay.port)+",bind=127.0.0.1,fork,reuseaddr", "UNIX-CONNECT:"+theirs)
	ways := []*way{relayWay, socatWay}
	for _, w := range ways {
		w.cmd.Stderr = os.Stderr
		if err := w.cmd.Start(); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = w.cmd.Process.Kill() }()
		w.carry(b, 1<<20) // it is up then
		w.took = 0
	}
	b.SetBytes(transfer)
	turns := 0
	for b.Loop() {
		for _, w := range ways {
			w.carry(b, transfer)
		}
		turns++
	}
	b.ReportMetric(socatWay.took.Seconds()/relayWay.took.Seconds(), "throughput/socat")
	b.ReportMetric(relayWay.cpu(b).Seconds()/socatWay.cpu(b).Seconds(), "CPU/socat")
	b.ReportMetric(float64(turns)*transfer/1e6/relayWay.took.Seconds(), "relay-MB/s")
}

// carry sends n bytes, and waits until all of them were read.
func (w *way) carry(b *testing.B, n int64) {
	b.Helper()
	var c net.Conn
	var err error
	for range 500 {
		if c, err = net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(w.port))); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond) // it starts
	}
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	buf := make([]byte, 64<<10)
	for left := n; left > 0; left -= int64(len(buf)) {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	_ = c.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(c); err != nil || string(got) != strconv.FormatInt(n, 10) {
		b.Fatalf("the host has %q bytes, %v", got, err)
	}
	w.took += time.Since(began)
}

// cpu ends the process, and says what it and its children took.
func (w *way) cpu(b *testing.B) time.Duration {
	b.Helper()
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait() // which says that it was killed
	return w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()
}

// drain reads what comes, and answers with how much that was.
func drain(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			n, _ := io.Copy(io.Discard, c)
			_, _ = io.WriteString(c, strconv.FormatInt(n, 10))
		}()
	}
}

func freePort(b *testing.B) int {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
