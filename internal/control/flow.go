package control

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// window is how many bytes of a stream may be under way: sent and not yet read
// at the other end. It bounds the memory of each end, and since no end reads
// more than it has room for, a slow stream never holds up another, a signal or
// the news that the other side is gone.
const window = 256 << 10

// outflow is the sending end of a stream: a writer that waits until it is
// opened, and then for room at the other end.
type outflow struct {
	send func(p []byte) error

	mu     sync.Mutex
	change sync.Cond
	opened bool
	used   int   // bytes sent and not acknowledged, at most window
	err    error // why nothing more is sent
}

func newOutflow(send func(p []byte) error) *outflow {
	o := &outflow{send: send}
	o.change.L = &o.mu
	return o
}

// open lets writes through.
func (o *outflow) open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened = true
	o.change.Broadcast()
}

func (o *outflow) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := o.take(min(len(p)-done, maxData))
		if err != nil {
			return done, err
		}
		if err := o.send(p[done : done+n]); err != nil {
			o.fail(err)
			return done, err
		}
		done += n
	}
	return done, nil
}

// take waits for room and returns how much of what was wanted there is.
func (o *outflow) take(want int) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for (!o.opened || o.used == window) && o.err == nil {
		o.change.Wait()
	}
	if o.err != nil {
		return 0, o.err
	}
	n := min(want, window-o.used)
	o.used += n
	return n, nil
}

// grant takes an acknowledgement. Of more than was sent it is against the
// protocol.
func (o *outflow) grant(n uint32) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if uint64(n) > uint64(o.used) {
		return fmt.Errorf("%w: %d bytes acknowledged of %d that were sent", errFrame, n, o.used)
	}
	o.used -= int(n)
	o.change.Broadcast()
	return nil
}

// fail ends all writes, those that wait too. The first reason stays.
func (o *outflow) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	o.change.Broadcast()
}

// inflow is the receiving end of a stream: a reader of what was pushed.
type inflow struct {
	acknowledge func(n uint32) error

	mu     sync.Mutex
	change sync.Cond
	buf    bytes.Buffer // at most window
	read   uint32       // bytes read and not acknowledged
	err    error        // what Read returns once buf is empty
}

func newInflow(acknowledge func(n uint32) error) *inflow {
	i := &inflow{acknowledge: acknowledge}
	i.change.L = &i.mu
	return i
}

// push takes what the other end sent. It never waits: more than the window is
// against the protocol. After the end, it is dropped.
func (i *inflow) push(p []byte) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return nil
	}
	if len(p) > window-i.buf.Len()-int(i.read) {
		return fmt.Errorf("%w: more than %d bytes of a stream under way", errFrame, window)
	}
	i.buf.Write(p)
	i.change.Broadcast()
	return nil
}

func (i *inflow) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, ack, err := i.take(p)
	if ack > 0 {
		// That the other end is gone is told by the end of the stream.
		_ = i.acknowledge(ack)
	}
	return n, err
}

// take also returns how many bytes are to be acknowledged: not each few, for
// that would be a frame for each; but before half the window is withheld.
func (i *inflow) take(p []byte) (n int, ack uint32, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.buf.Len() == 0 && i.err == nil {
		i.change.Wait()
	}
	if i.buf.Len() == 0 {
		return 0, 0, i.err
	}
	n, _ = i.buf.Read(p)
	i.read += uint32(n)
	if i.read >= window/2 {
		ack, i.read = i.read, 0
	}
	return n, ack, nil
}

// end lets Read return err after what was pushed; nil stands for io.EOF. The
// first end stays.
func (i *inflow) end(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil {
		err = io.EOF
	}
	if i.err == nil {
		i.err = err
	}
	i.change.Broadcast()
}
