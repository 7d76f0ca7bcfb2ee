package smolvm

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/bot-bottle/bottle/vm/relay/guest"
	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

// relayPause is how long the relay may be away before it is looked after: it dials
// anew by itself. watchPause is how often the machine is looked at.
const (
	relayPause = 5 * time.Second
	watchPause = 15 * time.Second
)

// startRelay starts the relay inside, and waits for it to be connected.
func (m *machine) startRelay(ctx context.Context) error {
	args := []string{"machine", "exec", "--name", m.plan.name, "-d", "--", guestProgram, "serve", "--state", m.user.State, "--forward", guestSocket(forwardName)}
	for _, port := range m.plan.spec.Ports {
		args = append(args, "--listen", strconv.Itoa(port)+"="+guestSocket("p"+strconv.Itoa(port)))
	}
	if c := m.plan.spec.Capture; c != nil {
		args = append(args, "--proxy", strconv.Itoa(c.Port), "--answer", c.Answer.String())
		if c.All {
			args = append(args, "--capture")
		}
		for _, s := range c.Services {
			args = append(args, "--service", s.Name+"="+s.Addr.String())
		}
	}
	// Not again: whether it is there is seen by what follows.
	if _, err := m.b.must(ctx, call{args: args, timeout: quickTimeout}); err != nil {
		return fmt.Errorf("start the relay: %w", err)
	}
	if err := m.relayIsThere(ctx); err != nil {
		return fmt.Errorf("the relay in the machine does not connect: %w%s", err, m.b.console(ctx, m.plan.name))
	}
	return nil
}

// shapeNetwork makes the machine's network what capture needs.
func (m *machine) shapeNetwork(ctx context.Context) error {
	spec := &m.plan.spec
	if spec.Capture == nil {
		return nil
	}
	args := []string{"net"}
	for _, p := range spec.Local {
		args = append(args, "--local", p.String())
	}
	if spec.Capture.All {
		args = append(args, "--resolver")
	}
	for _, h := range spec.Hosts {
		for _, name := range h.Names {
			args = append(args, "--host", h.Addr+"="+name)
		}
	}
	_, err := m.guest(ctx, nil, args...)
	return err
}

// questions bounds those of the relay that are answered at a time.
const questions = 16

// answer answers the relay's questions for further ports, to the machine's end.
func (m *machine) answer(l *tunnel.Listener) {
	further := func(string) []int { return nil }
	if c := m.plan.spec.Capture; c != nil && c.Further != nil {
		further = c.Further
	}
	places := make(chan struct{}, questions)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		places <- struct{}{}
		// Not one of m.watch, for which somebody may wait by now: it ends by itself.
		go func() {
			defer func() { <-places }()
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(questionTimeout))
			if err := guest.AnswerPorts(c, further); err == nil {
				_, _ = io.Copy(io.Discard, c) // until the relay has it, and closes
			}
		}()
	}
}

// questionTimeout bounds a question with its answer.
const questionTimeout = 2 * time.Second

// connectTimeout bounds how long the relay may take.
const connectTimeout = 30 * time.Second

func (m *machine) relayIsThere(ctx context.Context) error {
	t := time.NewTimer(connectTimeout)
	defer t.Stop()
	for m.forward.Sessions() == 0 {
		select {
		case <-m.came:
		case <-t.C:
			return fmt.Errorf("nobody came to %s", m.plan.socket(forwardName))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// supervise looks after the machine and its relay until the machine ends.
func (m *machine) supervise() {
	for m.ctx.Err() == nil {
		t := time.NewTimer(watchPause)
		select {
		case <-m.ctx.Done():
		case <-t.C:
		case <-m.lost:
			_ = m.b.opt.Sleep(m.ctx, relayPause)
		}
		t.Stop()
		if m.ctx.Err() != nil || m.forward.Sessions() > 0 {
			continue
		}
		m.lookAfter()
	}
}

// lookAfter finds out why nobody is connected, and starts the relay again or notes
// the machine's end. While the list cannot be had nothing is decided.
func (m *machine) lookAfter() {
	s, err := m.b.get(m.ctx, m.plan.spec.ID)
	switch {
	case err != nil:
	case s == nil || !s.up():
		m.finish(fmt.Errorf("the virtual machine %s ended by itself", m.plan.name))
		m.stop()
	case s.State == stateRunning:
		_ = m.startRelay(m.ctx) // or the next time
	}
}
