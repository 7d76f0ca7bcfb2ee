package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/mitm"
)

func (a *app) caCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Manage the CA of \"bottle proxy\"",
		Long: `A bottle has a CA of its own that is gone with it. "bottle proxy", which serves
clients elsewhere, uses one CA per user; these commands are about that one.`,
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.caExportCmd(), a.caInstallCmd(), a.caUninstallCmd(), a.caRotateCmd())
	return cmd
}

func (a *app) caExportCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Print the CA's certificate in PEM",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ca, err := authority()
			if err != nil {
				return err
			}
			cert := ca.Certificate()
			if a.json {
				out := caData(cert)
				out.PEM = string(ca.CertificatePEM())
				return a.printJSON(out)
			}
			if _, err := a.std.out.Write(ca.CertificatePEM()); err != nil {
				return err
			}
			if a.verbose {
				fmt.Fprintf(a.std.err, "%s\nSHA-256 %s\nvalid until %s\n", cert.Subject, mitm.Fingerprint(cert), cert.NotAfter.Format(time.DateOnly))
			}
			return nil
		},
	}
}

// checkStores refuses what would be left out silently.
func checkStores(o mitm.InstallOptions) error {
	if o.NoSystem && !o.Firefox && !o.Java {
		return errors.New("with --no-system there is nothing left to do: add --firefox or --java")
	}
	if o.Java && os.Getenv("JAVA_HOME") == "" {
		return errors.New("--java needs JAVA_HOME: set it to the folder of the Java that is meant")
	}
	if _, err := exec.LookPath("certutil"); o.Firefox && err != nil {
		return errors.New("--firefox needs certutil: install the package libnss3-tools (Debian), nss-tools (Fedora) or nss (Homebrew)")
	}
	return nil
}

func storeFlags(cmd *cobra.Command, o *mitm.InstallOptions) {
	cmd.Flags().BoolVar(&o.Firefox, "firefox", false, "Firefox too, and Chrome on Linux (needs certutil)")
	cmd.Flags().BoolVar(&o.Java, "java", false, "the Java of JAVA_HOME too (needs keytool)")
	cmd.Flags().BoolVar(&o.NoSystem, "no-system", false, "not the system's store")
}

func (a *app) caInstallCmd() *cobra.Command {
	var o mitm.InstallOptions
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Put the CA into this host's trust stores",
		Long: `Put the CA into this host's trust stores, so that every program here believes the
proxy. That is only needed for clients that can be told in no other way: the
variables that "bottle proxy" prints do the same for one shell. It may ask for
the password of sudo.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkStores(o); err != nil {
				return err
			}
			ca, err := authority()
			if err != nil {
				return err
			}
			if err := mitm.Install(ca.Certificate(), o); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(caData(ca.Certificate()))
			}
			_, err = fmt.Fprintf(a.std.err, "installed: %s\n", ca.Certificate().Subject.CommonName)
			return err
		},
	}
	storeFlags(cmd, &o)
	return cmd
}

func (a *app) caUninstallCmd() *cobra.Command {
	var o mitm.InstallOptions
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take the CA, and those before it, out of this host's trust stores",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkStores(o); err != nil {
				return err
			}
			dir, err := bottle.CADir(env)
			if err != nil {
				return err
			}
			certs, err := bottle.InstalledCAs(dir, o.NoSystem || o.Firefox || o.Java)
			if err != nil {
				return err
			}
			if len(certs) == 0 && !a.json {
				_, err = fmt.Fprintln(a.std.err, "nothing to take out: the CA is not in this host's trust store")
				return err
			}
			var errs []error
			removed := []caOutput{}
			for _, cert := range certs {
				err := mitm.Uninstall(cert, o)
				if errs = append(errs, err); err == nil {
					removed = append(removed, caData(cert))
				}
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(removed)
			}
			_, err = fmt.Fprintln(a.std.err, "removed from the trust stores")
			return err
		},
	}
	storeFlags(cmd, &o)
	return cmd
}

func (a *app) caRotateCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Make a new CA; clients must be told again",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := bottle.CADir(env)
			if err != nil {
				return err
			}
			ca, err := mitm.Rotate(dir, mitm.Options{})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(caData(ca.Certificate()))
			}
			_, err = fmt.Fprintf(a.std.err, "the CA is now %s, SHA-256 %s\nproxies that run go on with the old one until they end; where it was installed, run \"bottle ca uninstall\" and \"bottle ca install\"\n",
				ca.Certificate().Subject.CommonName, mitm.Fingerprint(ca.Certificate()))
			return err
		},
	}
}

func authority() (*mitm.Authority, error) {
	dir, err := bottle.CADir(env)
	if err != nil {
		return nil, err
	}
	return mitm.LoadOrCreate(dir, mitm.Options{})
}
