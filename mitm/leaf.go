package mitm

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// leaf is the certificate of one host and what serves it. Once ready is closed
// it does not change.
type leaf struct {
	name   string
	ready  chan struct{}
	err    error
	config *tls.Config
	local  *tls.Config // for connections that do not leave this machine
	from   time.Time   // valid from
	renew  time.Time   // to be minted again from then on
}

// fresh reports whether a leaf can be used, or will be when it is minted. A
// clock that was set back makes it as stale as one that went on.
func (l *leaf) fresh(now time.Time) bool {
	select {
	case <-l.ready:
		return !now.Before(l.from) && now.Before(l.renew)
	default:
		return true
	}
}

// mint signs the certificate of a leaf.
func (m *Minter) mint(l *leaf) error {
	now := m.now()
	if err := m.ca.usable(now); err != nil {
		return fmt.Errorf("mitm: certificate for %s: %w", l.name, err)
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	if err := checkHost(l.name); err != nil {
		return err
	}
	// As they are encoded: in whole seconds.
	from := latest(now.Add(-backdate), m.ca.cert.NotBefore).Truncate(time.Second)
	to := earliest(now.Add(m.validity), m.ca.cert.NotAfter).Truncate(time.Second)
	der, err := m.signer.sign(l.name, serial, from, to)
	if err != nil {
		return fmt.Errorf("mitm: sign the certificate for %s: %w", l.name, err)
	}
	var ticketKey [32]byte
	if _, err := rand.Read(ticketKey[:]); err != nil {
		return fmt.Errorf("mitm: draw a ticket key: %w", err)
	}
	l.config = baseConfig()
	l.config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: m.key}}
	l.config.SetSessionTicketKeys([][32]byte{ticketKey})
	l.local = l.config.Clone() // with the ticket key
	l.local.CurvePreferences = localCurves
	l.from = from
	l.renew = to
	if early := now.Add(m.validity * 3 / 4); early.Before(l.renew) {
		l.renew = early
	}
	return nil
}

// localCurves are the key exchanges with clients on this machine that have one of
// them.
var localCurves = []tls.CurveID{tls.X25519, tls.CurveP256}

func isLocalCurve(id tls.CurveID) bool { return slices.Contains(localCurves, id) }

// isLocal reports whether a connection comes from this machine.
func isLocal(c net.Conn) bool {
	switch addr := c.RemoteAddr().(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	default:
		return false
	}
}

// checkHost says why a host is not in canonical form: the same host must not have two
// leaves, and nothing that is no host gets one.
func checkHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" || addr.Unmap().String() != host {
			return fmt.Errorf("mitm: the address %q is not in canonical form", host)
		}
		return nil
	}
	if err := checkName(host); err != nil {
		return fmt.Errorf("mitm: no certificate for %q: %w", host, err)
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
