package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/wsframe"
)

// bridge is a WebSocket that is open on both legs.
type bridge struct {
	x         *exchange
	agent, up *socketLeg
	cancel    context.CancelFunc // breaks both off

	mu     sync.Mutex
	err    error // the first
	closer *time.Timer
	idle   *time.Timer

	expiring sync.Mutex
	over     bool // nothing is left to expire
}

// bridgeSocket answers the upgrade and carries messages until both ends have closed
// or one is gone. Neither direction keeps more than a frame of at most decideBytes,
// which counts as a body that is held; an end that does not read holds up the other.
// One in which nothing comes for socketIdle is closed.
func (x *exchange) bridgeSocket(resp *http.Response) error {
	sc := x.scanner()
	defer x.snap.scanners.Put(sc)
	messages, d := x.newAgentMessages(sc)
	if d != nil {
		x.answer(d)
		return nil
	}
	agent, release, err := x.agentLeg(resp)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	b := &bridge{x: x, agent: agent, up: x.upstreamLeg(), cancel: cancel}
	aborted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(aborted)
		b.agent.abort()
		b.up.abort()
	})
	defer func() {
		if !stop() {
			<-aborted // it uses what ends with the handler
		}
	}()
	defer b.finish()
	if messages.pass() && len(x.hostSecrets.names) == 0 && !x.isModel() && x.r.ProtoMajor == 1 {
		b.splice(ctx)
	} else {
		b.carryMessages(ctx, messages)
	}
	return b.err
}

// carryMessages has both directions looked into.
func (b *bridge) carryMessages(ctx context.Context, messages *agentMessages) {
	x, agent := b.x, b.agent
	b.idle = time.AfterFunc(x.s.socketIdle, b.expire)
	in := &serverMessages{x: x, meter: x.socketMeter()}
	fromAgent := &socketPipe{x: x, src: fetcher{ctx: ctx, src: agent}, dst: b.up.socketWriter, alive: b.alive, filter: messages, parser: wsframe.Parser{FromClient: true}}
	fromServer := &socketPipe{x: x, src: fetcher{ctx: ctx, src: b.up}, dst: agent.socketWriter, alive: b.alive, filter: in}
	var (
		other sync.WaitGroup
		ends  [2]thrown
	)
	other.Go(func() { b.caught(&ends[0], fromServer) })
	b.caught(&ends[1], fromAgent)
	other.Wait()
	ends[0].again()
	ends[1].again()
	in.finish()
	in.restore.finish(x)
	messages.whole.finish()
	b.count(fromAgent.sent, fromServer.sent)
}

// caught carries one direction. A panic in it ends the other one, which uses what ends
// with the handler, before it is thrown.
func (b *bridge) caught(t *thrown, p *socketPipe) {
	defer t.catch(b.cancel)
	b.carry(p)
}

// count keeps what was carried for the journal.
func (b *bridge) count(out, in int64) {
	b.x.bytesIn = in
	b.x.body.mu.Lock()
	defer b.x.body.mu.Unlock()
	b.x.body.sent = out
}

// alive puts the end of an idle WebSocket off.
func (b *bridge) alive() { b.idle.Reset(b.x.s.socketIdle) }

// expire closes an idle WebSocket.
func (b *bridge) expire() {
	b.expiring.Lock()
	defer b.expiring.Unlock()
	if b.over {
		return
	}
	b.fail(fmt.Errorf("nothing was sent for %v", b.x.s.socketIdle))
	b.hurry()
	for _, leg := range [...]*socketLeg{b.agent, b.up} {
		_ = leg.control(wsframe.Close, wsframe.ClosePayload(wsframe.CodeGoingAway, "nothing was sent for a long time"))
	}
}

// finish stops the clocks. It waits for an end that is being told: what that is written
// to ends with the handler. The time for it is bounded by hurry.
func (b *bridge) finish() {
	b.expiring.Lock()
	b.over = true
	b.expiring.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle.Stop()
	if b.closer != nil {
		b.closer.Stop()
	}
}

// hurry gives both ends socketCloseTimeout to end in order.
func (b *bridge) hurry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closer == nil {
		b.closer = time.AfterFunc(socketCloseTimeout, b.cancel)
	}
}

// fail keeps the first error: others follow from it.
func (b *bridge) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && b.closer == nil {
		b.err = err
	}
}

// carry runs one direction to its end.
func (b *bridge) carry(p *socketPipe) {
	defer p.release()
	who := "the upstream"
	if p.parser.FromClient {
		who = "the client"
	}
	err := p.run()
	var (
		broke *wsframe.Error
		stop  *blocked
	)
	switch {
	case errors.Is(err, errSocketClosed):
		b.hurry() // for the other end to close as well
		return
	case errors.As(err, &stop):
		b.hurry()
		b.refuse(stop.denial)
	case errors.As(err, &broke):
		b.fail(fmt.Errorf("%s broke the protocol: %w", who, err))
		b.hurry()
		b.broken(broke, who)
	case errors.Is(err, io.EOF):
		b.fail(errors.New(who + " ended the connection without closing the WebSocket"))
		b.cancel()
		return
	default:
		b.fail(fmt.Errorf("what %s sends cannot be carried on: %w", who, err))
		b.cancel()
		return
	}
	// Both ends were told. What the agent still sends is thrown away until it
	// closes too: to end the connection before would reset it, and what it was told
	// would be lost.
	if !p.parser.FromClient {
		return
	}
	if broke != nil {
		// Its close could not be told from the rest any more. It is shown the end at
		// once, which is what it waits for (RFC 6455, section 7.1.7). A stream of
		// HTTP/2 is not reset by that.
		if b.agent.end == nil {
			return
		}
		b.agent.end()
	}
	p.discard()
}

// refuse tells the agent what was stopped, first in its own protocol where that is
// known, and the upstream no more than that it is over. The agent comes first: what
// the upstream says to a close would be taken for the reason.
func (b *bridge) refuse(d *denial) {
	if m := b.x.errorMessage(d); m != nil && b.agent.between() {
		if text, err := json.Marshal(m); err == nil {
			_ = b.agent.frame(append(make([]byte, room), text...), wsframe.Text, true)
		}
	}
	_ = b.agent.control(wsframe.Close, wsframe.ClosePayload(wsframe.CodePolicy, d.rule+": "+d.message))
	_ = b.up.control(wsframe.Close, wsframe.ClosePayload(wsframe.CodeGoingAway, ""))
}

// broken tells both ends that one of them broke the protocol.
func (b *bridge) broken(e *wsframe.Error, who string) {
	_ = b.agent.control(wsframe.Close, wsframe.ClosePayload(e.Code, who+": "+e.Reason))
	_ = b.up.control(wsframe.Close, wsframe.ClosePayload(e.Code, ""))
}
