package relay

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
)

// CapturedHeader marks a CONNECT of the relay's: whoever opened the connection
// knows of no proxy, so a refusal must be told inside of it. It gives whoever sends
// it nothing more.
const CapturedHeader = "Bottle-Captured"

// maxHead bounds the head of the proxy's answer to a CONNECT.
const maxHead = 64 << 10

// Connect asks the proxy on up for a way to an authority, and returns what the
// client gets first: what came right behind the head of the answer, or when the
// proxy refuses, that answer, as far as it was read. The proxy refuses inside of the
// connection where it can; else its answer is HTTP at least.
func Connect(up net.Conn, authority string) (early []byte, err error) {
	_, err = fmt.Fprintf(up, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s: 1\r\n\r\n", authority, authority, CapturedHeader)
	if err != nil {
		return nil, err
	}
	// What is behind the head is taken out of the buffer; the rest is read from the
	// connection itself.
	r := bufio.NewReader(io.LimitReader(up, maxHead))
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("the answer to a CONNECT: %w", err)
		}
		head = append(head, line...)
	}
	rest := make([]byte, r.Buffered())
	_, _ = io.ReadFull(r, rest) // they are there
	if _, status, _ := bytes.Cut(head, []byte(" ")); !bytes.HasPrefix(status, []byte("200 ")) {
		return append(head, rest...), nil
	}
	return rest, nil
}

// splice copies both ways until both ends are done, keeping half-closes. On Linux
// the kernel copies.
func splice(ctx context.Context, client, up net.Conn, early []byte) {
	stop := context.AfterFunc(ctx, func() { abort(client); up.Close() })
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := client.Write(early); err != nil {
			up.Close()
			return
		}
		if _, err := io.Copy(client, up); err != nil {
			abort(client) // the proxy broke off: what came is not all
			up.Close()
			return
		}
		closeWrite(client)
	}()
	if _, err := io.Copy(up, client); err != nil {
		abort(up)
	} else {
		closeWrite(up)
	}
	<-done
}

// abort resets a connection, so that its other end does not take what it got for
// all that there was.
func abort(c net.Conn) {
	switch c := c.(type) {
	case interface{ SetLinger(int) error }:
		_ = c.SetLinger(0)
	case interface{ Reset() error }: // a stream of a tunnel's
		_ = c.Reset()
	}
	c.Close()
}

func closeWrite(c net.Conn) {
	if cw, ok := c.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
		return
	}
	c.Close()
}
