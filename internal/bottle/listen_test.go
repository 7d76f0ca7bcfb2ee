package bottle

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func tryListen(t *testing.T, at string, noAuth bool) error {
	t.Helper()
	l, err := listen(t.Context(), at, noAuth)
	if err == nil {
		err = l.Close()
	}
	return err
}

func TestListenSaysWhatToDo(t *testing.T) {
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { used.Close() })
	dir := newProject(t).dir
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	served := filepath.Join(dir, "served")
	l, err := net.Listen("unix", served)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for _, c := range []struct {
		name, at string
		noAuth   bool
		err      string // "" means that it listens
	}{
		{"a free port", "127.0.0.1:0", false, ""},
		{"a port in use", used.Addr().String(), false, "is in use by another program (another bottle proxy?)"},
		{"no address", "3128", false, "want ADDR:PORT"},
		{"a socket without a path", "unix:", false, "want a path behind it"},
		{"no password on loopback", "127.0.0.1:0", true, ""},
		{"no password on localhost", "localhost:0", true, ""},
		{"no password on all addresses", ":0", true, "let everybody on the network use your credentials"},
		{"no password on another address", "0.0.0.0:0", true, "let everybody on the network use your credentials"},
		{"no password on a name", "example.com:0", true, "let everybody on the network use your credentials"},
		{"a new socket", "unix:" + filepath.Join(dir, "new"), true, ""},
		{"a socket that is served", "unix:" + served, false, "is in use: another program listens there"},
		{"a file that is no socket", "unix:" + file, false, "is there and is no socket"},
		{"a folder that is not there", "unix:" + filepath.Join(dir, "missing", "s"), false, "there is no folder "},
		{"a path that no socket can have", "unix:" + filepath.Join(dir, strings.Repeat("x", 100)), false, "100 that a socket can have"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := tryListen(t, c.at, c.noAuth)
			switch {
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
	if _, err := os.Lstat(file); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	if c, err := net.Dial("unix", served); err != nil {
		t.Errorf("the other program lost its socket: %v", err)
	} else {
		c.Close()
	}
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	path := filepath.Join(newProject(t).dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after a kill
	l.Close()
	fresh, err := listen(t.Context(), "unix:"+path, false)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if fresh.Addr().String() != path {
		t.Errorf("its address is %s", fresh.Addr())
	}
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 2 { // of newProject
		t.Errorf("there stays %v: %v", left, err)
	}
}

func TestASocketThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	path := filepath.Join(newProject(t).dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it cannot be told whether somebody listens
	if _, err := listen(ctx, "unix:"+path, false); err == nil || !strings.Contains(err.Error(), "cannot be told whether it is in use") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket is gone: %v", err)
	}
}

func TestCloseOfAListenerWhoseSocketIsGone(t *testing.T) {
	path := filepath.Join(newProject(t).dir, "s")
	l, err := listen(t.Context(), "unix:"+path, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "localhost": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "localhost.example.com": false,
	} {
		if isLoopback(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
