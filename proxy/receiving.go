package proxy

import (
	"fmt"
	"net"
	"net/http"
)

// receiving counts the answers that are under way in each upstream connection with
// HTTP/2. What is received and not read is in memory there, bounded by connection; in
// one with HTTP/1.1 it stays in the kernel.
type receiving map[net.Conn]int

func (r *receiving) add(c net.Conn) {
	if *r == nil {
		*r = receiving{}
	}
	(*r)[c]++
}

func (r receiving) remove(c net.Conn) {
	if r[c]--; r[c] <= 0 {
		delete(r, c)
	}
}

// full reports whether c would be one more than there may be.
func (r receiving) full(c net.Conn, most int) bool { return r[c] == 0 && len(r) >= most }

// receive counts an answer, or returns why there is no room for one in its connection.
func (b *budget) receive(sh *share, c net.Conn) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case sh.receiving.full(c, maxSessionReceiving):
		return fmt.Sprintf("this agent has answers under way in %d connections with HTTP/2, which is the most it may have; let some end and try again", maxSessionReceiving)
	case b.receiving.full(c, maxReceiving):
		return fmt.Sprintf("answers are under way in %d connections with HTTP/2, which is the most this proxy carries; try again later", maxReceiving)
	}
	sh.receiving.add(c)
	b.receiving.add(c)
	return ""
}

func (b *budget) received(sh *share, c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sh.receiving.remove(c)
	b.receiving.remove(c)
}

// takeAnswer makes the answer one of so many. One that is all there takes nothing but
// its head.
func (x *exchange) takeAnswer(resp *http.Response) *denial {
	if d := x.holdHead(resp.Header, 0); d != nil {
		return d
	}
	if resp.ProtoMajor < 2 || resp.Body == http.NoBody || x.upConn == nil {
		return nil
	}
	if full := x.s.budget.receive(x.share, x.upConn); full != "" {
		return &denial{status: http.StatusServiceUnavailable, rule: "too-many-answers", message: full}
	}
	x.receives = x.upConn
	return nil
}
