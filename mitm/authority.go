// Package mitm ends the TLS connections of a bottle's agent inside the proxy:
// it has the certificate authority that the agent trusts, mints a leaf
// certificate for each host, reads the ClientHello of connections that are
// passed through, and prepares what makes clients trust the authority
// (certificate bundles, environment variables, trust stores).
//
// An [Authority] lives in memory ([NewAuthority]) or in a folder
// ([LoadOrCreate]). A [Minter] signs leaves with it and gives out one
// tls.Config for all connections. The private key of an authority never leaves
// the process, but for the key file of LoadOrCreate.
package mitm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

const (
	// defaultValidity is how long an authority is valid.
	defaultValidity = 2 * 365 * 24 * time.Hour
	// backdate is how long before its making a certificate becomes valid, for
	// guests whose clock is late.
	backdate = time.Hour
	// defaultName begins the common name of an authority.
	defaultName = "bottle CA"
	// maxName bounds it (RFC 5280, appendix A: ub-common-name is 64).
	maxName = 48
)

// Options says how an authority is made. The zero value is useful.
type Options struct {
	// Name begins the common name; "" is "bottle CA". The beginning of the key's
	// identifier is put behind it, so that authorities with the same Name can
	// be told apart in a trust store.
	Name string
	// Validity is how long the authority is valid; 0 is two years.
	Validity time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = defaultName
	}
	if o.Validity <= 0 {
		o.Validity = defaultValidity
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Authority is a certificate authority with an ECDSA P-256 key. It is immutable
// and safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time
}

// NewAuthority makes an authority that exists only in memory.
func NewAuthority(opts Options) (*Authority, error) {
	opts = opts.withDefaults()
	if len(opts.Name) > maxName {
		return nil, fmt.Errorf("mitm: the name of a CA has at most %d bytes", maxName)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("mitm: generate the CA's key: %w", err)
	}
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := opts.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: opts.Name + " " + hex.EncodeToString(id[:4])},
		SubjectKeyId:          id,
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(opts.Validity),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("mitm: sign the CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("mitm: parse the CA: %w", err)
	}
	return &Authority{cert: cert, key: key, now: opts.Now}, nil
}

// Certificate returns the authority's certificate. It must not be changed.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// CertificatePEM returns the authority's certificate in PEM.
func (a *Authority) CertificatePEM() []byte { return encodeCertificate(a.cert) }

// usable says why the authority cannot sign now.
func (a *Authority) usable(now time.Time) error {
	switch {
	case now.After(a.cert.NotAfter):
		return fmt.Errorf("the CA %q expired on %s", a.cert.Subject.CommonName, a.cert.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(a.cert.NotBefore):
		return fmt.Errorf("the CA %q is valid only from %s on; is this machine's clock right?", a.cert.Subject.CommonName, a.cert.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// Fingerprint returns the SHA-256 of a certificate as openssl and browsers show
// it: upper-case hexadecimal bytes with colons.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

func encodeCertificate(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// keyID identifies a public key (RFC 7093, section 2, method 1).
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("mitm: encode a public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}

// newSerial returns a random positive serial number of at most 127 bits.
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("mitm: draw a serial number: %w", err)
	}
	if n.Sign() == 0 {
		return nil, errors.New("mitm: drew the serial number 0")
	}
	return n, nil
}
