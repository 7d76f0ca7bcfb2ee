package wirebench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// makePKI writes an authority and the one certificate of the upstream and the
// reverse proxy.
func makePKI(t testing.TB, dir string) (s setup) {
	t.Helper()
	caKey, key := newKey(t), newKey(t)
	base := x509.Certificate{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	ca := base
	ca.SerialNumber, ca.Subject = big.NewInt(1), pkix.Name{CommonName: "bench CA"}
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	leaf := base
	leaf.SerialNumber, leaf.Subject = big.NewInt(2), pkix.Name{CommonName: apiHost}
	leaf.DNSNames = []string{apiHost, plainHost, rawHost, "*." + newHosts}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	write := func(name, kind string, der []byte, err error) string {
		file := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	der, err := x509.CreateCertificate(rand.Reader, &ca, &ca, &caKey.PublicKey, caKey)
	s.CA = write("ca.pem", "CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, &leaf, &ca, &key.PublicKey, caKey)
	s.Cert = write("leaf.pem", "CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	s.Key = write("key.pem", "PRIVATE KEY", der, err)
	s.Dir = dir
	return s
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
