package mitm_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"

	"github.com/bot-bottle/bottle/mitm"
)

// One tls.Config answers for every host with a certificate that the authority signs.
func ExampleMinter_TLSConfig() {
	ca, err := mitm.NewAuthority(mitm.Options{Name: "example CA"})
	if err != nil {
		fmt.Println(err)
		return
	}
	minter, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	config := minter.TLSConfig(func(hello *tls.ClientHelloInfo) (string, error) { return hello.ServerName, nil })
	client, server := net.Pipe()
	go func() {
		conn := tls.Server(server, config)
		_, _ = io.WriteString(conn, "hello from inside")
		_ = conn.Close()
	}()
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	conn := tls.Client(client, &tls.Config{ServerName: "api.example.com", RootCAs: roots})
	text, err := io.ReadAll(conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(conn.ConnectionState().PeerCertificates[0].DNSNames, string(text))
	// Output: [api.example.com] hello from inside
}
