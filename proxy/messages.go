package proxy

import (
	"bytes"
	"slices"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/replace"
	"github.com/bot-bottle/bottle/internal/usage"
	"github.com/bot-bottle/bottle/internal/wsframe"
)

// A messageFilter is a filter of the messages of one direction of a WebSocket, one
// after the other.
type messageFilter interface {
	// begin is called before each message, a text or a binary one.
	begin(op wsframe.Op) error
	write(p []byte) ([]byte, error)
	flush() ([]byte, error)
	held() int
	// endMessage decides what is held: the message is complete. Nothing is held
	// behind it.
	endMessage() ([]byte, error)
	// control decides the payload of a control frame.
	control(op wsframe.Op, payload []byte) ([]byte, error)
}

// streamScan is what decides a body, and all messages as one stream too: a secret
// may be cut over them.
type streamScan interface {
	filter
	endMessage() ([]byte, error)
}

// agentMessages scans what the agent sends, and puts credentials into its text.
type agentMessages struct {
	x       *exchange
	scan    streamScan
	session *dlp.Session

	whole conversation // on a model route

	plain, json *bodyInjection // nil where no secret goes into messages
	inject      *injectFilter  // of this message, once it has begun
	fresh       bool           // nothing of the message was seen
}

// newAgentMessages uses a scanner to the end of the exchange.
func (x *exchange) newAgentMessages(sc *dlp.Scanner) (*agentMessages, *denial) {
	m := &agentMessages{x: x, session: x.s.dlpSession(x.session), scan: x.streamScan(sc)}
	var d *denial
	if m.plain, d = x.injection(bodyEscape("")); d == nil {
		m.json, d = x.injection(bodyEscape("application/json"))
	}
	return m, d
}

func (m *agentMessages) begin(op wsframe.Op) error {
	m.x.socket.binary = op == wsframe.Binary
	m.inject, m.fresh = nil, true
	m.whole.begin(m.x)
	return nil
}

// injectInto begins the injection into a text message, which has no type that says
// how a credential is to be escaped.
func (m *agentMessages) injectInto(p []byte) {
	if !m.fresh || len(p) == 0 {
		return
	}
	m.fresh = false
	if m.plain == nil || m.x.socket.binary {
		return
	}
	in := m.plain
	if start := bytes.TrimLeft(p, " \t\r\n"); len(start) > 0 && bytes.IndexByte([]byte(`{["`), start[0]) >= 0 {
		in = m.json
	}
	clear(in.values) // a connection may outlive a token
	m.inject = in.filter()
}

func (m *agentMessages) write(p []byte) ([]byte, error) {
	if p = m.whole.write(p); len(p) == 0 {
		return nil, nil
	}
	return m.decide(p)
}

func (m *agentMessages) decide(p []byte) ([]byte, error) {
	m.injectInto(p)
	if m.inject == nil {
		return m.scan.write(p)
	}
	return chain{m.scan, m.inject}.write(p)
}

func (m *agentMessages) flush() ([]byte, error) {
	if m.inject == nil {
		return m.scan.flush()
	}
	return chain{m.scan, m.inject}.flush()
}

func (m *agentMessages) endMessage() ([]byte, error) {
	var out []byte
	if doc := m.whole.end(); len(doc) > 0 {
		first, err := m.decide(doc)
		if err != nil {
			return nil, err
		}
		out = slices.Clone(first) // valid until the next call only
	}
	rest, err := m.endScan()
	return append(out, rest...), err
}

func (m *agentMessages) endScan() ([]byte, error) {
	if m.inject == nil {
		return m.scan.endMessage()
	}
	return chain{m.scan, m.inject}.last(m.scan.endMessage, m.inject.close)
}

func (m *agentMessages) held() int {
	n := m.scan.held() + len(m.whole.doc)
	if m.inject != nil {
		n += m.inject.held()
	}
	return n
}

// control scans a ping, a pong or a close: each is a short text of the agent's.
func (m *agentMessages) control(_ wsframe.Op, payload []byte) ([]byte, error) {
	if len(payload) == 0 {
		return payload, nil
	}
	sc := m.x.scanner()
	defer m.x.snap.scanners.Put(sc)
	if d := decideWhole(sc, payload, m.x.bodyDenial); d != nil {
		return nil, &blocked{d}
	}
	if err := m.x.judgeBody(m.session.Drip(m.x.target.Host, "control frame", payload)); err != nil {
		return nil, err
	}
	return payload, nil
}

// serverMessages replaces values of secrets in what comes back, and puts back what
// stands in the place of markers, as in an answer.
type serverMessages struct {
	x       *exchange
	table   *replace.Table
	now     *redactFilter // nil for nothing to replace
	meter   *usage.Reader // of a model that answers; nil for none
	restore socketRestorer
}

// begin takes over what was lent since the last message.
func (m *serverMessages) begin(op wsframe.Op) error {
	if err := m.restore.begin(m.x, op); err != nil {
		return err
	}
	red, err := m.x.redaction()
	switch {
	case err != nil:
		return err
	case red == nil || red.table == m.table:
		return nil
	}
	m.finish()
	m.table, m.now = red.table, &redactFilter{replaceFilter{stream: red.table.NewStream()}, m.x}
	return nil
}

// finish counts what was replaced.
func (m *serverMessages) finish() {
	if m.now != nil {
		_, _ = m.now.close()
	}
}

func (m *serverMessages) write(p []byte) ([]byte, error) {
	if m.meter != nil {
		m.meter.Write(p)
	}
	if m.now != nil {
		p, _ = m.now.write(p) // which has no error of its own
	}
	return m.restore.write(p), nil
}

func (m *serverMessages) flush() ([]byte, error) {
	if m.now == nil || m.restore.collects {
		return nil, nil
	}
	return m.now.flush()
}

func (m *serverMessages) endMessage() (out []byte, err error) {
	if m.meter != nil {
		m.meter.Close()
	}
	if m.now != nil {
		if out, err = m.now.replaceFilter.close(); err != nil {
			return nil, err
		}
	}
	return m.restore.end(out), nil
}

func (m *serverMessages) held() int {
	if m.now == nil {
		return m.restore.held()
	}
	return m.now.held() + m.restore.held()
}

func (m *serverMessages) control(op wsframe.Op, payload []byte) ([]byte, error) {
	red, err := m.x.redaction()
	if err != nil || red == nil {
		return payload, err
	}
	s := red.table.NewStream()
	out := s.Close(s.Append(nil, payload))
	if op == wsframe.Close && len(payload) >= 2 {
		out = slices.Concat(payload[:2], s.Close(s.Append(nil, payload[2:])))
	}
	if len(out) > wsframe.MaxControl {
		out = out[:wsframe.MaxControl]
		if op == wsframe.Close {
			out = bytes.ToValidUTF8(out[2:], nil)
			out = slices.Concat(payload[:2], out)
		}
	}
	if !bytes.Equal(out, payload) {
		m.x.redacted++
	}
	return out, nil
}
