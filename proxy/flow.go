package proxy

import (
	"crypto/tls"
	"net/http"
)

// receiveWindows is the flow control of HTTP/2 on both legs.
func receiveWindows() *http.HTTP2Config {
	return &http.HTTP2Config{MaxReceiveBufferPerStream: maxStreamUnread, MaxReceiveBufferPerConnection: maxConnUnread}
}

// takeH2 reports whether there is room for one more tunnel of the session with
// HTTP/2, and takes it.
func (t *tunnel) takeH2() bool {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.s.h2Each[t.session] >= maxSessionH2 {
		return false
	}
	t.s.h2Each[t.session]++
	t.h2 = true
	return true
}

// giveH2 gives it back. It may be called more than once.
func (t *tunnel) giveH2() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if !t.h2 {
		return
	}
	t.h2 = false
	if t.s.h2Each[t.session]--; t.s.h2Each[t.session] <= 0 {
		delete(t.s.h2Each, t.session)
	}
}

// onlyHTTP1 is a configuration that offers no HTTP/2.
func onlyHTTP1(config *tls.Config) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		of, err := config.GetConfigForClient(hello)
		if err != nil {
			return nil, err
		}
		of = of.Clone()
		of.NextProtos = []string{"http/1.1"}
		return of, nil
	}}
}
