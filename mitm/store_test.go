package mitm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustLoad(t testing.TB, dir string, opts Options) *Authority {
	t.Helper()
	a, err := LoadOrCreate(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mode(t testing.TB, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestAuthorityStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "ca")
	first := mustLoad(t, dir, Options{Name: "kept CA"})
	second := mustLoad(t, dir, Options{Name: "another name"})
	if !first.Certificate().Equal(second.Certificate()) || !first.key.Equal(second.key) {
		t.Error("the second call made another authority")
	}
	if m := mode(t, dir); m.Perm() != 0o700 {
		t.Errorf("the folder has mode %04o", m.Perm())
	}
	if m := mode(t, filepath.Join(dir, keyFile)); m != 0o600 {
		t.Errorf("the key has mode %v", m)
	}
	cert, err := readCertificate(CertificateFile(dir))
	if err != nil || !cert.Equal(first.Certificate()) {
		t.Errorf("the certificate file: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	mustMinter(t, second, MinterOptions{}).mustLeaf(t, "a.example")
}

// TestMain lets this test binary be the other processes of the next test.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MITM_TEST_CREATE"); dir != "" {
		a, err := LoadOrCreate(dir, Options{})
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString(Fingerprint(a.Certificate()))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestProcessesAtOnceGetTheSameAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	out := make([]string, 6)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "MITM_TEST_CREATE="+dir)
			b, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, b)
			}
			out[i] = string(b)
		})
	}
	wg.Wait()
	want := Fingerprint(mustLoad(t, dir, Options{}).Certificate())
	for _, got := range out {
		if got != want {
			t.Errorf("a process got %q, another %q", got, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	write := func(t *testing.T, path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		harm func(t *testing.T, dir string)
		want []string // in the error, with DIR for the folder
		// byHand says that Rotate cannot help.
		byHand bool
	}{
		{"a key that others can read",
			func(t *testing.T, dir string) { do(t, os.Chmod(filepath.Join(dir, keyFile), 0o644)) },
			[]string{"DIR/ca.key", "0644", "chmod 600 DIR/ca.key", "read"}, false},
		{"a key that the group can read",
			func(t *testing.T, dir string) { do(t, os.Chmod(filepath.Join(dir, keyFile), 0o640)) },
			[]string{"0640", "chmod 600 DIR/ca.key"}, false},
		{"a certificate that others can change",
			func(t *testing.T, dir string) { do(t, os.Chmod(filepath.Join(dir, certFile), 0o666)) },
			[]string{"DIR/ca.pem", "chmod 644 DIR/ca.pem"}, false},
		{"a folder that others can change",
			func(t *testing.T, dir string) { do(t, os.Chmod(dir, 0o777)) },
			[]string{"others can change DIR", "chmod 755 DIR"}, true},
		{"a key that is a symbolic link",
			func(t *testing.T, dir string) {
				do(t, os.Rename(filepath.Join(dir, keyFile), filepath.Join(dir, "elsewhere")))
				do(t, os.Symlink("elsewhere", filepath.Join(dir, keyFile)))
			},
			[]string{"DIR/ca.key is a symbolic link"}, false},
		{"a certificate that is a symbolic link",
			func(t *testing.T, dir string) {
				do(t, os.Rename(filepath.Join(dir, certFile), filepath.Join(dir, "elsewhere")))
				do(t, os.Symlink("elsewhere", filepath.Join(dir, certFile)))
			},
			[]string{"DIR/ca.pem is a symbolic link"}, false},
		{"a key that is a folder",
			func(t *testing.T, dir string) {
				do(t, os.Remove(filepath.Join(dir, keyFile)))
				do(t, os.Mkdir(filepath.Join(dir, keyFile), 0o700))
			},
			[]string{"DIR/ca.key is not a file but a folder"}, true},
		{"a key without its certificate",
			func(t *testing.T, dir string) { do(t, os.Remove(filepath.Join(dir, certFile))) },
			[]string{"DIR/ca.pem", "bottle ca rotate"}, false},
		{"a certificate without its key",
			func(t *testing.T, dir string) { do(t, os.Remove(filepath.Join(dir, keyFile))) },
			[]string{"DIR/ca.key", "bottle ca rotate"}, false},
		{"a key that does not fit",
			func(t *testing.T, dir string) {
				other := filepath.Join(t.TempDir(), "ca")
				mustLoad(t, other, Options{})
				do(t, os.Rename(filepath.Join(other, keyFile), filepath.Join(dir, keyFile)))
			},
			[]string{"DIR/ca.key does not belong to its certificate DIR/ca.pem", "bottle ca rotate"}, false},
		{"a key file with something else",
			func(t *testing.T, dir string) { write(t, filepath.Join(dir, keyFile), []byte("not a key")) },
			[]string{"DIR/ca.key does not hold a private key", "bottle ca rotate"}, false},
		{"a damaged certificate",
			func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, certFile), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
			},
			[]string{"DIR/ca.pem", "bottle ca rotate"}, false},
		{"a certificate of no CA",
			func(t *testing.T, dir string) {
				ca := mustLoad(t, dir, Options{})
				m := mustMinter(t, ca, MinterOptions{})
				var err error
				if m.signer, err = newLeafSigner(ca, &ca.key.PublicKey, ca.cert.SubjectKeyId); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, certFile), encodeCertificate(m.mustLeaf(t, "a.example")))
			},
			[]string{"DIR/ca.pem is not the certificate of a CA"}, false},
		{"a huge file",
			func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, certFile), make([]byte, maxPrivateFile+1))
			},
			[]string{"larger than 64 KiB"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ca")
			old := mustLoad(t, dir, Options{})
			test.harm(t, dir)
			_, err := LoadOrCreate(dir, Options{})
			if err == nil {
				t.Fatal("it was loaded")
			}
			for _, want := range test.want {
				if want = strings.ReplaceAll(want, "DIR", dir); !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if test.byHand {
				return
			}
			renewed, err := Rotate(dir, Options{})
			if err != nil {
				t.Fatalf("and Rotate fails: %v", err)
			}
			if renewed.Certificate().Equal(old.Certificate()) || !mustLoad(t, dir, Options{}).Certificate().Equal(renewed.Certificate()) {
				t.Error("Rotate did not make a new one that loads")
			}
		})
	}
}

func TestAnExpiredAuthorityIsNamed(t *testing.T) {
	c := newClock()
	dir := filepath.Join(t.TempDir(), "ca")
	mustLoad(t, dir, Options{Now: c.now, Validity: 24 * time.Hour})
	c.advance(48 * time.Hour)
	_, err := LoadOrCreate(dir, Options{Now: c.now})
	if err == nil || !strings.Contains(err.Error(), "expired on 2026-05-02") || !strings.Contains(err.Error(), "bottle ca rotate") {
		t.Errorf("got %v", err)
	}
	c.advance(-100 * time.Hour)
	if _, err = LoadOrCreate(dir, Options{Now: c.now}); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("before it is valid: %v", err)
	}
}

func TestSomebodyElsesFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkOwner(path, info, os.Geteuid(), 0o077); err != nil {
		t.Error(err)
	}
	if err := checkOwner(path, info, os.Geteuid()+1, 0o077); err == nil || !strings.Contains(err.Error(), "belongs to uid") {
		t.Errorf("another owner: %v", err)
	}
}

func TestASymbolicLinkIsNoFolderForACA(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "ca")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(filepath.Join(dir, "ca"), Options{}); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v", err)
	}
}

func TestRotateKeepsOldCertificatesOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[ca]*")
	first := mustLoad(t, dir, Options{})
	for range maxRetired + 2 {
		if _, err := Rotate(dir, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	retired, err := Retired(dir)
	if err != nil || len(retired) != maxRetired {
		t.Errorf("%d old certificates: %v", len(retired), err)
	}
	if key, err := readKey(filepath.Join(dir, keyFile)); err != nil || key.Equal(first.key) {
		t.Errorf("the old key is still there: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != maxRetired+3 {
		t.Errorf("%d files: %v", len(entries), err)
	}
}

func TestRotateKeepsTheOldCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	old := mustLoad(t, dir, Options{})
	if _, err := Rotate(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	retired, err := Retired(dir)
	if err != nil || len(retired) != 1 || !retired[0].Equal(old.Certificate()) {
		t.Errorf("%d old certificates: %v", len(retired), err)
	}
}
