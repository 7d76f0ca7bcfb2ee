package sandbox

import (
	"bytes"
	"context"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

func TestHello(t *testing.T) {
	m, err := New(Options{}).Create(context.Background(), vm.Spec{ID: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var out bytes.Buffer
	p, err := m.Start(context.Background(), vm.Command{Args: []string{"sh", "-c", "id; ls -la / /dev /proc/self/fd; ps aux; cat /proc/self/status | grep -E 'Cap|Sec|NoNew'; env; cat /etc/hosts; exit 7"}, Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	code, err := p.Wait()
	t.Log(code, err, out.String())
	l, err := m.Listen(context.Background(), 80)
	t.Log(l, err)
}
