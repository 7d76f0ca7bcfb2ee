package mitm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

func mustAuthority(t testing.TB, opts Options) *Authority {
	t.Helper()
	a, err := NewAuthority(opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAuthority(t *testing.T) {
	c := newClock()
	cert := mustAuthority(t, Options{Name: "test CA", Now: c.now}).Certificate()
	if !cert.IsCA || !cert.MaxPathLenZero || cert.KeyUsage != x509.KeyUsageCertSign {
		t.Errorf("IsCA %v, MaxPathLenZero %v, KeyUsage %v", cert.IsCA, cert.MaxPathLenZero, cert.KeyUsage)
	}
	if pub, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
		t.Errorf("the key is a %T", cert.PublicKey)
	}
	if !cert.NotBefore.Equal(c.t.Add(-backdate)) || !cert.NotAfter.Equal(c.t.Add(defaultValidity)) {
		t.Errorf("valid from %v to %v", cert.NotBefore, cert.NotAfter)
	}
	if !strings.HasPrefix(cert.Subject.CommonName, "test CA ") {
		t.Errorf("named %q", cert.Subject.CommonName)
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		t.Error(err)
	}
}

func TestAuthoritiesDiffer(t *testing.T) {
	a, b := mustAuthority(t, Options{}).Certificate(), mustAuthority(t, Options{}).Certificate()
	if a.SerialNumber.Cmp(b.SerialNumber) == 0 || a.Subject.String() == b.Subject.String() || string(a.SubjectKeyId) == string(b.SubjectKeyId) {
		t.Error("two authorities with the same serial number, name or key")
	}
}

func TestAuthorityRefusesALongName(t *testing.T) {
	if _, err := NewAuthority(Options{Name: strings.Repeat("x", maxName+1)}); err == nil {
		t.Error("the name was accepted")
	}
	mustAuthority(t, Options{Name: strings.Repeat("x", maxName)})
}

func TestFingerprint(t *testing.T) {
	cert := mustAuthority(t, Options{}).Certificate()
	sum := sha256.Sum256(cert.Raw)
	got := Fingerprint(cert)
	if strings.ReplaceAll(got, ":", "") != strings.ToUpper(hex.EncodeToString(sum[:])) || strings.Count(got, ":") != 31 {
		t.Errorf("got %s", got)
	}
}

func TestCertificatePEM(t *testing.T) {
	a := mustAuthority(t, Options{})
	block, rest := pem.Decode(a.CertificatePEM())
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 || string(block.Bytes) != string(a.Certificate().Raw) {
		t.Error("not the certificate in PEM")
	}
}

// missing skips a test for want of programs, but not where all must be there.
func missing(t testing.TB, programs string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("needs " + programs)
	}
	t.Skip("needs " + programs)
}
