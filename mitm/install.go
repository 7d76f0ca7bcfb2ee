package mitm

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/smallstep/truststore"
)

// maxToolOutput is how much of a failed tool's output an error quotes.
const maxToolOutput = 2 << 10

// InstallOptions says which trust stores besides the system's are meant. Those
// whose tools (certutil, keytool) are missing are left out without an error.
type InstallOptions struct {
	Firefox bool // NSS: Firefox, and Chrome on Linux
	Java    bool // JAVA_HOME's
	// NoSystem leaves the system's store alone.
	NoSystem bool
}

// Install puts a certificate into trust stores of this machine. It may run sudo,
// which may ask for a password on the terminal. When it fails, some stores may
// have the certificate already; Install and Uninstall can be run again.
func Install(cert *x509.Certificate, opts InstallOptions) error {
	return storeError("put the CA into", truststore.Install(cert, opts.options()...))
}

// Uninstall takes a certificate out of trust stores. It must be the very
// certificate that was installed: see Retired for the ones before a rotation.
func Uninstall(cert *x509.Certificate, opts InstallOptions) error {
	return storeError("take the CA out of", truststore.Uninstall(cert, opts.options()...))
}

func (o InstallOptions) options() (opts []truststore.Option) {
	if o.Firefox {
		opts = append(opts, truststore.WithFirefox())
	}
	if o.Java {
		opts = append(opts, truststore.WithJava())
	}
	if o.NoSystem {
		opts = append(opts, truststore.WithNoSystem())
	}
	return opts
}

// storeError says what the tool said; CmdError keeps it to itself.
func storeError(what string, err error) error {
	if err == nil {
		return nil
	}
	var failed *truststore.CmdError
	if !errors.As(err, &failed) {
		if errors.Is(err, truststore.ErrNotSupported) {
			return fmt.Errorf("mitm: %s the trust store: this system's trust store is not known; use `bottle ca export` and put the file where the system wants it", what)
		}
		return fmt.Errorf("mitm: %s the trust store: %w", what, err)
	}
	out := bytes.TrimSpace(failed.Out())
	if len(out) > maxToolOutput {
		out = append([]byte("…"), out[len(out)-maxToolOutput:]...)
	}
	if len(out) == 0 {
		out = []byte("it printed nothing")
	}
	if os.Geteuid() != 0 && deniedByRights(out) {
		return fmt.Errorf("mitm: %s the trust store: only root may write it, and sudo is not there: run it as root, or give one shell or program the CA by itself: `bottle ca export` prints it, and `bottle proxy` prints the variables", what)
	}
	return fmt.Errorf("mitm: %s the trust store: `%s`: %w: %s", what, strings.Join(failed.Cmd().Args, " "), failed.Err(), out)
}

// deniedByRights reports whether a tool said that its user may not write there.
func deniedByRights(out []byte) bool {
	return bytes.Contains(out, []byte("Permission denied")) || bytes.Contains(out, []byte("Operation not permitted"))
}
