package smolvm

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay/tunnel"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// A guest can have as many questions open as it likes when its machine ends.
func TestTheEndOfAMachineWaitsForNoQuestion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	inner, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l := tunnel.Listen(inner, "forward", func(int) {})
	defer l.Close()
	m := &machine{plan: &plan{}}
	go m.answer(l)
	c, err := tunnel.NewDialer("forward", tunnel.Unix(path), nil).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte{5}); err != nil { // of five bytes, which do not come
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // it is being answered by then
	began := time.Now()
	if m.watch.Wait(); time.Since(began) > questionTimeout/2 {
		t.Errorf("the end waited %v for a question", time.Since(began))
	}
}

// inRelays runs a line of shell, as the machine's root, with $p for each process of the
// relay of one of the kinds: serve, which looks after the other, and work.
func (h *host) inRelays(m *machine, kinds, script string) string {
	h.t.Helper()
	r, err := m.b.inside(h.t.Context(), m.plan.name, fmt.Sprintf(
		`for d in /proc/[0-9]*; do p=${d#/proc/}; case "$(tr '\0' ' ' <$d/cmdline 2>/dev/null | cut -d ' ' -f 1,2)" in %s) %s;; esac; done`, kinds, script))
	h.must(err)
	return r.stdout
}

const servesOf, worksOf = "*bottle-relay' 'serve", "bottle-relay' 'work"

// TestRelayComesBack: a relay that was killed is there again, one and no more, whether
// its own keeper is left or the driver has to see to it.
func TestRelayComesBack(t *testing.T) {
	h := newHost(t, double.Settings{})
	m := h.create(h.backend(), h.spec("k-1"))
	l, err := m.Listen(t.Context(), 3128)
	h.must(err)
	go echo(l)
	ping := vm.Command{Args: []string{"bash", "-c", `for i in $(seq 400); do exec 3<>/dev/tcp/127.0.0.1/3128 && echo ping >&3 && read -r -t 5 x <&3 && echo "$x" && exit; sleep 0.05; done; exit 1`}, Stderr: io.Discard}
	for _, kinds := range []string{worksOf, servesOf + "|" + worksOf} {
		old := h.inRelays(m, kinds, "echo $p")
		if old == "" {
			t.Fatal("there is no relay")
		}
		h.inRelays(m, kinds, "kill -9 $p")
		if out, _ := run(t, m, ping); out != "ping\n" {
			t.Fatalf("after a kill of %s: %q", kinds, out)
		}
		if now := h.inRelays(m, kinds, "echo $p"); now == old || now == "" {
			t.Errorf("before and after the kill of %s there is %q", kinds, now)
		}
	}
	h.must(m.startRelay(t.Context())) // as when it was only slow
	for n := 0; ; n++ {
		if count := strings.Count(h.inRelays(m, servesOf, "echo $p"), "\n"); count == 1 {
			break
		} else if n == 100 {
			t.Fatalf("%d look after the relay", count)
		}
	}
	if out, _ := run(t, m, ping); out != "ping\n" {
		t.Errorf("in the end: %q", out)
	}
}

// TestMachineEndsByItself: that is noticed and said, and what is in it can be had.
func TestMachineEndsByItself(t *testing.T) {
	h := newHost(t, double.Settings{})
	b := h.backend()
	m := h.create(b, h.spec("e-1"))
	s, err := b.get(t.Context(), "e-1")
	h.must(err)
	h.must(syscall.Kill(s.PID, syscall.SIGKILL))
	if err := m.Wait(); err == nil || !strings.Contains(err.Error(), "e-1 ended by itself") {
		t.Errorf("the machine ended: %v", err)
	}
	if err := m.Close(); err == nil || !strings.Contains(err.Error(), "bottle pull") {
		t.Errorf("its end says %v", err)
	}
	h.nothingLeft(b, "e-1")
}
