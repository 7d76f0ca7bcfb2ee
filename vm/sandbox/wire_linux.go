package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// The parent and the init talk over a stream socket: frames of a four-byte
// length and JSON, descriptors sent with the first byte of a frame.
const (
	// maxRequest bounds what the parent sends: a command with its environment,
	// where the kernel takes 2 MiB, half as much again in base64.
	maxRequest = 4 << 20
	// maxReport bounds what the init sends. It is not trusted.
	maxReport = 16 << 10
	// maxFDs bounds the descriptors of one frame.
	maxFDs = 3
	// sendTimeout bounds how long a frame may take to be accepted.
	sendTimeout = 10 * time.Second
)

// op is what a message is about.
type op string

const (
	opConfig op = "config" // parent to setup, once
	opStart  op = "start"
	opSignal op = "signal"
	opListen op = "listen" // at Addr, TCP
	opPacket op = "packet" // at Addr, UDP
	opDial   op = "dial"   // TCP, bound to Addr, for the parent to connect

	opReady op = "ready" // init to parent, once
	opReply op = "reply"
	opExit  op = "exit"
)

// request is what the parent sends. Text is bytes, because JSON's strings
// cannot hold all that a path, an argument or a variable can.
type request struct {
	Op     op
	ID     uint64 // of the call, and of the process that a start makes
	Proc   uint64
	Args   [][]byte    `json:",omitempty"`
	Env    [][]byte    `json:",omitempty"`
	Dir    []byte      `json:",omitempty"`
	Stdio  int         `json:",omitempty"` // bit n: a descriptor for n follows
	TTY    *vm.WinSize `json:",omitempty"`
	Signal int         `json:",omitempty"`
	Addr   netip.AddrPort
	Config *config `json:",omitempty"`
}

// report is what setup and init send.
type report struct {
	Op    op
	ID    uint64
	Code  int    `json:",omitempty"` // of an exit
	Errno int    `json:",omitempty"`
	Step  string `json:",omitempty"` // what failed
	Path  []byte `json:",omitempty"` // on what
}

// conn is one end of the control socket. send may be called concurrently,
// recv not.
type conn struct {
	*net.UnixConn
	mu sync.Mutex
}

// newConn takes over f, one end of a socketpair.
func newConn(f *os.File) (*conn, error) {
	defer func() { _ = f.Close() }()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, errors.New("control socket: not a unix socket")
	}
	return &conn{UnixConn: u}, nil
}

// send writes one frame of at most limit bytes. An error after the first byte
// leaves the stream unusable; an errTooLong does not.
func (c *conn) send(limit int, msg any, fds ...int) error {
	body, err := json.Marshal(msg)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if len(body) > limit {
		return &tooLongError{len(body), limit}
	}
	frame := make([]byte, 0, 4+len(body))
	frame = append(binary.BigEndian.AppendUint32(frame, uint32(len(body))), body...)
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	n, _, err := c.WriteMsgUnix(frame, oob, nil)
	if err == nil && n < len(frame) {
		_, err = c.Write(frame[n:])
	}
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// recv reads one frame of at most limit bytes into msg. The descriptors that
// come with it are the caller's to close; on an error there are none.
func (c *conn) recv(limit int, msg any) (fds []int, err error) {
	defer func() {
		if err != nil {
			closeFDs(fds)
			fds = nil
		}
	}()
	head := make([]byte, 4)
	oob := make([]byte, unix.CmsgSpace(maxFDs*4))
	n, oobn, flags, _, err := c.ReadMsgUnix(head, oob)
	if err != nil {
		return nil, err
	}
	if fds, err = receivedFDs(oob[:oobn]); err != nil {
		return fds, err
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return fds, errors.New("control socket: too many descriptors")
	}
	if _, err = io.ReadFull(c, head[n:]); err != nil {
		return fds, fmt.Errorf("control socket: %w", err)
	}
	size := int(binary.BigEndian.Uint32(head))
	if size > limit {
		return fds, &tooLongError{size, limit}
	}
	body := make([]byte, size)
	if _, err = io.ReadFull(c, body); err != nil {
		return fds, fmt.Errorf("control socket: %w", err)
	}
	if err = json.Unmarshal(body, msg); err != nil {
		return fds, fmt.Errorf("control socket: %w", err)
	}
	return fds, nil
}

// receivedFDs takes the descriptors out of a control message. They are
// close-on-exec: the net package reads with MSG_CMSG_CLOEXEC.
func receivedFDs(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	var all []int
	for i := range msgs {
		fds, err := syscall.ParseUnixRights(&msgs[i])
		if err != nil {
			return all, fmt.Errorf("control socket: %w", err)
		}
		all = append(all, fds...)
	}
	return all, nil
}

// tooLongError is a message over its limit.
type tooLongError struct{ size, limit int }

func (e *tooLongError) Error() string {
	return fmt.Sprintf("control socket: a message of %d bytes, over the limit of %d", e.size, e.limit)
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
