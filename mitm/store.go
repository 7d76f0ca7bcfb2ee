package mitm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of an authority in its folder.
const (
	certFile = "ca.pem"
	keyFile  = "ca.key"
	lockFile = "ca.lock"
	// retiredFile is the pattern of certificates that were rotated out; the
	// serial number goes in.
	retiredFile = "ca-%s.retired.pem"
	// maxRetired is how many of them are kept.
	maxRetired = 16
)

const (
	rotateHint  = "; make a new CA with `bottle ca rotate`, and install it again where the old one was"
	replaceHint = "; remove it, or make a new CA with `bottle ca rotate`"
)

// CertificateFile is where LoadOrCreate keeps the certificate in dir.
func CertificateFile(dir string) string { return filepath.Join(dir, certFile) }

// LoadOrCreate returns the authority that is kept in dir, and makes dir and an
// authority the first time. Any number of processes may call it at once: one
// makes the authority and the others get the same.
//
// It uses no key that somebody else may know: the folder and both files must
// belong to the calling user and be no symbolic links, nobody else may read the
// key (its mode is 0600) or change the rest. It refuses a key without its
// certificate and the reverse, a key that does not fit, and an authority that
// has expired; each error names the file and what to do.
//
// Of opts, only Now counts when the authority exists.
func LoadOrCreate(dir string, opts Options) (*Authority, error) {
	opts = opts.withDefaults()
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("mitm: the CA's folder: %w", err)
	}
	defer unlock()
	a, err := load(dir, opts)
	if errors.Is(err, fs.ErrNotExist) {
		return create(dir, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("mitm: %w", err)
	}
	return a, nil
}

// Rotate makes a new authority in dir, also where the present one cannot be
// used any more. Of the old one the certificate is kept, because trust stores
// can only be cleaned with it (see Retired), and the key is gone. Processes
// that have the old one loaded go on with it until they end.
func Rotate(dir string, opts Options) (*Authority, error) {
	opts = opts.withDefaults()
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("mitm: the CA's folder: %w", err)
	}
	defer unlock()
	if err := retire(dir); err != nil {
		return nil, fmt.Errorf("mitm: keep the old CA's certificate: %w", err)
	}
	return create(dir, opts)
}

// Retired returns the certificates that Rotate put aside in dir, at most 16.
func Retired(dir string) ([]*x509.Certificate, error) {
	names, err := filepath.Glob(filepath.Join(escapeGlob(dir), fmt.Sprintf(retiredFile, "*")))
	if err != nil {
		return nil, fmt.Errorf("mitm: %w", err)
	}
	var certs []*x509.Certificate
	for _, name := range names {
		cert, err := readCertificate(name)
		if err != nil {
			return nil, fmt.Errorf("mitm: %w", err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// load reads the pair of files. The error is fs.ErrNotExist only when neither
// is there.
func load(dir string, opts Options) (*Authority, error) {
	certPath, keyPath := filepath.Join(dir, certFile), filepath.Join(dir, keyFile)
	cert, certErr := readCertificate(certPath)
	key, keyErr := readKey(keyPath)
	noCert, noKey := errors.Is(certErr, fs.ErrNotExist), errors.Is(keyErr, fs.ErrNotExist)
	switch {
	case noCert && noKey:
		return nil, fs.ErrNotExist
	case noCert:
		return nil, fmt.Errorf("the CA's key %s is there, and its certificate %s is not%s", keyPath, certPath, rotateHint)
	case noKey:
		return nil, fmt.Errorf("the CA's certificate %s is there, and its key %s is not%s", certPath, keyPath, rotateHint)
	case certErr != nil:
		return nil, certErr
	case keyErr != nil:
		return nil, keyErr
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("the CA's key %s does not belong to its certificate %s%s", keyPath, certPath, rotateHint)
	}
	if !cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("%s is not the certificate of a CA%s", certPath, rotateHint)
	}
	a := &Authority{cert: cert, key: key, now: opts.Now}
	if err := a.usable(opts.Now()); err != nil {
		return nil, fmt.Errorf("%s: %w%s", certPath, err, rotateHint)
	}
	return a, nil
}

func readCertificate(path string) (*x509.Certificate, error) {
	data, err := readOwned(path, 0o022)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s does not hold a certificate in PEM%s", path, replaceHint)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", path, err, replaceHint)
	}
	return cert, nil
}

// readKey's errors never quote the file.
func readKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := readOwned(path, 0o077)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s does not hold a private key in PEM (PKCS #8)%s", path, rotateHint)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s does not hold an ECDSA P-256 key%s", path, rotateHint)
	}
	return key, nil
}

// create makes an authority and writes it. The caller holds the lock.
func create(dir string, opts Options) (*Authority, error) {
	a, err := NewAuthority(opts)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fmt.Errorf("mitm: encode the CA's key: %w", err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	// The certificate first: a crash in between leaves a pair that load refuses
	// and Rotate repairs, never a key that nobody knows of.
	if err := writeFile(filepath.Join(dir, certFile), a.CertificatePEM(), 0o644); err != nil {
		return nil, fmt.Errorf("mitm: write the CA's certificate: %w", err)
	}
	if err := writeFile(filepath.Join(dir, keyFile), key, 0o600); err != nil {
		return nil, fmt.Errorf("mitm: write the CA's key: %w", err)
	}
	return a, nil
}

// retire keeps the present certificate, if it can be read, under another name.
func retire(dir string) error {
	cert, err := readCertificate(filepath.Join(dir, certFile))
	if err != nil {
		return nil // what is not a certificate of ours was never in a trust store
	}
	path := filepath.Join(dir, fmt.Sprintf(retiredFile, cert.SerialNumber.Text(16)))
	if err := writeFile(path, encodeCertificate(cert), 0o644); err != nil {
		return err
	}
	return pruneRetired(dir)
}

// pruneRetired removes the oldest certificates beyond maxRetired. A damaged one
// must not be in the way of a rotation; Retired names it.
func pruneRetired(dir string) error {
	certs, err := Retired(dir)
	if err != nil {
		return nil
	}
	slices.SortFunc(certs, func(a, b *x509.Certificate) int { return b.NotBefore.Compare(a.NotBefore) })
	for _, cert := range certs[min(len(certs), maxRetired):] {
		if err := os.Remove(filepath.Join(dir, fmt.Sprintf(retiredFile, cert.SerialNumber.Text(16)))); err != nil {
			return err
		}
	}
	return nil
}
