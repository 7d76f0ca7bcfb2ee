package smolvm

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm/relay/tunnel"
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
