package secret

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// securityPath is macOS's own program for the keychain: what it keeps it may read
// without a question, as its client does too.
const securityPath = "/usr/bin/security"

// notInKeychain is security's exit code for an entry that is not there.
const notInKeychain = 44

// keychain is an entry of the macOS keychain, in the form of its client.
type keychain struct {
	service string
	program string // "" is securityPath
	opts    *Options
}

func (k keychain) where() string {
	return fmt.Sprintf("keychain entry %q", k.service)
}

func (k keychain) account() string {
	if u, ok := k.opts.LookupEnv("USER"); ok {
		return u
	}
	return ""
}

// run runs security. What is kept goes to its standard input: an argument is seen
// by every process of the host.
func (k keychain) run(input string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), DefaultTimeout)
	defer cancel()
	program := k.program
	if program == "" {
		program = securityPath
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.WaitDelay = lingerTime
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == notInKeychain {
		return nil, os.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	return out, nil
}

// read returns the entry; security prints one that is no plain text in hexadecimal.
func (k keychain) read() ([]byte, error) {
	out, err := k.run("", "find-generic-password", "-a", k.account(), "-w", "-s", k.service)
	if err != nil {
		return nil, err
	}
	out = bytes.TrimSpace(out)
	if raw, err := hex.DecodeString(string(out)); err == nil && len(raw) > 0 && raw[0] == '{' {
		return raw, nil
	}
	return out, nil
}

// maxSecurityLine is the most that security reads as one line of its standard input,
// in bytes: what is longer is cut, and the entry with it.
const maxSecurityLine = 4096

// errKeychainLine is the error for an entry that is too long for that.
var errKeychainLine = errors.New("the entry is longer than the keychain's program takes on one line")

// line is the command that keeps an entry.
func (k keychain) line(doc []byte) (string, error) {
	line := fmt.Sprintf("add-generic-password -U -a %q -s %q -X %q\n", k.account(), k.service, hex.EncodeToString(doc))
	if len(line) > maxSecurityLine {
		return "", fmt.Errorf("%w (%d bytes, at most %d)", errKeychainLine, len(line), maxSecurityLine)
	}
	return line, nil
}

// prepare refuses what could not be kept before the provider is asked, since that
// ends the login that is there.
func (k keychain) prepare(int, string) (save func([]byte) error, closeIt func(), err error) {
	if err := k.writable(); err != nil {
		return nil, nil, err
	}
	save = func(doc []byte) error {
		line, err := k.line(doc)
		if err == nil {
			_, err = k.run(line, "-i")
		}
		return err
	}
	return save, func() {}, nil
}

// keychainGrowth is how much longer a renewed login is expected to be at most, in
// bytes: its tokens are of one length, and its times have a digit more or less.
const keychainGrowth = 64

// writable looks at the entry that is there: one near the bound counts as over it, for
// what is renewed is seldom shorter.
func (k keychain) writable() error {
	now, err := k.read()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_, err = k.line(append(now, make([]byte, keychainGrowth)...))
	return err
}

// leftovers: what security keeps is kept at once.
func (keychain) leftovers() []leftover { return nil }

func (keychain) modified() time.Time { return time.Time{} }
