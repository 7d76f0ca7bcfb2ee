package demo

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// Internet plays the internet: a TLS server on loopback that has a certificate
// for whatever name a client asks for, from a CA of its own.
type Internet struct {
	Addr string // host:port
	CA   []byte // its certificate, in PEM
	srv  *http.Server
}

// StartInternet serves requests by h until Close.
func StartInternet(h http.Handler) (*Internet, error) {
	ca, err := mitm.NewAuthority(mitm.Options{Name: "demo internet CA"})
	if err != nil {
		return nil, err
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the server that plays the internet: %w", err)
	}
	i := &Internet{Addr: l.Addr().String(), CA: ca.CertificatePEM()}
	i.srv = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	tl := tls.NewListener(l, leaves.TLSConfig(func(h *tls.ClientHelloInfo) (string, error) {
		if h.ServerName == "" {
			return "", errors.New("no server name")
		}
		return h.ServerName, nil
	}))
	go func() { _ = i.srv.Serve(tl) }() // ends with http.ErrServerClosed
	return i, nil
}

// Close ends the server and what it serves.
func (i *Internet) Close() error { return i.srv.Close() }
