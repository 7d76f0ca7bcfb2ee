package mitm

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writeTemp(t testing.TB, data ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, bytes.Join(data, []byte("# a comment\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inPEM lists the certificates of a bundle.
func inPEM(t testing.TB, data []byte) (certs []*x509.Certificate) {
	t.Helper()
	for _, der := range certificateBlocks(data) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	return certs
}

func sameCertificates(got []*x509.Certificate, want ...*Authority) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if !got[i].Equal(want[i].Certificate()) {
			return false
		}
	}
	return true
}

func TestBundle(t *testing.T) {
	ours, company, system, other := mustAuthority(t, Options{}), mustAuthority(t, Options{}), mustAuthority(t, Options{}), mustAuthority(t, Options{})
	damaged := []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	systemFile := writeTemp(t, system.CertificatePEM(), company.CertificatePEM(), damaged, system.CertificatePEM())
	roots, err := Bundle(BundleOptions{
		CA:     ours.Certificate(),
		Extra:  []string{writeTemp(t, company.CertificatePEM()), writeTemp(t, other.CertificatePEM(), company.CertificatePEM())},
		System: []string{filepath.Join(t.TempDir(), "missing"), writeTemp(t), systemFile, writeTemp(t, other.CertificatePEM())},
	})
	if err != nil {
		t.Fatal(err)
	}
	if roots.System != systemFile {
		t.Errorf("the system's roots came from %q", roots.System)
	}
	if got := inPEM(t, roots.Added); !sameCertificates(got, ours, company, other) {
		t.Errorf("added: %d certificates", len(got))
	}
	if got := inPEM(t, roots.All); !sameCertificates(got, ours, company, other, system) {
		t.Errorf("all: %d certificates", len(got))
	}
}

func TestBundleAddsWhatTheSystemHasToo(t *testing.T) {
	ours := mustAuthority(t, Options{})
	roots, err := Bundle(BundleOptions{CA: ours.Certificate(), System: []string{writeTemp(t, ours.CertificatePEM())}})
	if err != nil || !sameCertificates(inPEM(t, roots.All), ours) || !sameCertificates(inPEM(t, roots.Added), ours) {
		t.Errorf("%v", err)
	}
}

func TestBundleWithoutSystemRoots(t *testing.T) {
	ours := mustAuthority(t, Options{})
	roots, err := Bundle(BundleOptions{CA: ours.Certificate(), System: []string{}})
	if err != nil || roots.System != "" || !sameCertificates(inPEM(t, roots.All), ours) {
		t.Errorf("%v", err)
	}
}

// TestBundleOfThisSystem takes what crypto/x509 takes.
func TestBundleOfThisSystem(t *testing.T) {
	ours := mustAuthority(t, Options{})
	roots, err := Bundle(BundleOptions{CA: ours.Certificate()})
	if err != nil {
		t.Fatal(err)
	}
	got := len(inPEM(t, roots.All))
	if found := roots.System != ""; found != (got > 1) {
		t.Errorf("%d certificates, the system's from %q", got, roots.System)
	}
}

func TestBundleRefuses(t *testing.T) {
	c := newClock()
	ours := mustAuthority(t, Options{Now: c.now})
	old := mustAuthority(t, Options{Name: "Company Root", Now: c.now, Validity: time.Hour})
	good := writeTemp(t, mustAuthority(t, Options{Now: c.now}).CertificatePEM())
	expired := writeTemp(t, ours.CertificatePEM(), old.CertificatePEM())
	missing := filepath.Join(t.TempDir(), "ca.pem")
	empty := writeTemp(t, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	damaged := writeTemp(t, ours.CertificatePEM(), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	huge := writeTemp(t, make([]byte, maxRootsFile+1))
	folder := t.TempDir()
	tests := []struct {
		name, file string
		want       []string
	}{
		{"a missing file", missing, []string{missing, "does not exist"}},
		{"a file without certificates", empty, []string{empty, "no certificate"}},
		{"an expired certificate", expired, []string{expired, "Company Root", "expired on 2026-05-01"}},
		{"a damaged certificate", damaged, []string{damaged, "certificate 2"}},
		{"a huge file", huge, []string{huge, "16 MiB"}},
		{"a folder", folder, []string{folder, "folder"}},
	}
	later := func() time.Time { return c.t.Add(2 * time.Hour) }
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Bundle(BundleOptions{CA: ours.Certificate(), Extra: []string{good, test.file}, System: []string{}, Now: later})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
	if _, err := Bundle(BundleOptions{}); err == nil {
		t.Error("a bundle without the CA")
	}
	if _, err := ReadRoots(c.t.Add(-24*time.Hour), good); err == nil || !strings.Contains(err.Error(), "valid only from") {
		t.Errorf("not valid yet: %v", err)
	}
}
