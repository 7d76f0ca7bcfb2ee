package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// maxQuery is the largest query that is read, in bytes.
	maxQuery = 4096
	// maxUDP is how large an answer over UDP may be that we say we take (RFC 6891).
	maxUDP = 1232
	// answerTTL is how long clients may keep an address, in seconds.
	answerTTL = 60
	// maxDNSConns bounds the DNS connections over TCP at a time.
	maxDNSConns = 32
	// dnsIdle ends a DNS connection over TCP on which nothing comes, or that takes
	// no answer.
	dnsIdle = 10 * time.Second
)

// answer answers a query (RFC 1035) from the table; nil is no answer. address is
// called for the address of an ordinary name. Nobody else is ever asked.
//
// A name has one IPv4 address and nothing more: each other question about it,
// AAAA, HTTPS and SVCB among them, has an empty answer at once, so that no client
// waits for one.
func answer(query []byte, address func(name string) netip.Addr) []byte {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err != nil || head.Response {
		return nil
	}
	reply := dnsmessage.Header{ID: head.ID, Response: true, OpCode: head.OpCode, RecursionDesired: head.RecursionDesired, RecursionAvailable: true}
	refuse := func(code dnsmessage.RCode) []byte {
		reply.RCode = code
		return build(reply, nil, nil, false)
	}
	if head.OpCode != 0 {
		return refuse(dnsmessage.RCodeNotImplemented)
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) != 1 {
		return refuse(dnsmessage.RCodeFormatError)
	}
	extended, err := readOPT(&p)
	if err != nil {
		return refuse(dnsmessage.RCodeFormatError)
	}
	q := &questions[0]
	if q.Class != dnsmessage.ClassINET && q.Class != dnsmessage.ClassANY {
		reply.RCode = dnsmessage.RCodeRefused
		return build(reply, q, nil, extended)
	}
	body, code := lookUp(q, address)
	reply.RCode = code
	return build(reply, q, body, extended)
}

// readOPT reports whether a query has the record of EDNS (RFC 6891).
func readOPT(p *dnsmessage.Parser) (bool, error) {
	if err := errors.Join(p.SkipAllAnswers(), p.SkipAllAuthorities()); err != nil {
		return false, err
	}
	for {
		h, err := p.AdditionalHeader()
		switch {
		case errors.Is(err, dnsmessage.ErrSectionDone):
			return false, nil
		case err != nil:
			return false, err
		case h.Type == dnsmessage.TypeOPT:
			return true, nil
		}
		if err := p.SkipAdditional(); err != nil {
			return false, err
		}
	}
}

// lookUp returns the record that answers a question, or nil for none.
func lookUp(q *dnsmessage.Question, address func(string) netip.Addr) (dnsmessage.ResourceBody, dnsmessage.RCode) {
	name, kind := hostName(q.Name.String())
	switch kind {
	case impossible:
		return nil, dnsmessage.RCodeNameError
	case loopback:
		switch q.Type {
		case dnsmessage.TypeA, dnsmessage.TypeALL:
			return &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}, dnsmessage.RCodeSuccess
		case dnsmessage.TypeAAAA:
			return &dnsmessage.AAAAResource{AAAA: netip.IPv6Loopback().As16()}, dnsmessage.RCodeSuccess
		}
	case ordinary:
		if q.Type == dnsmessage.TypeA || q.Type == dnsmessage.TypeALL {
			return &dnsmessage.AResource{A: address(name).As4()}, dnsmessage.RCodeSuccess
		}
	}
	return nil, dnsmessage.RCodeSuccess
}

// build packs an answer. It always fits into 512 bytes: a name, an address and the
// record of EDNS take no more.
func build(head dnsmessage.Header, q *dnsmessage.Question, body dnsmessage.ResourceBody, extended bool) []byte {
	m := dnsmessage.Message{Header: head}
	if q != nil {
		m.Questions = []dnsmessage.Question{*q}
	}
	if body != nil {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: answerTTL},
			Body:   body,
		}}
	}
	if extended {
		var h dnsmessage.ResourceHeader
		_ = h.SetEDNS0(maxUDP, head.RCode, false) // fails for no value of these
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// serveUDP answers what comes to a socket until that is closed.
func serveUDP(conn net.PacketConn, address func(string) netip.Addr) {
	buf := make([]byte, maxQuery)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of what one client did, such as going away before its answer
		}
		if out := answer(buf[:n], address); out != nil {
			_, _ = conn.WriteTo(out, from)
		}
	}
}

// serveTCP answers the queries of one connection (RFC 7766) until it is idle.
func serveTCP(ctx context.Context, conn net.Conn, address func(string) netip.Addr) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	for {
		_ = conn.SetDeadline(time.Now().Add(dnsIdle))
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint16(size[:])
		if n > maxQuery {
			return
		}
		query := make([]byte, n)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		out := answer(query, address)
		if out == nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}
