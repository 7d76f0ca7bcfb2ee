package gitgate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// SSHAuth is how to log in to a server.
type SSHAuth struct {
	// Key returns a private key in PEM; nil is none. It is called at each login.
	Key func(context.Context) ([]byte, error)
	// Passphrase opens the key; nil is for one that needs none.
	Passphrase func(context.Context) (string, error)
	// AgentSocket is the socket of an ssh-agent whose keys are tried; "" is none.
	AgentSocket string
	// KnownHosts are files such as ~/.ssh/known_hosts. A server that is in none of
	// them is refused, and so is one with another key.
	KnownHosts []string
}

// knownHostsError is about a server's key. The text is for the operator, too.
type knownHostsError struct{ text string }

func (e *knownHostsError) Error() string { return e.text }

// config makes what a login needs. done is called when it is over.
func (a *SSHAuth) config(ctx context.Context, addr string) (cfg *ssh.ClientConfig, done func(), err error) {
	db, err := knownhosts.NewDB(a.KnownHosts...)
	if err != nil {
		text := "the known hosts cannot be read, so no server is believed: " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			text += "; the operator can make the file by \"ssh-keyscan\", with a key that was compared with what the forge publishes"
		}
		return nil, nil, &knownHostsError{text}
	}
	cfg = &ssh.ClientConfig{
		HostKeyAlgorithms: db.HostKeyAlgorithms(addr),
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			return a.explainKey(host, key, db.HostKeyCallback()(host, remote, key))
		},
		Timeout: sshTimeout,
	}
	done = func() {}
	if a.Key != nil {
		signer, err := a.signer(ctx)
		if err != nil {
			return nil, nil, err
		}
		cfg.Auth = append(cfg.Auth, ssh.PublicKeys(signer))
	}
	if a.AgentSocket != "" {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", a.AgentSocket)
		if err != nil {
			return nil, nil, fmt.Errorf("the ssh-agent of this host: %w", err)
		}
		done = func() { _ = conn.Close() }
		cfg.Auth = append(cfg.Auth, ssh.PublicKeysCallback(agent.NewClient(conn).Signers))
	}
	return cfg, done, nil
}

func (a *SSHAuth) signer(ctx context.Context) (ssh.Signer, error) {
	pem, err := a.Key(ctx)
	if err != nil {
		return nil, fmt.Errorf("the ssh key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked) && a.Passphrase == nil:
		return nil, &upstreamError{502, "the ssh key has a passphrase, and git: auth: passphrase names no secret for it"}
	case errors.As(err, &locked):
		phrase, err := a.Passphrase(ctx)
		if err != nil {
			return nil, fmt.Errorf("the passphrase of the ssh key: %w", err)
		}
		if signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(phrase)); err != nil {
			return nil, &upstreamError{502, "the passphrase does not open the ssh key"}
		}
		return signer, nil
	case err != nil:
		return nil, &upstreamError{502, "the ssh key cannot be read: it is no private key in a format that OpenSSH writes"}
	}
	return signer, nil
}

// explainKey says what to do about a server that is not believed.
func (a *SSHAuth) explainKey(host string, key ssh.PublicKey, err error) error {
	print := ssh.FingerprintSHA256(key)
	switch {
	case err == nil:
		return nil
	case knownhosts.IsHostKeyChanged(err):
		return &knownHostsError{fmt.Sprintf("%s shows another key (%s) than the one in the known hosts: someone may stand between, so nothing was sent; the operator has to find out which is right", host, print)}
	case knownhosts.IsHostUnknown(err):
		return &knownHostsError{fmt.Sprintf("%s is not among the known hosts, so nothing was sent: the operator can compare its key (%s) with what the forge publishes and add it by \"ssh-keyscan\"", host, print)}
	}
	return &knownHostsError{host + ": its key is not believed: " + err.Error()}
}

// KeyFile returns a Key that reads a file at each login.
func KeyFile(path string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return os.ReadFile(path) }
}
