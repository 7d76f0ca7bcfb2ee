package mitm

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/truststore"
)

// systemStore points truststore, which has its configuration in variables, at a
// folder. PATH has no sudo, which truststore would run.
func systemStore(t *testing.T, command ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	name, old := truststore.SystemTrustFilename, truststore.SystemTrustCommand
	t.Cleanup(func() { truststore.SystemTrustFilename, truststore.SystemTrustCommand = name, old })
	truststore.SystemTrustFilename, truststore.SystemTrustCommand = filepath.Join(dir, "%s.crt"), command
	bin := t.TempDir()
	for _, tool := range []string{"tee", "rm", "sh", "true"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	return dir
}

func TestInstallAndUninstall(t *testing.T) {
	dir := systemStore(t, "true")
	cert := mustAuthority(t, Options{}).Certificate()
	for range 2 { // again is no error
		if err := Install(cert, InstallOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.crt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	certs, err := ReadRoots(cert.NotBefore, files[0])
	if err != nil || len(certs) != 1 || !certs[0].Equal(cert) {
		t.Errorf("what was installed: %v", err)
	}
	// Another authority does not take this one's place.
	if err := Uninstall(mustAuthority(t, Options{}).Certificate(), InstallOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(files[0]); err != nil {
		t.Error(err)
	}
	if err := Uninstall(cert, InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

// TestInstallIntoARealStore runs Debian's own tool on folders of the test.
func TestInstallIntoARealStore(t *testing.T) {
	tool := "/usr/sbin/update-ca-certificates"
	if _, err := os.Stat(tool); err != nil {
		missing(t, "update-ca-certificates")
	}
	local, etc, hooks := t.TempDir(), t.TempDir(), t.TempDir()
	conf := filepath.Join(hooks, "ca-certificates.conf")
	if err := os.WriteFile(conf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(hooks, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	systemStore(t, tool, "--localcertsdir", local, "--etccertsdir", etc, "--hooksdir", filepath.Join(hooks, "d"), "--certsconf", conf)
	t.Setenv("PATH", withoutSudo(t, path))
	truststore.SystemTrustFilename = filepath.Join(local, "%s.crt")
	// With nothing left the tool would leave its bundle alone.
	other := mustAuthority(t, Options{})
	if err := os.WriteFile(filepath.Join(local, "another.crt"), other.CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := mustAuthority(t, Options{})
	cert := ca.Certificate()
	if err := Install(cert, InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(etc, "ca-certificates.crt")
	certs, err := ReadRoots(time.Now(), bundle)
	if err != nil || !sameCertificates(certs, other, ca) && !sameCertificates(certs, ca, other) {
		t.Errorf("the store's bundle: %v", err)
	}
	if err := Uninstall(cert, InstallOptions{}); err != nil {
		t.Fatal(err)
	}
	if certs, err = ReadRoots(time.Now(), bundle); err != nil || !sameCertificates(certs, other) {
		t.Errorf("after Uninstall: %d certificates, %v", len(certs), err)
	}
}

// withoutSudo is a PATH whose folders have the same programs but sudo.
func withoutSudo(t *testing.T, path string) string {
	t.Helper()
	bin := t.TempDir()
	for _, dir := range append(filepath.SplitList(path), "/usr/sbin", "/sbin") {
		entries, _ := os.ReadDir(dir) // a folder of PATH may be missing
		for _, e := range entries {
			if e.Name() != "sudo" {
				_ = os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(bin, e.Name())) // the first one counts
			}
		}
	}
	return bin
}

func TestInstallSaysWhatTheToolSaid(t *testing.T) {
	systemStore(t, "sh", "-c", "echo the disk is full; exit 3")
	cert := mustAuthority(t, Options{}).Certificate()
	err := Install(cert, InstallOptions{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"trust store", "the disk is full", "exit status 3", "sh -c"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	systemStore(t, "sh", "-c", "exit 4")
	if err := Uninstall(cert, InstallOptions{}); err == nil || !strings.Contains(err.Error(), "printed nothing") {
		t.Errorf("got %v", err)
	}
	var exit *exec.ExitError
	if err := Install(cert, InstallOptions{}); !errors.As(err, &exit) || exit.ExitCode() != 4 {
		t.Errorf("got %v", err)
	}
}

func TestInstallOnASystemThatIsNotKnown(t *testing.T) {
	systemStore(t)
	if err := Install(mustAuthority(t, Options{}).Certificate(), InstallOptions{}); err == nil || !strings.Contains(err.Error(), "bottle ca export") {
		t.Errorf("got %v", err)
	}
}
