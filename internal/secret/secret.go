// Package secret gets the values of credentials on the host, and makes the
// placeholders that an agent holds in their stead.
//
// A value comes from exactly one Source: a variable of the host's environment,
// a file, an entry of the host's keyring, what a command prints, the login of an
// agent's client, or a grant: an access token that a provider gives for the key of a
// service account or of a GitHub App, or for the credentials of an OAuth2 client. Check
// says beforehand, without any side effect, whether that can work; Value resolves. No
// error of this package holds a value or a part of one.
//
// A login's token ends after hours. Value renews it a while before, and Renew when a
// provider refuses it: once for all bottles of the host, and so that the client of
// the host goes on with the same login.
package secret

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
)

// The bounds of a value, in bytes. One that is shorter could not be told from
// ordinary text, neither by the scanner nor in its place in a request.
const (
	MinLength = 8
	MaxLength = 16 << 10
)

// Source says where a value is. One of Env, File, Command, Keyring, Login, OAuth2 and
// GitHubApp is set.
type Source struct {
	// Env names a variable of the host's environment.
	Env string
	// File is an absolute path. One newline at the end is not part of the
	// value.
	File string
	// Pointer is a JSON pointer (RFC 6901) to a string in File, which is JSON
	// then.
	Pointer string
	// Command is a program, on the PATH or by its absolute path, and its
	// arguments; no shell is involved. It runs in Options.Dir with the host's
	// environment and no standard input, and prints the value. One newline at the
	// end is not part of it.
	Command []string
	// Timeout bounds the command; 0 means DefaultTimeout.
	Timeout time.Duration
	// TTL is how long what the command printed, or the keyring had, is used; 0 means
	// DefaultTTL.
	TTL time.Duration
	// Keyring is an entry of the host's keyring (the Secret Service, or the macOS
	// keychain): SERVICE/ACCOUNT, cut at the last slash.
	Keyring string
	// Login is LoginClaude or LoginCodex: the login of that client on this host.
	Login string
	// GCP says that File is the key of a service account, for which access tokens are
	// had; the key itself is nobody's value.
	GCP *GCP
	// OAuth2 is where access tokens are had from.
	OAuth2 *OAuth2
	// GitHubApp is the App whose tokens are had.
	GitHubApp *GitHubApp
}

// Asks reports whether the value is had over the network.
func (s *Source) Asks() bool { return s.Login != "" || s.grants() }

// grants reports whether the value is an access token that is given for something else.
func (s *Source) grants() bool { return s.GCP != nil || s.OAuth2 != nil || s.GitHubApp != nil }

// Parts are the names of the secrets that this one is made with.
func (s *Source) Parts() (names []string) {
	all := []string{}
	if s.OAuth2 != nil {
		all = append(all, s.OAuth2.ClientSecret, s.OAuth2.RefreshToken)
	}
	if s.GitHubApp != nil {
		all = append(all, s.GitHubApp.Key)
	}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

// The defaults of a command.
const (
	DefaultTimeout = 30 * time.Second
	DefaultTTL     = 5 * time.Minute
)

// Options are what a Secret asks of its surroundings. The zero value is the
// process's own.
type Options struct {
	LookupEnv func(string) (string, bool)
	Environ   func() []string
	Now       func() time.Time
	// Dir is the working directory of commands: an empty folder that nobody
	// else writes to, since many programs run what they find where they are
	// (make, npm, python -m). "" means /.
	Dir string
	// LockDir is where the bottles of a user lock a login while one renews it; ""
	// means the folder for temporary files.
	LockDir string
	// Transport carries the requests for tokens; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Warn is told what works and should not be left as it is, by a login; nil is
	// silent. It may be called from many goroutines.
	Warn func(string)
	// Named returns the value of another secret that a Source names.
	Named func(ctx context.Context, name string) (string, error)
}

func (o *Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

// fill sets the defaults.
func (o *Options) fill() {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.Environ == nil {
		o.Environ = os.Environ
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dir == "" {
		o.Dir = "/"
	}
	if o.LockDir == "" {
		o.LockDir = os.TempDir()
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
}

// Secret is one credential of the host. It is safe for concurrent use.
type Secret struct {
	name   string
	source Source
	opts   Options
	flight singleflight.Group
	cache  cache
	login  *login // nil for another source
}

// New returns the secret of that name. The error says what is wrong with the
// source itself; whether it yields a value is not looked at.
func New(name string, src Source, opts Options) (*Secret, error) {
	set := 0
	for _, is := range []bool{src.Env != "", src.File != "", len(src.Command) > 0, src.Keyring != "", src.Login != "", src.OAuth2 != nil, src.GitHubApp != nil} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, fmt.Errorf("secret %s: one source is needed: env, file, keyring, command, login, gcp, oauth2 or github_app", name)
	case strings.ContainsAny(src.Env, "=\x00"):
		return nil, fmt.Errorf("secret %s: %q is not the name of a variable", name, src.Env)
	case src.File != "" && !filepath.IsAbs(src.File):
		return nil, fmt.Errorf("secret %s: file %q is not an absolute path", name, src.File)
	case src.GCP != nil && (src.File == "" || src.Pointer != ""):
		return nil, fmt.Errorf("secret %s: the key of a service account is a whole file", name)
	case src.Pointer != "" && src.File == "":
		return nil, fmt.Errorf("secret %s: a JSON pointer needs a file", name)
	case len(src.Command) > 0 && src.Command[0] == "":
		return nil, fmt.Errorf("secret %s: the command has no program", name)
	case len(src.Command) > 0 && strings.Contains(src.Command[0], "/") && !filepath.IsAbs(src.Command[0]):
		return nil, fmt.Errorf("secret %s: program %q is neither a name on the PATH nor an absolute path", name, src.Command[0])
	case src.Keyring != "" && !validEntry(src.Keyring):
		return nil, fmt.Errorf("secret %s: keyring %q is not SERVICE/ACCOUNT", name, src.Keyring)
	case src.TTL < 0 || src.Timeout < 0:
		return nil, fmt.Errorf("secret %s: a negative duration", name)
	}
	if src.Pointer != "" {
		if _, err := splitPointer(src.Pointer); err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
	}
	if src.OAuth2 != nil {
		if err := src.OAuth2.check(); err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
	}
	if src.GitHubApp != nil {
		if err := src.GitHubApp.check(); err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
	}
	if src.TTL == 0 {
		src.TTL = DefaultTTL
	}
	if src.Timeout == 0 {
		src.Timeout = DefaultTimeout
	}
	opts.fill()
	sec := &Secret{name: name, source: src, opts: opts}
	if src.Login != "" {
		l, err := newLogin(src.Login, &sec.opts)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
		sec.login = l
	}
	return sec, nil
}

// Value returns the current value. A variable is read each time, a file when
// it changed, and a command runs when what it printed last is older than its
// TTL, once for all callers that wait for it. The caller's context bounds its
// own wait only: others may wait for the same command.
//
// The error of a failed command is repeated for a few seconds before it runs
// again, so that a stream of requests does not become a stream of processes.
func (s *Secret) Value(ctx context.Context) (string, error) {
	v, err := s.value(ctx)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", s.name, err)
	}
	return v, nil
}

func (s *Secret) value(ctx context.Context) (string, error) {
	switch src := s.source; {
	case src.Env != "":
		v, ok := s.opts.LookupEnv(src.Env)
		if !ok {
			return "", errNotSet(src.Env)
		}
		if err := usable(v); err != nil {
			return "", fmt.Errorf("the environment variable %s: %w", src.Env, err)
		}
		return v, nil
	case src.grants():
		return s.cachedValue(ctx, s.grant)
	case src.File != "":
		return s.fileValue()
	case src.Login != "":
		return s.login.value(ctx)
	case src.Keyring != "":
		return s.cachedValue(ctx, s.forTTL(s.keyringEntry))
	default:
		return s.cachedValue(ctx, s.forTTL(s.run))
	}
}

func errNotSet(name string) error {
	return fmt.Errorf("the environment variable %s is not set: set it where bottle is started, or name another source under from (file, keyring, command)", name)
}

// Check says whether Value can be expected to work, without running or changing
// anything: the variable is set, the file is there and may be read, the command's
// program exists, somebody is logged in. Warnings are things that work and should not
// be left as they are.
func (s *Secret) Check() (warnings []string, err error) {
	switch src := s.source; {
	case src.Env != "":
		if v, ok := s.opts.LookupEnv(src.Env); !ok {
			err = errNotSet(src.Env)
		} else if err = usable(v); err != nil {
			err = fmt.Errorf("the environment variable %s: %w", src.Env, err)
		}
	case src.File != "":
		if warnings, err = checkFile(src.File); err == nil && src.GCP != nil {
			_, err = s.serviceAccount()
		}
	case src.Login != "":
		warnings, err = s.login.check()
	case src.OAuth2 != nil || src.GitHubApp != nil: // its parts are secrets of their own
	case src.Keyring != "": // asking may put a question on the person's screen
	default:
		_, err = s.program()
	}
	if err != nil {
		return warnings, fmt.Errorf("secret %s: %w", s.name, err)
	}
	return warnings, nil
}

// Validate says whether a value can be a credential: MinLength to MaxLength
// bytes, no control characters, no space at either end. The error describes
// the value without quoting it.
func Validate(v string) error {
	switch {
	case v == "":
		return errors.New("it is empty")
	case len(v) < MinLength:
		return fmt.Errorf("it has %d bytes, which is too short to be told apart from other text (at least %d)", len(v), MinLength)
	case len(v) > MaxLength:
		return fmt.Errorf("it has more than %d bytes", MaxLength)
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return fmt.Errorf("byte %d is a control character (a newline in the middle?), which cannot go into a header", i+1)
		}
	}
	if v[0] == ' ' || v[len(v)-1] == ' ' {
		return errors.New("it begins or ends with a space")
	}
	return nil
}

// usable says whether a value can be one of the host's. A private key in PEM (RFC 7468)
// has lines, and is none that goes into a request: tokens are made with it.
func usable(v string) error {
	if strings.HasPrefix(v, "-----BEGIN ") && len(v) <= MaxLength {
		if block, rest := pem.Decode([]byte(v)); block != nil && strings.TrimSpace(string(rest)) == "" {
			return nil
		}
	}
	return Validate(v)
}

// trimNewline takes off one line ending.
func trimNewline(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}
