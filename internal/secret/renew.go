package secret

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/bot-bottle/bottle/internal/filelock"
)

// flight is a login's one renewal at a time in this process; the file lock is the
// one of the host.
type flight struct {
	group singleflight.Group

	mu     sync.Mutex
	failed error // of the last renewal
	stale  string
	until  time.Time // that failed stands
	kept   *tokens   // renewed, and not kept yet
	was    string    // the token that kept has renewed
}

// renew returns another access token than stale, which has ended or was refused.
//
// All that ask at once wait for one renewal, and so do the bottles of this host. The
// client of the host may renew its login too, at any time: what it has written is
// read again under the lock, and again when the provider says that the login was
// used up, and a newer token wins.
func (l *login) renew(ctx context.Context, stale string) (string, error) {
	done := l.group.DoChan(stale, func() (any, error) {
		if err := l.lately(stale); err != nil {
			return "", err
		}
		t, err := l.renewLocked(context.WithoutCancel(ctx), stale)
		l.note(stale, err)
		return t.access, err
	})
	select {
	case r := <-done:
		token, _ := r.Val.(string)
		return token, r.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// lately is the error of a renewal that has just failed.
func (l *login) lately(stale string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil && l.stale == stale && l.opts.Now().Before(l.until) {
		if t, _, err := l.read(); err == nil && t.access != stale {
			return nil // somebody logged in
		}
		return l.failed
	}
	return nil
}

func (l *login) note(stale string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed, l.stale, l.until = err, stale, l.opts.Now().Add(renewPause)
}

// unsaved is a login that was renewed and could not be kept. A login that somebody
// else has kept since wins.
func (l *login) unsaved() (tokens, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		return tokens{}, false
	}
	if t, _, err := l.read(); err == nil && t.access != l.was {
		l.kept = nil
		return tokens{}, false
	}
	return *l.kept, true
}

func (l *login) renewLocked(ctx context.Context, stale string) (tokens, error) {
	unlock, err := l.lock()
	if err != nil {
		return tokens{}, err
	}
	defer unlock()
	if err := l.recover(); err != nil {
		l.opts.warn("%v", err)
	}
	t, doc, err := l.read()
	if err != nil {
		return tokens{}, err
	}
	if t.access != stale && !l.ended(t) {
		return t, nil // somebody else was faster
	}
	of := hashToken(t.access)
	if kept, ok := l.unsaved(); ok {
		t = kept
	}
	switch age := l.opts.Now().Sub(l.stamp().at(t.access)); {
	case t.info.Mode == LoginAPIKey:
		return tokens{}, fmt.Errorf("the API key of %s was refused, and a key cannot be renewed: run %q", l.name, l.fix)
	case t.refresh == "":
		return tokens{}, fmt.Errorf("the login of %s cannot be renewed: run %q", l.name, l.fix)
	case age >= 0 && age < renewPause && !l.ended(t):
		return tokens{}, fmt.Errorf("the provider refuses a token of %s that is %d s old: see its status, or run %q", l.name, int(age.Seconds()), l.fix)
	}
	save, closeIt, err := l.store.prepare(len(doc)+maxTokenGrowth, of)
	if err != nil {
		return tokens{}, fmt.Errorf("the login of %s was not renewed, as what is renewed could not be kept: %w", l.name, err)
	}
	defer closeIt()
	return l.exchange(ctx, t, doc, save)
}

// maxTokenGrowth is how much longer a renewed login is expected to be at most.
const maxTokenGrowth = 3 * MaxLength

// exchange renews a login and keeps what came.
func (l *login) exchange(ctx context.Context, t tokens, doc []byte, save func([]byte) error) (tokens, error) {
	renewed, offset, err := l.ask(ctx, t)
	var refused *refusedError
	if errors.As(err, &refused) {
		// The client of the host may have used it up a moment ago.
		if again, _, readErr := l.read(); readErr == nil && again.access != t.access && again.refresh != t.refresh {
			return again, nil
		}
		return tokens{}, fmt.Errorf("the login of %s has ended (the provider says: %s): run %q", l.name, refused.code, l.fix)
	}
	if err != nil {
		return tokens{}, fmt.Errorf("renew the login of %s: %w", l.name, err)
	}
	// The client keeps more in its file than the login, and may have since.
	if _, now, readErr := l.read(); readErr == nil {
		doc = now
	}
	next, err := l.edit(doc, renewed, l.opts.Now())
	if err == nil {
		err = save(next)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = nil
	if err != nil { // the provider knows the old one no more
		l.kept, l.was = &renewed, t.access
		l.opts.warn("the login of %s was renewed and cannot be written to %s, so it is lost when this bottle ends: %v", l.name, l.store.where(), err)
	}
	l.writeStamp(renewed.access, offset)
	return renewed, nil
}

// refusedError says that a login is no more, by the code of RFC 6749, section 5.2.
type refusedError struct{ code string }

func (e *refusedError) Error() string { return "refused: " + e.code }

// ask asks the provider. Its clock tells how wrong this host's is.
func (l *login) ask(ctx context.Context, t tokens) (_ tokens, offset time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	r, err := l.request(ctx, t)
	if err != nil {
		return tokens{}, 0, err
	}
	resp, err := l.opts.Transport.RoundTrip(r)
	if err != nil {
		return tokens{}, 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxLoginFile))
	if err != nil {
		return tokens{}, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return tokens{}, 0, refusal(r.URL.Host, resp.StatusCode, answer)
	}
	now := l.opts.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		offset = date.Sub(now)
	}
	if offset.Abs() > renewBefore {
		l.opts.warn("this host's clock is %s that of %s: set it", clockText(offset), r.URL.Host)
	}
	renewed, err := l.renewed(t, answer, now)
	if err == nil {
		err = Validate(renewed.access)
	}
	if err != nil {
		return tokens{}, 0, fmt.Errorf("the answer of %s: %w", r.URL.Host, err)
	}
	return renewed, offset, nil
}

// refusal tells the end of a login from what will pass.
func refusal(host string, status int, answer []byte) error {
	var body struct {
		Error any `json:"error"` // a code (RFC 6749), or an object with one
	}
	_ = json.Unmarshal(answer, &body) // one that cannot be read says nothing
	code, _ := body.Error.(string)
	if o, ok := body.Error.(map[string]any); ok {
		if code, _ = o["code"].(string); code == "" {
			code, _ = o["type"].(string)
		}
	}
	switch code {
	case "invalid_grant", "refresh_token_expired", "refresh_token_reused", "refresh_token_invalidated":
		return &refusedError{code}
	}
	if status == http.StatusUnauthorized {
		return &refusedError{"401"}
	}
	return fmt.Errorf("%s answers with status %d", host, status)
}

// lock takes the lock of the login among the bottles of this user.
func (l *login) lock() (unlock func(), err error) {
	f, err := os.OpenFile(l.lockPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the login of %s: %w", l.name, err)
	}
	if err := filelock.Lock(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the login of %s: %w", l.name, err)
	}
	return func() { _ = f.Close() }, nil
}

// lockPath has a name of the login's own: of two folders of one client each has one.
func (l *login) lockPath() string {
	sum := sha256.Sum256([]byte(l.store.where()))
	return filepath.Join(l.opts.LockDir, "login-"+l.name+"-"+hex.EncodeToString(sum[:6])+".lock")
}

// stamp is what the lock's file says of the last renewal, for all bottles.
type stamp struct {
	Token  string        `json:"token"` // its hash
	At     time.Time     `json:"at"`
	Offset time.Duration `json:"clock_offset_ns"`
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte("bottle login " + token))
	return hex.EncodeToString(sum[:16])
}

// at is when a token was renewed; zero when it was not.
func (s stamp) at(token string) time.Time {
	if s.Token != hashToken(token) {
		return time.Time{}
	}
	return s.At
}

// offset is how much later it is at the provider, where that matters.
func (s stamp) offset() time.Duration {
	if s.Offset.Abs() <= renewBefore {
		return 0
	}
	return s.Offset
}

// clockText says how this host's clock stands to one that is later by so much.
func clockText(offset time.Duration) string {
	how := "behind"
	if offset < 0 {
		how = "ahead of"
	}
	return offset.Abs().Round(time.Second).String() + " " + how
}

func (l *login) stamp() (s stamp) {
	if b, err := os.ReadFile(l.lockPath()); err == nil {
		_ = json.Unmarshal(b, &s) // a torn one says nothing
	}
	return s
}

// writeStamp is called with the lock held. Without it more is asked than is needed.
func (l *login) writeStamp(token string, offset time.Duration) {
	b, err := json.Marshal(stamp{Token: hashToken(token), At: l.opts.Now(), Offset: offset})
	if err == nil {
		err = os.WriteFile(l.lockPath(), b, 0o600)
	}
	if err != nil {
		l.opts.warn("note the renewal of %s: %v", l.name, err)
	}
}
