package smolvm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay/guest"
	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

var (
	_ vm.Machine  = (*machine)(nil)
	_ vm.Trusting = (*machine)(nil)
)

// machine is a running one.
type machine struct {
	b       *Backend
	plan    *plan
	user    guest.User
	stores  []string // of the image, that have the CA
	limits  []vm.Limit
	forward *tunnel.Listener
	ports   map[int]*tunnel.Listener
	slots   chan struct{} // of commands
	quick   chan struct{} // of calls of ours meanwhile

	ctx   context.Context // ends with the machine
	stop  context.CancelFunc
	lost  chan struct{} // the relay may have ended
	came  chan struct{} // or have come
	watch sync.WaitGroup

	mu     sync.Mutex
	taken  map[int]bool // ports that Listen gave out
	procs  map[*process]bool
	closed bool
	err    error // why it ended
	ended  chan struct{}
	once   sync.Once
	result error // of Close
}

// The agent in the machine serves 8 connections at a time: each running command
// holds one, and with none left smolvm takes the machine for dead. Together these are
// 5: the others are for who lists machines, starts the relay again or brings work out.
const (
	maxCommands = 4
	maxQuick    = 1
)

// Create makes a machine, or starts the one of this id that is there and stopped,
// and waits until commands can run in it.
func (b *Backend) Create(ctx context.Context, spec vm.Spec) (vm.Machine, error) {
	p, err := newPlan(spec)
	if err != nil {
		return nil, fmt.Errorf("create the virtual machine %q: %w", spec.ID, err)
	}
	defer b.lock(p.name)()
	m, err := b.createMachine(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("create the virtual machine %q: %w", spec.ID, err)
	}
	return m, nil
}

func (b *Backend) createMachine(ctx context.Context, p *plan) (_ *machine, err error) {
	old, err := b.get(ctx, p.spec.ID)
	if err != nil {
		return nil, err
	}
	if old != nil && old.up() { // its maker was killed
		if err := b.stop(ctx, p.name); err != nil {
			return nil, err
		}
	}
	if err := p.makeDir(); err != nil {
		return nil, err
	}
	if old != nil && old.Labels[madeLabel] != p.made() {
		return nil, errors.Join(errors.New("it was made of something else: another image, other shared folders, or sockets in another place (XDG_RUNTIME_DIR); a new bottle is needed (bottle up --fresh)"), os.RemoveAll(p.dir))
	}
	m := &machine{b: b, plan: p, limits: p.limits(), ports: map[int]*tunnel.Listener{}, taken: map[int]bool{}, procs: map[*process]bool{},
		slots: make(chan struct{}, maxCommands), quick: make(chan struct{}, maxQuick), lost: make(chan struct{}, 1), came: make(chan struct{}, 1), ended: make(chan struct{})}
	m.ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, m.undo(old == nil))
		}
	}()
	if err := m.listen(ctx); err != nil {
		return nil, err
	}
	if old == nil {
		if err := b.create(ctx, p, p.memory()); err != nil {
			return nil, err
		}
	}
	if err := b.boot(ctx, p, old == nil); err != nil {
		return nil, err
	}
	if err := b.ready(ctx, p); err != nil {
		return nil, err
	}
	if err := m.provision(ctx); err != nil {
		return nil, err
	}
	m.watch.Go(m.supervise)
	return m, nil
}

// undo takes back a start that failed: a machine that is new goes, an old one is
// stopped, for there is work in it.
func (m *machine) undo(isNew bool) error {
	m.stop()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var err error
	if isNew {
		err = m.b.remove(ctx, m.plan.spec.ID)
	} else {
		err = m.b.stop(ctx, m.plan.name)
	}
	if errors.Is(err, ErrNotInstalled) {
		err = nil // then there is nothing to undo, and that was said
	}
	return errors.Join(err, m.closeListeners())
}

// listen opens the host's sides of the services.
func (m *machine) listen(ctx context.Context) error {
	var err error
	if m.forward, err = m.service(ctx, forwardName); err != nil {
		return err
	}
	go m.answer(m.forward)
	for _, port := range m.plan.spec.Ports {
		if m.ports[port], err = m.service(ctx, "p"+strconv.Itoa(port)); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) service(ctx context.Context, name string) (*tunnel.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", m.plan.socket(name))
	if err != nil {
		return nil, fmt.Errorf("listen for the machine: %w", err)
	}
	onCount := func(int) {}
	if name == forwardName {
		onCount = func(n int) {
			to := m.lost
			if n > 0 {
				to = m.came
			}
			select {
			case to <- struct{}{}:
			default:
			}
		}
	}
	return tunnel.Listen(l, name, onCount), nil
}

func (m *machine) closeListeners() error {
	var errs []error
	for port, l := range m.ports {
		if m.taken[port] { // whoever accepts closes it
			errs = append(errs, l.Stop())
		} else {
			errs = append(errs, l.Close())
		}
	}
	if m.forward != nil {
		errs = append(errs, m.forward.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(m.plan.dir))...)
}

func (m *machine) ID() string { return m.plan.spec.ID }

func (m *machine) Limits() []vm.Limit { return slices.Clone(m.limits) }

// Listen returns the listener of a port that the Spec named: the relay has it since
// the machine started.
func (m *machine) Listen(_ context.Context, port int) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.ports[port]
	switch {
	case m.closed:
		return nil, net.ErrClosed
	case l == nil:
		return nil, fmt.Errorf("listen at 127.0.0.1:%d in %s: %w: a virtual machine listens on ports that it was told before", port, m.plan.name, errors.ErrUnsupported)
	case m.taken[port]:
		return nil, fmt.Errorf("listen at 127.0.0.1:%d in %s: somebody does already", port, m.plan.name)
	}
	m.taken[port] = true
	return l, nil
}

// dialTimeout bounds how long the relay may take to reach a program inside.
const dialTimeout = 10 * time.Second

// Dial connects to a port of a program inside, as vm.Machine says: the relay does.
func (m *machine) Dial(ctx context.Context, port int) (net.Conn, error) {
	c, err := m.forward.Open(ctx)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(dialTimeout))
	answer := []byte{1}
	if _, err = c.Write(binary.BigEndian.AppendUint16(nil, uint16(port))); err == nil {
		_, err = io.ReadFull(c, answer)
	}
	if err == nil && answer[0] != 0 {
		err = fmt.Errorf("nothing listens at port %d in %s: %w", port, m.plan.name, syscall.ECONNREFUSED)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, c.SetDeadline(time.Time{})
}

// Wait returns when the machine has ended.
func (m *machine) Wait() error {
	<-m.ended
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Close brings back what the agent has written, and stops the machine. Its root
// file system stays until Backend.Remove.
func (m *machine) Close() error {
	m.once.Do(func() { m.result = m.shut() })
	<-m.ended
	return m.result
}

// closeTimeout bounds an end. It is that of a tree of files.
const closeTimeout = treeTimeout

func (m *machine) shut() error {
	m.mu.Lock()
	m.closed = true
	dead := m.err
	procs := make([]*process, 0, len(m.procs))
	for p := range m.procs {
		procs = append(procs, p)
	}
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	m.stop()
	m.watch.Wait()
	// Nobody writes any more while the files are read.
	for _, p := range procs {
		p.end()
	}
	defer m.b.lock(m.plan.name)()
	var errs []error
	if dead == nil {
		errs = append(errs, m.collect(ctx))
	} else {
		errs = append(errs, fmt.Errorf("%w; what it holds is still in it: \"bottle pull\" brings it out", dead))
	}
	errs = append(errs, m.b.stop(ctx, m.plan.name), m.closeListeners())
	m.finish(nil)
	return errors.Join(errs...)
}

// finish notes the end, once.
func (m *machine) finish(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.ended:
	default:
		m.err = err
		close(m.ended)
	}
}
