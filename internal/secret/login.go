package secret

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The logins of the host that a Source can name.
const (
	LoginClaude = "claude" // of Claude Code, ~/.claude/.credentials.json
	LoginCodex  = "codex"  // of Codex, ~/.codex/auth.json
)

// LoginMode says what a login consists of.
type LoginMode string

// The modes of logins.
const (
	// LoginOAuth is a subscription's: an access token, and one to renew it with.
	LoginOAuth LoginMode = "oauth"
	// LoginAPIKey is a key that does not expire.
	LoginAPIKey LoginMode = "apikey"
)

// LoginInfo says of a login what its client inside may know too.
type LoginInfo struct {
	Mode LoginMode
	// Plan is the subscription's, such as "pro"; "" when nothing says.
	Plan string
	// Expires is when the access token does; zero when nothing says. The host
	// renews it.
	Expires time.Time
	// Account is the identifier that a provider wants beside the token.
	Account string
}

// ErrLoggedOut is wrapped by the error for a login that there is none of.
var ErrLoggedOut = errors.New("nobody is logged in")

// ErrNotKept is wrapped by the error for a login that has to be renewed and cannot be,
// since its file is not to be written: the disk is full, or it is read-only.
var ErrNotKept = errors.New("what is renewed cannot be kept")

// errEmptied is the error for a file that a client has taken its login out of.
var errEmptied = errors.New("it is logged out")

const (
	// renewBefore is how long before its end a token is renewed.
	renewBefore = 5 * time.Minute
	// refreshTimeout bounds one request to renew a token.
	refreshTimeout = 30 * time.Second
	// renewPause is how long a renewal stands, and how long the failure of one
	// does: a provider that refuses every token is not asked at every request.
	renewPause = time.Minute
	// maxLoginFile bounds a credentials file, and the answer to a refresh, in
	// bytes.
	maxLoginFile = 1 << 20
)

// tokens is a login as its file has it.
type tokens struct {
	info            LoginInfo
	access, refresh string
	idToken         string
	scopes          []string
	clientID        string
	// absolute says that the end of the token is by the provider's clock, and not
	// by that of this host.
	absolute bool
	// lastRefresh is when the client renewed it last, where it says so instead of
	// an end.
	lastRefresh time.Time
}

// loginClient is how one program keeps its login and renews it.
type loginClient struct {
	name string
	fix  string // the command that logs in
	// folder names the variable that moves the client's folder, and the folder's
	// name in the home where it is not set.
	folder [2]string
	file   string
	parse  func([]byte) (tokens, error)
	// request makes the request that renews a login.
	request func(ctx context.Context, t tokens) (*http.Request, error)
	// renewed takes the answer over.
	renewed func(t tokens, answer []byte, now time.Time) (tokens, error)
	// edit writes the renewed login into the client's file and leaves every other
	// byte of it as it was.
	edit func(doc []byte, t tokens, now time.Time) ([]byte, error)
}

func loginClients() []loginClient { return []loginClient{claudeLogin(), codexLogin()} }

// Logins lists the names of the logins that a Source can name.
func Logins() []string { return []string{LoginClaude, LoginCodex} }

func loginNamed(name string) (loginClient, bool) {
	all := loginClients()
	i := slices.IndexFunc(all, func(c loginClient) bool { return c.name == name })
	if i < 0 {
		return loginClient{}, false
	}
	return all[i], true
}

// login is one login of the host.
type login struct {
	loginClient
	store store
	opts  *Options
	flight
}

func newLogin(name string, opts *Options) (*login, error) {
	c, ok := loginNamed(name)
	if !ok {
		return nil, fmt.Errorf("there is no login %q: claude or codex", name)
	}
	l := &login{loginClient: c, opts: opts}
	dir, ok := opts.LookupEnv(c.folder[0])
	if !ok || !filepath.IsAbs(dir) {
		home, _ := opts.LookupEnv("HOME")
		dir = filepath.Join(home, c.folder[1])
	}
	l.store = hostStore(c.name, filepath.Join(dir, c.file), opts)
	return l, nil
}

// value returns an access token that is good for a while.
func (l *login) value(ctx context.Context) (string, error) {
	t, err := l.current()
	if err != nil {
		return "", err
	}
	if !l.expiring(t) {
		return t.access, nil
	}
	renewed, err := l.renew(ctx, t.access)
	if err == nil {
		return renewed, nil
	}
	if l.ended(t) {
		return "", fmt.Errorf("the login's token has expired and could not be renewed: %w", err)
	}
	l.opts.warn("the login of %s could not be renewed yet, and is still good until %s: %v", l.name, t.info.Expires.Format(time.RFC3339), err)
	return t.access, nil
}

// current is the login as it is kept now, or as it will be once it can be.
func (l *login) current() (tokens, error) {
	if t, ok := l.unsaved(); ok {
		return t, nil
	}
	t, _, err := l.read()
	return t, err
}

func (l *login) read() (tokens, []byte, error) {
	doc, err := l.store.read()
	if errors.Is(err, os.ErrNotExist) {
		return tokens{}, nil, fmt.Errorf("%w with %s on this host (there is no %s): run %q", ErrLoggedOut, l.name, l.store.where(), l.fix)
	}
	if err != nil {
		return tokens{}, nil, err
	}
	t, err := l.parse(doc)
	if err == nil {
		err = Validate(t.access)
	}
	if err != nil {
		return tokens{}, nil, fmt.Errorf("%s has no login of %s that can be used (%w): run %q", l.store.where(), l.name, err, l.fix)
	}
	return t, doc, nil
}

// now is the time that a login's end is held against.
func (l *login) now(t tokens) time.Time {
	now := l.opts.Now()
	if t.absolute {
		now = now.Add(l.stamp().offset())
	}
	return now
}

// expiring reports whether a token is to be renewed.
func (l *login) expiring(t tokens) bool {
	switch {
	case t.info.Mode == LoginAPIKey || t.refresh == "":
		return false
	case t.info.Expires.IsZero():
		return !t.lastRefresh.IsZero() && l.opts.Now().Sub(t.lastRefresh) > maxRefreshAge
	}
	return !l.now(t).Before(t.info.Expires.Add(-renewBefore))
}

func (l *login) ended(t tokens) bool {
	return !t.info.Expires.IsZero() && !l.now(t).Before(t.info.Expires)
}

// check says whether the login can be expected to work, without renewing it.
func (l *login) check() (warnings []string, err error) {
	t, _, err := l.read()
	if err != nil {
		return nil, err
	}
	if t.info.Mode == LoginAPIKey {
		return nil, nil
	}
	switch why := l.store.writable(); {
	case t.refresh == "" && l.ended(t):
		return nil, fmt.Errorf("the login of %s ended at %s and cannot be renewed: run %q", l.name, t.info.Expires.Format(time.RFC3339), l.fix)
	case t.refresh == "" && !t.info.Expires.IsZero():
		warnings = append(warnings, fmt.Sprintf("the login of %s ends at %s and cannot be renewed: run %q before", l.name, t.info.Expires.Format(time.RFC3339), l.fix))
	case t.refresh != "" && why != nil && l.ended(t):
		return nil, fmt.Errorf("the login of %s has to be renewed, and %w: %w", l.name, ErrNotKept, why)
	case t.refresh != "" && why != nil:
		warnings = append(warnings, fmt.Sprintf("the login of %s cannot be renewed, as %v: %v", l.name, ErrNotKept, why))
	}
	if d := l.opts.Now().Sub(l.store.modified()); d < -renewBefore {
		warnings = append(warnings, fmt.Sprintf("%s was written in the future, so this host's clock is wrong: set it, or the login seems valid when it has ended", l.store.where()))
	}
	if s := l.stamp(); s.offset() != 0 && !s.at(t.access).IsZero() {
		warnings = append(warnings, fmt.Sprintf("when the login of %s was renewed last, this host's clock was %s that of its provider: set it, unless that was done since", l.name, clockText(s.offset())))
	}
	return warnings, nil
}
