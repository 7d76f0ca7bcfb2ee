package mitm

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustMinter(t testing.TB, ca *Authority, opts MinterOptions) *Minter {
	t.Helper()
	m, err := NewMinter(ca, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *Minter) mustLeaf(t testing.TB, host string) *x509.Certificate {
	t.Helper()
	l, err := m.hostLeaf(host, "")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(l.config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestLeafVerifies(t *testing.T) {
	c := newClock()
	ca := mustAuthority(t, Options{Now: c.now})
	m := mustMinter(t, ca, MinterOptions{})
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	for _, host := range []string{"example.com", "a.b.c.example.com", "localhost", "xn--mnchen-3ya.example", "under_score.example",
		"192.0.2.7", "2001:db8::1", strings.Repeat("long-label.", 9) + "example"} {
		cert := m.mustLeaf(t, host)
		if _, err := cert.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: c.t}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if len(cert.DNSNames)+len(cert.IPAddresses) != 1 || cert.IsCA {
			t.Errorf("%s: names %v, addresses %v, IsCA %v", host, cert.DNSNames, cert.IPAddresses, cert.IsCA)
		}
		if _, err := cert.Verify(x509.VerifyOptions{DNSName: "other.example", Roots: roots, CurrentTime: c.t}); err == nil {
			t.Errorf("%s: is good for other.example too", host)
		}
	}
}

// TestLeafIsWhatX509Makes holds what is signed to what x509 would sign, byte by byte.
func TestLeafIsWhatX509Makes(t *testing.T) {
	c := newClock()
	ca := mustAuthority(t, Options{Now: c.now})
	m := mustMinter(t, ca, MinterOptions{})
	for _, tt := range []struct {
		host string
		want x509.Certificate
	}{
		{"a.example", x509.Certificate{Subject: pkix.Name{CommonName: "a.example"}, DNSNames: []string{"a.example"}}},
		{"192.0.2.7", x509.Certificate{Subject: pkix.Name{CommonName: "192.0.2.7"}, IPAddresses: []net.IP{{192, 0, 2, 7}}}},
		{"2001:db8::1", x509.Certificate{Subject: pkix.Name{CommonName: "2001:db8::1"}, IPAddresses: []net.IP{net.ParseIP("2001:db8::1")}}},
		{strings.Repeat("long-label.", 9) + "example", x509.Certificate{DNSNames: []string{strings.Repeat("long-label.", 9) + "example"}}},
	} {
		got := m.mustLeaf(t, tt.host)
		tt.want.SerialNumber, tt.want.NotBefore, tt.want.NotAfter = got.SerialNumber, got.NotBefore, got.NotAfter
		tt.want.SubjectKeyId, tt.want.BasicConstraintsValid = got.SubjectKeyId, true
		tt.want.KeyUsage, tt.want.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		der, err := x509.CreateCertificate(rand.Reader, &tt.want, ca.cert, &m.key.PublicKey, ca.key)
		if err != nil {
			t.Fatal(err)
		}
		want, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.RawTBSCertificate, want.RawTBSCertificate) {
			t.Errorf("%s: got %x, want %x", tt.host, got.RawTBSCertificate, want.RawTBSCertificate)
		}
		if err := got.CheckSignatureFrom(ca.cert); err != nil || got.SignatureAlgorithm != want.SignatureAlgorithm {
			t.Errorf("%s: %v %v", tt.host, got.SignatureAlgorithm, err)
		}
	}
}

func TestNoLeafForWhatIsNoCanonicalHost(t *testing.T) {
	m := mustMinter(t, mustAuthority(t, Options{}), MinterOptions{})
	for _, host := range []string{"", "Example.com", "example.com.", "*.example.com", "münchen.example", "a b", "-a.example", "a..b",
		"::ffff:192.0.2.7", "2001:DB8::1", "[2001:db8::1]", "fe80::1%eth0", strings.Repeat("a", 64) + ".example", strings.Repeat("abc.", 64), "a\x00.example", "example.com/x"} {
		if _, err := m.hostLeaf(host, ""); err == nil {
			t.Errorf("%q got a certificate", host)
		}
		if len(m.leaves) != 0 || m.recent.Len() != 0 {
			t.Fatalf("%q is still in the cache", host)
		}
	}
}

func TestLeafValidity(t *testing.T) {
	c := newClock()
	ca := mustAuthority(t, Options{Now: c.now})
	c.advance(24 * time.Hour)
	cert := mustMinter(t, ca, MinterOptions{}).mustLeaf(t, "a.example")
	if !cert.NotBefore.Equal(c.t.Add(-backdate)) || !cert.NotAfter.Equal(c.t.Add(defaultLeafValidity)) {
		t.Errorf("valid from %v to %v", cert.NotBefore, cert.NotAfter)
	}
	cert = mustMinter(t, ca, MinterOptions{Validity: 1000 * time.Hour}).mustLeaf(t, "a.example")
	if d := cert.NotAfter.Sub(cert.NotBefore); d != maxLeafValidity {
		t.Errorf("valid for %v", d)
	}
}

func TestLeafStaysInsideItsAuthority(t *testing.T) {
	c := newClock()
	ca := mustAuthority(t, Options{Now: c.now, Validity: 10 * time.Hour})
	c.advance(-30 * time.Minute) // the clock was set back: an hour before it is before the CA
	m := mustMinter(t, ca, MinterOptions{})
	cert := m.mustLeaf(t, "a.example")
	if !cert.NotBefore.Equal(ca.Certificate().NotBefore) || !cert.NotAfter.Equal(ca.Certificate().NotAfter) {
		t.Errorf("valid from %v to %v", cert.NotBefore, cert.NotAfter)
	}
	c.advance(11 * time.Hour)
	if _, err := m.hostLeaf("b.example", ""); err == nil || !strings.Contains(err.Error(), "expired on 2026-05-01") {
		t.Errorf("an expired CA: %v", err)
	}
	if _, err := NewMinter(ca, MinterOptions{}); err == nil {
		t.Error("a Minter of an expired CA")
	}
}

func TestLeafIsMintedAgainBeforeItExpires(t *testing.T) {
	c := newClock()
	m := mustMinter(t, mustAuthority(t, Options{Now: c.now}), MinterOptions{Validity: 40 * time.Hour})
	c.advance(100 * time.Hour)
	first := m.mustLeaf(t, "a.example")
	c.advance(29 * time.Hour)
	if !m.mustLeaf(t, "a.example").Equal(first) {
		t.Error("a fresh leaf was minted again")
	}
	c.advance(2 * time.Hour)
	second := m.mustLeaf(t, "a.example")
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter) {
		t.Error("an old leaf was not minted again")
	}
	c.advance(-34 * time.Hour) // set back to before the second began
	if m.mustLeaf(t, "a.example").Equal(second) {
		t.Error("a leaf that is not yet valid was used")
	}
}

func TestCacheIsBounded(t *testing.T) {
	m := mustMinter(t, mustAuthority(t, Options{}), MinterOptions{CacheSize: 3})
	first := m.mustLeaf(t, "a.example")
	for i := range 2 {
		m.mustLeaf(t, fmt.Sprintf("b%d.example", i))
	}
	if !m.mustLeaf(t, "a.example").Equal(first) {
		t.Error("a leaf went although there was room")
	}
	m.mustLeaf(t, "c.example") // b0 was not used for the longest time
	if len(m.leaves) != 3 || m.recent.Len() != 3 || m.leaves["b0.example"] != nil {
		t.Errorf("%d leaves, %d in order", len(m.leaves), m.recent.Len())
	}
	if !m.mustLeaf(t, "a.example").Equal(first) {
		t.Error("a leaf that was just used went")
	}
}

func TestOneMintingForManyHandshakes(t *testing.T) {
	m := mustMinter(t, mustAuthority(t, Options{}), MinterOptions{})
	leaves := make([]*leaf, 32)
	var wg sync.WaitGroup
	for i := range leaves {
		wg.Go(func() {
			var err error
			if leaves[i], err = m.hostLeaf("a.example", ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, l := range leaves {
		if l != leaves[0] {
			t.Fatal("more than one leaf")
		}
	}
}

func TestMintingIsLimited(t *testing.T) {
	c := newClock()
	m := mustMinter(t, mustAuthority(t, Options{Now: c.now}), MinterOptions{})
	for i := range mintBurst {
		m.mustLeaf(t, fmt.Sprintf("h%d.example", i))
	}
	if _, err := m.hostLeaf("more.example", ""); !errors.Is(err, ErrTooManyNames) {
		t.Fatalf("one more: %v", err)
	}
	if _, err := m.hostLeaf("more.example", "another client"); err != nil {
		t.Errorf("one of another client: %v", err)
	}
	m.mustLeaf(t, "h0.example") // known names are served
	c.advance(time.Second)
	for i := range mintsPerSecond {
		m.mustLeaf(t, fmt.Sprintf("later%d.example", i))
	}
	if _, err := m.hostLeaf("yet.more.example", ""); !errors.Is(err, ErrTooManyNames) {
		t.Errorf("one more a second later: %v", err)
	}
}

func BenchmarkMint(b *testing.B) {
	c := newClock()
	m := mustMinter(b, mustAuthority(b, Options{Now: c.now}), MinterOptions{})
	n := 0
	for b.Loop() {
		n++
		l := &leaf{name: fmt.Sprintf("h%d.example", n)}
		if err := m.mint(l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCachedLeaf(b *testing.B) {
	m := mustMinter(b, mustAuthority(b, Options{}), MinterOptions{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.hostLeaf("a.example", ""); err != nil {
			b.Fatal(err)
		}
	}
}
