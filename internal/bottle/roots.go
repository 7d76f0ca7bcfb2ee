package bottle

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// rootStore is where a host keeps the roots that it trusts. Its zero value is
// this host's.
type rootStore struct {
	// pool is all of them; nil means x509.SystemCertPool.
	pool func() (*x509.CertPool, error)
	// files are where they can be read one by one; nil means SSL_CERT_FILE,
	// else where the usual systems keep them.
	files []string
}

// upstreamRoots are what upstreams are verified by: the system's roots and
// those of the files, without ours. Nil means the system's as they are.
//
// Ours are the certificates of the per-user authority, which "bottle ca
// install" puts into the system's store for the sake of clients. Nobody outside
// can rightly show a leaf of it, so it must not vouch for an upstream.
func (s rootStore) upstreamRoots(files []string, ours []*x509.Certificate) (*x509.CertPool, error) {
	extra, err := mitm.ReadRoots(time.Now(), files...)
	if err != nil {
		return nil, fmt.Errorf("egress.upstream_ca: %w", err)
	}
	for _, cert := range extra {
		if slices.ContainsFunc(ours, cert.Equal) {
			return nil, fmt.Errorf("egress.upstream_ca: %q is the CA of bottle itself, which no upstream has: take it out", cert.Subject.CommonName)
		}
	}
	load := s.pool
	if load == nil {
		load = x509.SystemCertPool
	}
	pool, err := load()
	if err != nil {
		pool = x509.NewCertPool() // a system without roots vouches for nobody
	}
	installed := slices.ContainsFunc(ours, func(c *x509.Certificate) bool { return holds(pool, c) })
	if installed {
		if pool, err = s.without(ours); err != nil {
			return nil, err
		}
	} else if len(extra) == 0 {
		return nil, nil
	}
	for _, cert := range extra {
		pool.AddCert(cert)
	}
	return pool, nil
}

// InstalledCAs returns the certificates of the per-user authority in dir, the
// retired ones too, that may be in a trust store: those that the system's has, or
// all where other stores are meant, which cannot be asked. None is made.
func InstalledCAs(dir string, other bool) ([]*x509.Certificate, error) {
	certs, err := ownCertificates(dir)
	if err != nil || other {
		return certs, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return certs, nil // it cannot be told
	}
	return slices.DeleteFunc(certs, func(c *x509.Certificate) bool { return !holds(pool, c) }), nil
}

// holds reports whether a self-signed certificate is a root of the pool.
func holds(pool *x509.CertPool, cert *x509.Certificate) bool {
	_, err := cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: cert.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

// without returns the store's roots but for ours. A pool can only be added to,
// so it is put together anew.
func (s rootStore) without(ours []*x509.Certificate) (*x509.CertPool, error) {
	files := s.files
	if f := os.Getenv("SSL_CERT_FILE"); files == nil && f != "" { // as crypto/x509 does
		files = []string{f}
	}
	bundle, err := mitm.Bundle(mitm.BundleOptions{CA: ours[0], System: files})
	if err != nil {
		return nil, err
	}
	pool, n := x509.NewCertPool(), 0
	for _, cert := range parseCertificates(bundle.All) {
		if !slices.ContainsFunc(ours, cert.Equal) {
			pool.AddCert(cert)
			n++
		}
	}
	if n == 0 {
		return nil, errors.New("the CA of bottle is among this host's roots, and they are kept in a way in which it cannot be left out: run \"bottle ca uninstall\"")
	}
	return pool, nil
}

// ownCertificates are those of the per-user authority in dir, the retired ones
// too: none when it was never made.
func ownCertificates(dir string) ([]*x509.Certificate, error) {
	certs, err := mitm.Retired(dir)
	if err != nil {
		return nil, err
	}
	name := mitm.CertificateFile(dir)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return certs, nil
	}
	if err != nil {
		return nil, err
	}
	present := parseCertificates(text)
	if len(present) == 0 {
		return nil, fmt.Errorf("%s holds no certificate: make a new CA with \"bottle ca rotate\"", name)
	}
	return append(certs, present...), nil
}

// parseCertificates returns the certificates of PEM text. What cannot be parsed
// is left out.
func parseCertificates(text []byte) (certs []*x509.Certificate) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return certs
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			certs = append(certs, cert)
		}
	}
}
