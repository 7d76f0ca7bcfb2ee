package bottle

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

func newCA(t *testing.T, opts mitm.Options) *mitm.Authority {
	t.Helper()
	a, err := mitm.NewAuthority(opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// storeOf is a host whose roots are these.
func storeOf(t *testing.T, certs ...*x509.Certificate) rootStore {
	t.Helper()
	pool := x509.NewCertPool()
	var text []byte
	for _, c := range certs {
		pool.AddCert(c)
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return rootStore{pool: func() (*x509.CertPool, error) { return pool.Clone(), nil }, files: []string{file}}
}

func TestTheUsersOwnCAVouchesForNoUpstream(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	before, err := mitm.LoadOrCreate(dir, mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := mitm.Rotate(dir, mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ownCertificates(dir)
	if err != nil || len(ours) != 2 {
		t.Fatalf("ours: %d, %v", len(ours), err)
	}
	public, company := newCA(t, mitm.Options{Name: "public"}).Certificate(), newCA(t, mitm.Options{Name: "company"})
	companyFile := filepath.Join(t.TempDir(), "company.pem")
	if err := os.WriteFile(companyFile, company.CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		installed []*x509.Certificate
		files     []string
		system    bool // nothing to leave out: the system's as they are
	}{
		{"not installed", []*x509.Certificate{public}, nil, true},
		{"not installed, with upstream_ca", []*x509.Certificate{public}, []string{companyFile}, false},
		{"installed", []*x509.Certificate{public, after.Certificate()}, nil, false},
		{"a retired one installed", []*x509.Certificate{public, before.Certificate()}, nil, false},
		{"both installed, with upstream_ca", []*x509.Certificate{before.Certificate(), public, after.Certificate()}, []string{companyFile}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool, err := storeOf(t, c.installed...).upstreamRoots(c.files, ours)
			if err != nil {
				t.Fatal(err)
			}
			if c.system != (pool == nil) {
				t.Fatalf("the pool is %v", pool)
			}
			if pool == nil {
				return
			}
			if !holds(pool, public) || holds(pool, company.Certificate()) != (len(c.files) > 0) {
				t.Error("other roots are missing, or there are too many")
			}
			for _, cert := range ours {
				if holds(pool, cert) {
					t.Errorf("%s vouches for upstreams", cert.Subject.CommonName)
				}
			}
		})
	}
}

func TestRootsThatCannotBeToldApartAreRefused(t *testing.T) {
	ca := newCA(t, mitm.Options{}).Certificate()
	store := storeOf(t, ca)
	store.files = []string{filepath.Join(t.TempDir(), "missing")}
	if _, err := store.upstreamRoots(nil, []*x509.Certificate{ca}); err == nil || !strings.Contains(err.Error(), "bottle ca uninstall") {
		t.Errorf("got %v", err)
	}
}

func TestUpstreamCAFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	own := newCA(t, mitm.Options{})
	expired := newCA(t, mitm.Options{Now: func() time.Time { return time.Now().AddDate(-3, 0, 0) }})
	for name, c := range map[string]struct {
		text []byte
		err  string
	}{
		"expired.pem": {expired.CertificatePEM(), "expired on"},
		"empty.pem":   {[]byte("no certificate"), "has no certificate"},
		"own.pem":     {own.CertificatePEM(), "the CA of bottle itself"},
		"missing.pem": {nil, "does not exist"},
	} {
		file := filepath.Join(dir, name)
		if c.text != nil {
			if err := os.WriteFile(file, c.text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := storeOf(t).upstreamRoots([]string{file}, []*x509.Certificate{own.Certificate()})
		if err == nil || !strings.HasPrefix(err.Error(), "egress.upstream_ca: ") || !strings.Contains(err.Error(), c.err) ||
			name != "own.pem" && !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOwnCertificates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	if certs, err := ownCertificates(dir); err != nil || len(certs) != 0 {
		t.Errorf("before there is one: %v, %v", certs, err)
	}
	if _, err := mitm.LoadOrCreate(dir, mitm.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mitm.CertificateFile(dir), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ownCertificates(dir); err == nil || !strings.Contains(err.Error(), "bottle ca rotate") {
		t.Errorf("a damaged one: %v", err)
	}
}
