package manifest

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// maxCAFile bounds a file of upstream_ca, in bytes.
const maxCAFile = 4 << 20

// Check looks at what the manifest names: the workspace and the mounts exist,
// the files of upstream_ca hold certificates, and each secret that is used can
// be expected to have a value. Nothing is executed and nothing is changed.
//
// A project that trust does not know is an ErrNotTrusted before anything is
// looked at. Mistakes are an Errors with all of them. Warnings are worth a line
// to the operator.
func (m *Manifest) Check(trust *Trust, opts secret.Options) (warnings []string, err error) {
	if err := trust.IsTrusted(m); err != nil {
		return nil, err
	}
	c := &checker{m: m, now: time.Now}
	if opts.Now != nil {
		c.now = opts.Now
	}
	for _, text := range []string{m.Overlooked, m.UserOverlooked} {
		if text != "" {
			c.warnings = append(c.warnings, text)
		}
	}
	for i := range m.Egress.Routes {
		if r := &m.Egress.Routes[i]; r.Action != proxy.Deny && byNoProxy(r.Host) {
			c.warn("the route %s: %s %s", r.Source, r.Host, noProxyText)
		}
	}
	c.envValues()
	c.paths()
	c.authorities()
	c.secrets(opts)
	c.known(opts)
	return c.warnings, c.err()
}

type checker struct {
	problems
	m        *Manifest
	now      func() time.Time
	warnings []string
}

// fault reports a mistake at a place of the merged document, or of the defaults.
func (c *checker) fault(err error, where ...any) {
	n := c.m.root.dig(where...)
	if n == nil {
		key, _ := where[len(where)-1].(string)
		c.at(c.m.root, key, "%s", escape.Text(err.Error()))
		return
	}
	c.at(n, "", "%s", escape.Text(err.Error()))
}

func (c *checker) warn(format string, args ...any) {
	c.warnings = append(c.warnings, escape.Text(fmt.Sprintf(format, args...)))
}

func (c *checker) paths() {
	if info, err := os.Stat(c.m.Workspace); err != nil {
		c.fault(err, "workspace", "path")
	} else if !info.IsDir() {
		c.fault(fmt.Errorf("%s is not a folder", c.m.Workspace), "workspace", "path")
	}
	for i, mt := range c.m.Mounts {
		info, err := os.Stat(mt.Path)
		switch {
		case err != nil:
			c.fault(fmt.Errorf("there is nothing to mount: %w", err), "mounts", i, "path")
		case !info.IsDir() && !info.Mode().IsRegular() && info.Mode().Type() != os.ModeSocket:
			c.fault(fmt.Errorf("%s is neither a file nor a folder", mt.Path), "mounts", i, "path")
		}
	}
}

func (c *checker) authorities() {
	for i, path := range c.m.Egress.UpstreamCA {
		certs, err := readCertificates(path)
		if err != nil {
			c.fault(err, "egress", "upstream_ca", i)
		}
		for _, cert := range certs {
			if c.now().After(cert.NotAfter) {
				c.warn("the certificate of %q in %s expired on %s", cert.Subject, path, cert.NotAfter.Format(time.DateOnly))
			}
		}
	}
}

// readCertificates reads a PEM file with at least one certificate.
func readCertificates(path string) ([]*x509.Certificate, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	rest, err := io.ReadAll(io.LimitReader(f, maxCAFile+1))
	if err != nil {
		return nil, err
	}
	if len(rest) > maxCAFile {
		return nil, fmt.Errorf("%s has more than %d MiB", path, maxCAFile>>20)
	}
	if bytes.Contains(rest, []byte("PRIVATE KEY-----")) {
		return nil, fmt.Errorf("%s has a private key in it, which must not go into a bottle: give only the certificates", path)
	}
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", path, len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s holds no PEM certificate (-----BEGIN CERTIFICATE-----)", path)
	}
	return certs, nil
}

func (c *checker) secrets(opts secret.Options) {
	for i := range c.m.Secrets {
		d := &c.m.Secrets[i]
		if !d.Used {
			if n := c.m.root.dig("secrets", d.Name); n != nil && n.src.user {
				continue // the user's file serves many projects
			}
			c.warn("the secret %s (%s) is not used: no route and no git host names it", d.Name, d.Declared)
			continue
		}
		s, err := secret.New(d.Name, d.Source, opts)
		var warnings []string
		if err == nil {
			warnings, err = s.Check()
		}
		if err != nil {
			where := []any{"secrets", d.Name, "from"}
			if c.m.root.dig("secrets", d.Name) == nil { // it is one of a login
				where = []any{"forward_host_credentials"}
			}
			c.fault(errors.New(strings.TrimPrefix(err.Error(), "secret "+d.Name+": ")), where...)
		}
		for _, w := range slices.Sorted(slices.Values(warnings)) {
			c.warn("the secret %s (%s): %s", d.Name, d.Declared, w)
		}
	}
}
