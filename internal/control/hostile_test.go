package control

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm"
)

func credit(s stream, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{byte(s)}, n) }

// header is a frame's header alone.
func header(k kind, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{byte(k)}, n) }

func framed(k kind, payload ...byte) []byte {
	return append(header(k, uint32(len(payload))), payload...)
}

func TestHostileBytesEndTheConnectionAndNothingElse(t *testing.T) {
	greeting := append([]byte(preamble), protocolVersion)
	for _, c := range []struct {
		name  string
		bytes []byte
	}{
		{"nothing", nil},
		{"half a preamble", []byte("bott")},
		{"another protocol", []byte("GET / HTTP/1.1\r\n\r\n")},
		{"another version", append([]byte(preamble), 99)},
		{"an unknown frame", append(greeting, framed(77, 1, 2)...)},
		{"frame 0", append(greeting, framed(0, 1, 2)...)},
		{"a length of 4 GiB", append(greeting, header(kindRequest, 0xffffffff)...)},
		{"a length just too large", append(greeting, header(kindRequest, maxMessage+1)...)},
		{"a length that does not come", append(greeting, header(kindRequest, maxMessage)...)},
		{"half a header", append(greeting, 1, 0)},
		{"no JSON", append(greeting, framed(kindRequest, []byte("{{{")...)...)},
		{"JSON of another type", append(greeting, framed(kindRequest, []byte(`{"op":7}`)...)...)},
		{"data first", append(greeting, framed(kindData, 0, 1)...)},
		{"a start without a body", append(greeting, framed(kindRequest, []byte(`{"op":"start"}`)...)...)},
		{"a start with another body", append(greeting, framed(kindRequest, []byte(`{"op":"start","body":[1]}`)...)...)},
		{"a start of nothing", append(greeting, framed(kindRequest, []byte(`{"op":"start","body":{}}`)...)...)},
		{"a signal right after the request", append(append(greeting, framed(kindRequest, []byte(`{"op":"info"}`)...)...), framed(kindSignal, 9)...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Options{handshake: 200 * time.Millisecond})
			n, err := net.Dial("unix", s.opts.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			_ = n.SetDeadline(time.Now().Add(20 * time.Second))
			_, _ = n.Write(c.bytes)
			// The server ends it by itself, at the latest when its patience ends.
			if _, err := io.Copy(io.Discard, n); err != nil && !gone(err) {
				t.Error(err)
			}
			dial(t, s)
		})
	}
}

func TestHostileFramesEndTheCommand(t *testing.T) {
	full := bytes.Repeat([]byte{0}, maxData+1)
	for _, c := range []struct {
		name string
		send func(c *conn) error
	}{
		{"data for an output", func(c *conn) error { return c.write(kindData, []byte{1}, []byte("x")) }},
		{"data for a stream that there is not", func(c *conn) error { return c.write(kindData, []byte{9}, []byte("x")) }},
		{"credit for the input", func(c *conn) error { return c.write(kindCredit, credit(streamIn, 1), nil) }},
		{"credit that was not used", func(c *conn) error { return c.write(kindCredit, credit(streamOut, 1), nil) }},
		{"credit of 4 GiB", func(c *conn) error { return c.write(kindCredit, credit(streamOut, 0xffffffff), nil) }},
		{"credit for an output that is not read", func(c *conn) error { return c.write(kindCredit, credit(streamErr, 1), nil) }},
		{"the end of an output that is not read", func(c *conn) error { return c.write(kindEnd, []byte{2}, nil) }},
		{"signal 0", func(c *conn) error { return c.write(kindSignal, []byte{0}, nil) }},
		{"a second request", func(c *conn) error { return c.writeJSON(kindRequest, request{Op: opInfo}) }},
		{"an exit", func(c *conn) error { return c.writeJSON(kindExit, exit{}) }},
		{"more input than there is room for", func(c *conn) error {
			for range window/maxData + 1 {
				if err := c.write(kindData, full, nil); err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ended := make(chan struct{})
			s := serve(t, Options{Machine: scripted(func(p *scriptedProcess) {
				p.until(syscall.SIGHUP)
				close(ended)
			})})
			conn := rawStart(t, s, vm.Command{Args: []string{"x"}, Stdin: strings.NewReader(""), Stdout: io.Discard})
			if err := c.send(conn); err != nil && !gone(err) {
				t.Fatal(err)
			}
			within(t, ended, "the command's end")
			dial(t, s)
		})
	}
}

// fake serves a socket with given bytes, for clients to fall over.
func fake(t *testing.T, answer []byte) string {
	t.Helper()
	path := socketIn(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			n, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = n.Write(answer)
			go func() {
				_, _ = io.Copy(io.Discard, n)
				_ = n.Close()
			}()
			_ = n.(*net.UnixConn).CloseWrite()
		}
	}()
	return path
}

func TestHostileAnswersAreErrors(t *testing.T) {
	greeting := append([]byte(preamble), protocolVersion)
	ok := framed(kindReply, []byte("{}")...)
	for _, c := range []struct {
		name   string
		answer []byte
	}{
		{"nothing", nil},
		{"another protocol", []byte("SSH-2.0-OpenSSH_9.9\r\n")},
		{"no reply", greeting},
		{"an exit instead", append(greeting, framed(kindExit, []byte("{}")...)...)},
		{"a huge reply", append(greeting, header(kindReply, 0xffffffff)...)},
		{"a reply that is no JSON", append(greeting, framed(kindReply, []byte("{{")...)...)},
		{"a reply whose body is something else", append(greeting, framed(kindReply, []byte(`{"body":[]}`)...)...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Dial(t.Context(), fake(t, c.answer)); err == nil {
				t.Error("no error")
			}
		})
	}
	for _, c := range []struct {
		name   string
		answer []byte
	}{
		{"no exit", nil},
		{"output of a stream that is not read", framed(kindData, 2, 1)},
		{"output for the input", framed(kindData, 0, 1)},
		{"more credit than was used", framed(kindCredit, credit(streamIn, 1)...)},
		{"a signal", framed(kindSignal, 9)},
		{"an exit that is no JSON", framed(kindExit, []byte("{{")...)},
	} {
		t.Run("in a command: "+c.name, func(t *testing.T) {
			path := fake(t, bytes.Join([][]byte{greeting, ok, c.answer}, nil))
			p, err := (&Client{path: path}).Start(t.Context(), vm.Command{Args: []string{"x"}, Stdout: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err == nil {
				t.Error("no error")
			}
			if err := p.Signal(syscall.SIGINT); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("a signal afterwards: %v", err)
			}
		})
	}
}

func TestAnotherVersionIsNamed(t *testing.T) {
	path := fake(t, append([]byte(preamble), 9))
	_, err := Dial(t.Context(), path)
	var v *VersionError
	if !errors.As(err, &v) || v.Theirs != 9 || v.Ours != protocolVersion || v.PID != os.Getpid() {
		t.Errorf("got %+v, %v", v, err)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add(framed(kindRequest, []byte(`{"op":"info"}`)...))
	f.Add(append(framed(kindData, 0, 1, 2), framed(kindEnd, 0)...))
	f.Add(framed(kindCredit, credit(streamOut, 0xffffffff)...))
	f.Add(framed(kindResize, 0, 24, 0, 80))
	f.Add(header(kindReply, 0xffffffff))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		var buf []byte
		var again []byte
		for {
			var fr frame
			var err error
			if fr, buf, err = readFrame(r, buf); err != nil {
				break
			}
			if again, err = appendFrame(again, fr.kind, nil, fr.payload); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
		}
		if !bytes.HasPrefix(in, again) {
			t.Fatalf("read %x from %x", again, in)
		}
		if cap(buf) > 2*len(in)+4*maxData {
			t.Fatalf("%d bytes took %d of memory", len(in), cap(buf))
		}
	})
}

// FuzzSession feeds a running command any frames: memory stays within the
// windows.
func FuzzSession(f *testing.F) {
	f.Add(append(framed(kindData, 0, 1, 2), framed(kindEnd, 0)...))
	f.Add(append(framed(kindSignal, 15), framed(kindResize, 0, 24, 0, 80)...))
	f.Add(framed(kindCredit, credit(streamOut, 1)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		x := &session{proc: inert{}, in: newInflow(func(uint32) error { return nil })}
		x.out[streamOut] = newOutflow(func([]byte) error { return nil })
		x.out[streamOut].open()
		r := bytes.NewReader(in)
		var buf []byte
		for {
			var fr frame
			var err error
			if fr, buf, err = readFrame(r, buf); err != nil {
				break
			}
			if err = x.take(fr); err != nil && !errors.Is(err, errFrame) {
				t.Fatal(err)
			}
			if err != nil {
				break
			}
		}
		if x.in.buf.Len() > window || x.out[streamOut].used != 0 {
			t.Fatalf("%d bytes held, %d counted as sent", x.in.buf.Len(), x.out[streamOut].used)
		}
	})
}

type inert struct{}

func (inert) Wait() (int, error)          { return 0, nil }
func (inert) Signal(syscall.Signal) error { return nil }
func (inert) Resize(vm.WinSize) error     { return os.ErrProcessDone }
