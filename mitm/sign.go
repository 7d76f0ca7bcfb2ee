package mitm

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"time"
)

// leafSigner signs the certificates of leaves, which have all but a few fields in
// common. x509.CreateCertificate would encode these each time and verify each of its
// own signatures, which takes twice as long as to sign.
type leafSigner struct {
	key    *ecdsa.PrivateKey
	common tbsCertificate
}

// tbsCertificate is TBSCertificate of RFC 5280, section 4.1, in version 3.
type tbsCertificate struct {
	Version    int `asn1:"explicit,tag:0"`
	Serial     *big.Int
	Algorithm  asn1.RawValue
	Issuer     asn1.RawValue
	Validity   struct{ NotBefore, NotAfter time.Time }
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []pkix.Extension `asn1:"explicit,tag:3"`
}

// The identifiers of the extension that names the host (RFC 5280, section 4.2.1.6).
var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	tagDNSName        = 2
	tagIPAddress      = 7
)

// newLeafSigner takes what leaves have in common from one that x509 makes.
func newLeafSigner(ca *Authority, pub *ecdsa.PublicKey, keyID []byte) (*leafSigner, error) {
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		SubjectKeyId:          keyID,
		NotBefore:             ca.cert.NotBefore,
		NotAfter:              ca.cert.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}, ca.cert, pub, ca.key)
	if err != nil {
		return nil, fmt.Errorf("mitm: sign a first certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("mitm: parse a first certificate: %w", err)
	}
	s := &leafSigner{key: ca.key}
	if _, err := asn1.Unmarshal(cert.RawTBSCertificate, &s.common); err != nil {
		return nil, fmt.Errorf("mitm: parse a first certificate: %w", err)
	}
	return s, nil
}

// sign returns the certificate of a host, which must be in canonical form.
func (s *leafSigner) sign(host string, serial *big.Int, from, to time.Time) ([]byte, error) {
	tbs := s.common
	tbs.Serial = serial
	tbs.Validity.NotBefore, tbs.Validity.NotAfter = from.UTC(), to.UTC()
	const maxCommonName = 64 // RFC 5280, appendix A
	named := len(host) <= maxCommonName
	if named {
		der, err := asn1.Marshal(pkix.Name{CommonName: host}.ToRDNSequence())
		if err != nil {
			return nil, err
		}
		tbs.Subject = asn1.RawValue{FullBytes: der}
	}
	name := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tagDNSName, Bytes: []byte(host)}
	if addr, err := netip.ParseAddr(host); err == nil {
		name.Tag, name.Bytes = tagIPAddress, addr.AsSlice()
	}
	names, err := asn1.Marshal([]asn1.RawValue{name})
	if err != nil {
		return nil, err
	}
	// It is critical where there is no subject.
	tbs.Extensions = append(slices.Clone(tbs.Extensions), pkix.Extension{Id: oidSubjectAltName, Critical: !named, Value: names})
	signed, err := asn1.Marshal(tbs)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(signed)
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:])
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}{asn1.RawValue{FullBytes: signed}, tbs.Algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
}
