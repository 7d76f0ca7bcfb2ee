package smolvm

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

func TestMachine(t *testing.T) {
	h := newHost(t, double.Settings{Secrets: []string{"the-secret-value"}})
	h.extra = []string{"HTTPS_PROXY=http://the-secret-value@x", "SSH_AUTH_SOCK=/x", "SMOLVM_MACHINE_NAME=x", "RUST_LOG=x", "API_KEY=the-secret-value"}
	b := h.backend()
	m := h.create(b, h.spec("m-1"))
	l, err := m.Listen(t.Context(), 3128)
	h.must(err)
	go echo(l)
	out, code := run(t, m, vm.Command{Args: []string{"sh", "-c", "echo hello; id -u; echo err >&2; exit 3"}})
	if code != 3 || !strings.HasPrefix(out, "hello\n") {
		t.Errorf("code %d, output %q", code, out)
	}
	out, code = run(t, m, vm.Command{Args: []string{"cat"}, Stdin: strings.NewReader(strings.Repeat("x", 1<<20))})
	if code != 0 || len(out) != 1<<20 {
		t.Errorf("code %d, %d bytes", code, len(out))
	}
	for _, c := range []struct {
		cmd  vm.Command
		want error
	}{
		{vm.Command{Args: []string{"no-such-program"}}, fs.ErrNotExist},
		{vm.Command{Args: []string{"/etc"}}, fs.ErrPermission},
		{vm.Command{Args: []string{"true"}, Dir: "/no/such"}, fs.ErrNotExist},
	} {
		if _, err := m.Start(t.Context(), c.cmd); !errors.Is(err, c.want) {
			t.Errorf("%q in %q: error %v, want %v", c.cmd.Args, c.cmd.Dir, err, c.want)
		}
	}
	if out, _ := run(t, m, vm.Command{Args: []string{"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/3128; echo ping >&3; read -r x <&3; echo \"$x\""}}); out != "ping\n" {
		t.Errorf("through the relay came %q", out)
	}
	h.must(m.Close())
	h.must(m.Wait())
	h.must(b.Remove(t.Context(), "m-1"))
	if n := double.Running(h.data); n != 0 {
		t.Errorf("%d machines still run", n)
	}
	h.violations()
}

// echo answers what it gets.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}()
	}
}
