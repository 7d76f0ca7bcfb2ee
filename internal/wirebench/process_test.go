package wirebench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// process is one of the servers.
type process struct {
	t    testing.TB
	role string
	at   where
	in   io.WriteCloser
	out  *bufio.Reader
}

// start starts this test binary as a server, which ends with the test.
func start(t testing.TB, role string, s setup) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	as := role
	if role == "before" {
		program, as = *before, "bottle"
	}
	s.Dir = filepath.Join(s.Dir, role)
	if err := os.Mkdir(s.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), roleVar+"="+as)
	cmd.Stderr = os.Stderr
	p := &process{t: t, role: role}
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.in.Close()
		late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	})
	if err := p.exchange(s, &p.at); err != nil {
		t.Fatalf("start %s: %v", role, err)
	}
	return p
}

func (p *process) exchange(ask, into any) error {
	line, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return err
	}
	return readLine(p.out, into)
}

// ask asks for one thing that answer knows.
func (p *process) ask(what ...string) (u usage) {
	p.t.Helper()
	err := p.exchange(what, &u)
	if err == nil && u.Err != "" {
		err = errors.New(u.Err)
	}
	if err != nil {
		p.t.Fatal(fmt.Errorf("%s: %s: %w", p.role, what[0], err))
	}
	return u
}

func (p *process) cpu() time.Duration {
	p.t.Helper()
	return p.ask("usage").CPU
}
