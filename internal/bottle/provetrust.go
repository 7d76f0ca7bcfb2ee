package bottle

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay"
)

// trustHost is a virtual host of the proxy's, so that there is a name whose TLS it
// always ends itself, whatever the routes say.
const trustHost = "trust.bottle.internal"

// answerTrust answers whoever goes on to ask something there.
func answerTrust(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

const (
	// trustTimeout bounds the proof: a virtual machine may just have booted.
	trustTimeout = time.Minute
	// maxStore bounds a file of roots that is read out of a machine.
	maxStore = 16 << 20
)

// proveTrust sees that a client inside trusts the proxy, by effect: it reads each
// store of roots as the agent does, and shakes hands with the proxy by them, from
// inside the machine and over all that lies between. The handshake is computed here,
// for an image need have no client; its bytes go the way of a client's.
func (b *Bottle) proveTrust(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, trustTimeout)
	defer cancel()
	stores := []string{guestTarget + "/" + bundleName}
	if m, ok := b.machine.(vm.Trusting); ok {
		stores = append(stores, m.Stores()...)
	}
	for _, store := range stores {
		if err := b.proveStore(ctx, store); err != nil {
			return fmt.Errorf("a client in the bottle that trusts what is in %s cannot reach the proxy by TLS: %w", store, err)
		}
	}
	return nil
}

func (b *Bottle) proveStore(ctx context.Context, store string) error {
	pem, err := b.readInside(ctx, store)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("there is no certificate in it")
	}
	c, err := b.machine.Dial(ctx, proxyPort)
	if err != nil {
		return fmt.Errorf("the proxy's port inside: %w", err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	early, err := relay.Connect(c, net.JoinHostPort(trustHost, "443"))
	if err == nil && len(early) > 0 {
		err = fmt.Errorf("it answered a CONNECT with %.100q", early)
	}
	if err == nil {
		err = tls.Client(c, &tls.Config{ServerName: trustHost, RootCAs: roots}).HandshakeContext(ctx)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("no answer of the proxy came in %v: %w", trustTimeout, ctx.Err())
	}
	return err
}

// readInside reads a file as the agent does.
func (b *Bottle) readInside(ctx context.Context, file string) ([]byte, error) {
	var out, errs cappedBuffer
	p, err := b.machine.Start(ctx, vm.Command{Args: []string{"cat", file}, Dir: "/", Stdout: &out, Stderr: &errs})
	if err != nil {
		return nil, err
	}
	code, err := p.Wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("the agent cannot read it: %.200s", bytes.TrimSpace(errs.buf))
	}
	return out.buf, err
}

// cappedBuffer takes maxStore bytes.
type cappedBuffer struct{ buf []byte }

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if len(b.buf)+len(p) > maxStore {
		return 0, fmt.Errorf("it has more than %d bytes", maxStore)
	}
	b.buf = append(b.buf, p...)
	return len(p), nil
}
