package guest

import (
	"bytes"

	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// bundles are the files in which systems keep all roots: Debian, Alpine and Arch;
// Fedora and its kin; openSUSE; what OpenSSL looks at on Alpine.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/cert.pem",
}

// anchors are the folders from which systems make their bundles anew.
var anchors = []string{"/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors", "/usr/share/pki/trust/anchors"}

// trust adds the certificates on stdin to the stores of the image, once, reads
// them back, and prints the stores that hold them now, one a line. An image without a store is none of its
// business: the variables of a command name a bundle.
func trust(args []string, in io.Reader, out io.Writer) error {
	f := flags("trust")
	root := f.String("root", "/", "")
	if err := f.Parse(args); err != nil {
		return &codeError{ExitUsage, err}
	}
	pem, err := io.ReadAll(io.LimitReader(in, 1<<20))
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, b := range bundles {
		file, err := filepath.EvalSymlinks(filepath.Join(*root, b))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && !seen[file] {
			err = addPEM(file, pem)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b, err)
		}
		seen[file] = true
		if _, err := fmt.Fprintln(out, b); err != nil {
			return err
		}
	}
	for _, a := range anchors {
		dir := filepath.Join(*root, a)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		// So that a package that makes the bundle anew keeps them.
		if err := os.WriteFile(filepath.Join(dir, "bottle.crt"), pem, 0o644); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	return nil
}

// addPEM adds certificates to a bundle that lacks them, and sees that they are
// there.
func addPEM(file string, pem []byte) error {
	old, err := os.ReadFile(file)
	if err != nil || bytes.Contains(old, pem) {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(append([]byte("\n"), pem...))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Contains(now, pem) {
		return errors.Join(errors.New("the certificate is not in it after it was added"), err)
	}
	return nil
}
