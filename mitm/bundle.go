package mitm

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// maxRootsFile bounds a file of root certificates. The usual ones have 250 KB.
const maxRootsFile = 16 << 20

// systemRootFiles are where systems keep their roots in one file; crypto/x509
// looks there too.
func systemRootFiles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/tls/cacert.pem",                           // OpenELEC
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7
		"/etc/ssl/cert.pem",                                 // Alpine, macOS
	}
}

// BundleOptions says what goes into a bundle. Only CA is needed.
type BundleOptions struct {
	// CA is the authority of the bottle.
	CA *x509.Certificate
	// Extra are PEM files with roots of the operator's (upstream_ca), for the
	// hosts that are passed through.
	Extra []string
	// System are the files in which the system's roots are looked for; the
	// first that has any counts. Nil is where the usual systems keep them.
	System []string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Roots are root certificates for a guest, in PEM.
type Roots struct {
	// All has the system's, the authority's and the extra ones.
	All []byte
	// Added has the authority's and the extra ones.
	Added []byte
	// System is the file that the system's came from. It is "" when there was
	// none: then hosts that are passed through will not verify in the guest.
	System string
}

// Bundle puts together the roots that a guest trusts, each certificate once. A
// system without roots is no error. An extra file that is missing, has no
// certificate, or one that is expired or damaged, is one that names it.
func Bundle(opts BundleOptions) (*Roots, error) {
	if opts.CA == nil {
		return nil, errors.New("mitm: BundleOptions.CA is needed")
	}
	now := time.Now
	if opts.Now != nil {
		now = opts.Now
	}
	extra, err := ReadRoots(now(), opts.Extra...)
	if err != nil {
		return nil, err
	}
	if opts.System == nil {
		opts.System = systemRootFiles()
	}
	roots := &Roots{}
	seen := map[string]bool{}
	var all, added bytes.Buffer
	put := func(cert *x509.Certificate, into ...*bytes.Buffer) {
		if seen[string(cert.Raw)] {
			return
		}
		seen[string(cert.Raw)] = true
		for _, b := range into {
			b.Write(encodeCertificate(cert))
		}
	}
	// What is ours comes first: it must be in Added even when it also is among
	// the system's.
	for _, cert := range append([]*x509.Certificate{opts.CA}, extra...) {
		put(cert, &all, &added)
	}
	for _, file := range opts.System {
		certs := systemRoots(file)
		if len(certs) == 0 {
			continue
		}
		roots.System = file
		for _, cert := range certs {
			put(cert, &all)
		}
		break
	}
	roots.All, roots.Added = all.Bytes(), added.Bytes()
	return roots, nil
}

// systemRoots reads a system's file as leniently as crypto/x509: what cannot be
// parsed is nobody's root.
func systemRoots(file string) []*x509.Certificate {
	data, err := readRootsFile(file)
	if err != nil {
		return nil
	}
	var certs []*x509.Certificate
	for _, der := range certificateBlocks(data) {
		if cert, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, cert)
		}
	}
	return certs
}

// ReadRoots reads the root certificates of PEM files. It fails, naming the
// file, when one is missing or has no certificate, and when a certificate
// cannot be parsed or is not valid now.
func ReadRoots(now time.Time, files ...string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for _, file := range files {
		data, err := readRootsFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("mitm: the file of root certificates %s does not exist", file)
		case err != nil:
			return nil, fmt.Errorf("mitm: read root certificates: %w", err)
		}
		blocks := certificateBlocks(data)
		if len(blocks) == 0 {
			return nil, fmt.Errorf("mitm: %s has no certificate in PEM (a block that begins with -----BEGIN CERTIFICATE-----)", file)
		}
		for i, der := range blocks {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("mitm: certificate %d in %s: %w", i+1, file, err)
			}
			switch {
			case now.After(cert.NotAfter):
				return nil, fmt.Errorf("mitm: the certificate of %q in %s expired on %s", cert.Subject, file, cert.NotAfter.UTC().Format(time.DateOnly))
			case now.Before(cert.NotBefore):
				return nil, fmt.Errorf("mitm: the certificate of %q in %s is valid only from %s on", cert.Subject, file, cert.NotBefore.UTC().Format(time.DateOnly))
			}
			certs = append(certs, cert)
		}
	}
	return certs, nil
}

func readRootsFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is a %s, not a file", file, kind(info.Mode()))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRootsFile+1))
	if err == nil && len(data) > maxRootsFile {
		err = fmt.Errorf("%s is larger than %d MiB", file, maxRootsFile>>20)
	}
	return data, err
}

// certificateBlocks returns the DER of the certificates in PEM data.
func certificateBlocks(data []byte) (blocks [][]byte) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return blocks
		}
		if block.Type == "CERTIFICATE" {
			blocks = append(blocks, block.Bytes)
		}
	}
}
