package control

import (
	"io"
	"os"
	"testing"

	"github.com/creack/pty"

	"github.com/bot-bottle/bottle/vm"
)

func TestRunConnectsAPersonsFiles(t *testing.T) {
	c := dial(t, serve(t, Options{}))
	inR, inW := pipe(t)
	outR, outW := pipe(t)
	errR, errW := pipe(t)
	_, _ = io.WriteString(inW, "in")
	_ = inW.Close()
	code, err := vm.Run(t.Context(), c, sh("cat; echo err >&2; exit 6"), vm.Files{In: inR, Out: outW, Err: errW})
	if code != 6 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
	_, _ = outW.Close(), errW.Close()
	out, _ := io.ReadAll(outR)
	errs, _ := io.ReadAll(errR)
	if string(out) != "in" || string(errs) != "err\n" {
		t.Errorf("got %q, %q", out, errs)
	}
}

func TestRunGivesATerminalToWhoHasOne(t *testing.T) {
	c := dial(t, serve(t, Options{}))
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 12, Cols: 34}); err != nil {
		t.Fatal(err)
	}
	shown := newOutput()
	go func() { _, _ = io.Copy(shown, master) }()
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := vm.Run(t.Context(), c, sh(`test -t 0 && test -t 1 && test -t 2 && stty size; read -r x; echo "<$x>"; exit 8`), vm.Files{In: slave, Out: slave, Err: slave})
		ended <- end{code, err}
	}()
	shown.await(t, "12 34")
	_, _ = io.WriteString(master, "typed\n")
	if e := within(t, ended, "the end"); e.code != 8 || e.err != nil {
		t.Errorf("exit %d, %v", e.code, e.err)
	}
	shown.await(t, "<typed>")
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}
