package bottle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// reloader keeps the policy of a running proxy in step with its manifest.
//
// A manifest that is gone or cannot be read keeps the old one in force. One that
// gives the agent more than what is in force waits until a person agrees, by
// `bottle trust`; one that takes away applies at once, even if not all that it
// names can be read. The agent may be able to write the file, so nothing that it
// says is believed before that.
//
// A yes counts for the next change only: what was taken away since does not come
// back because the file has an earlier text again, whoever put it there.
type reloader struct {
	mu      sync.Mutex // held while the proxy is given something else
	server  reloadable
	journal proxy.Recorder
	session string
	log     *slog.Logger
	trust   *manifest.Trust
	load    func() (*manifest.Manifest, error)
	user    *user
	folders []manifest.Mount   // of the host that the running agent sees
	inForce proxy.Config       // what the proxy runs on
	noted   func(manifestNote) // told how the manifest stands to what is in force; may be nil
	started *manifest.Manifest // what the machine was made of; nil where there is none
	current *manifest.Manifest
	unread  bool // current is in force but for what it names, which could not be read
	// newBottle names the keys of the last manifest that only a new bottle follows.
	newBottle string
	agreed    *manifest.Manifest                // the last one that a person agreed to
	spent     manifest.TrustEntry               // the yes that was there when current came into force
	grants    []manifest.Grant                  // by answers of the operator, until the bottle ends
	changed   func()                            // told when the proxy was given something else; may be nil
	view      atomic.Pointer[manifest.Manifest] // current, for those who only look
	said      [sha256.Size]byte                 // the last note, so that it stands there once; zero after a change
}

// reloadable is a *proxy.Server.
type reloadable interface {
	Reload(context.Context, proxy.Config) error
	Redact(string) string
	Spent(session string) proxy.Spent
}

// reload applies what the manifest says now, or says why it does not.
func (r *reloader) reload(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, err := r.load()
	if errors.Is(err, fs.ErrNotExist) { // it was named by -f
		r.note(r.goneText(nil), err)
		return
	}
	if err != nil {
		r.note("the changed manifest is not valid, so the old one stays in force", err)
		return
	}
	r.setNewBottle(m)
	if sameFiles(m, r.current) && !r.unread {
		if r.said != ([sha256.Size]byte{}) {
			r.change("the manifest is again the one that is in force" + r.butNewBottle())
		}
		return
	}
	trusted, err := r.trusted(m)
	wider := manifest.Wider(r.current, m)
	if why, cause := r.hold(m, trusted, wider, err); why != "" {
		r.takeAway(ctx, m)
		r.note(why+r.butNewBottle(), cause)
		return
	}
	apply, text := r.apply, "the changed manifest is in force"
	// It names no more than before, but what it names may be other than what was
	// agreed to: a script that prints a secret is run again.
	if trusted == untrusted && r.trust.IsTrusted(r.agreed) != nil {
		apply, text = r.narrow, text+"; what was agreed to has changed or is not trusted any more, so nothing that it names is run or read again before `bottle trust`"
	}
	if err := apply(ctx, m); err != nil {
		if len(wider) > 0 || !r.applyUnread(ctx, m) {
			r.note("the changed manifest cannot be applied, so the old one stays in force", err)
			return
		}
		r.note("not all that the changed manifest names can be read, so the secrets and known values stay as they were", err)
		return
	}
	if m.User == nil && r.current.User != nil {
		text = "your own manifest " + r.current.User.Path + " is gone, and what the bottle gets without it is in force"
	}
	if len(wider) > 0 {
		text += ", and gives the agent more, as was agreed to: " + strings.Join(wider, "; ")
	}
	text += r.butNewBottle()
	r.current, r.unread = m, false
	if trusted != untrusted {
		r.agreed = m
	}
	r.change(text)
}

// takeAway applies what a manifest that waits takes away. It asks for no yes: an
// agent that writes the file can only have less by it.
func (r *reloader) takeAway(ctx context.Context, m *manifest.Manifest) {
	if !samePath(m.Project, r.agreed.Project) {
		return
	}
	part := manifest.Narrowed(r.current, m)
	if part == nil {
		return
	}
	if err := r.narrow(ctx, part); err != nil {
		r.note("what the changed manifest takes away cannot be applied, so the old one stays in force", err)
		return
	}
	r.current, r.unread = part, false
	r.change("what the changed manifest takes away is in force")
}

// applyUnread applies a manifest that gives nothing more and of which a file or a
// secret cannot be read, with the values of before: the agent may be able to
// spoil such a file, and must not keep by that what a person takes away. What
// could not be read is tried again at the next change.
func (r *reloader) applyUnread(ctx context.Context, m *manifest.Manifest) bool {
	if r.unread && sameFiles(m, r.current) {
		return true
	}
	if r.narrow(ctx, m) != nil { // the cause is likely the same, and is told
		return false
	}
	r.current, r.unread = m, true
	r.change("what the changed manifest takes away is in force" + r.butNewBottle())
	return true
}

// trustOf says what a person has agreed to.
type trustOf int

const (
	untrusted     trustOf = iota
	trustedBefore         // by a yes from before the last change of what is in force
	trustedNow
)

// trusted says whether a person agreed to what a manifest says. Nobody is asked
// about the person's own file, so a change to it is only believed at a start:
// something may have written it in the meantime.
func (r *reloader) trusted(m *manifest.Manifest) (trustOf, error) {
	if !sameFile(m.User, r.agreed.User) || m.Project == nil || r.trust.IsTrusted(m) != nil {
		return untrusted, nil
	}
	yes, _, err := r.trust.Entry(m.Project.Path)
	switch {
	case err != nil:
		return untrusted, err
	case yes.Same(r.spent):
		return trustedBefore, nil
	}
	return trustedNow, nil
}

// hold says why a manifest does not come into force; "" when it may.
func (r *reloader) hold(m *manifest.Manifest, trusted trustOf, wider []string, err error) (why string, cause error) {
	// Nor does it help that another project, or none, is trusted: one that is
	// gone leaves what is in a folder above, or nothing that holds the agent.
	if !samePath(m.Project, r.agreed.Project) {
		return r.goneText(m.Project), nil
	}
	if err != nil {
		return "whether the changed manifest is trusted cannot be told, so the old one stays in force", err
	}
	more := strings.Join(wider, "; ")
	switch {
	case len(wider) == 0:
	case !sameFile(m.User, r.agreed.User):
		return "your own manifest changed and the agent would get more, which waits for a restart: " + more, nil
	case trusted == trustedBefore:
		return "the manifest has a text again that was agreed to before, but gives the agent more than what is in force, so it waits for `bottle trust`: " + more, nil
	case trusted == untrusted:
		return "the changed manifest gives the agent more, so it waits for `bottle trust`: " + more, nil
	}
	return "", nil
}

// goneText is about a project's manifest that is not the bottle's any more; now
// is the one that is found instead. Without a file nobody can tell what was
// meant: an editor may be about to write it, or a checkout.
func (r *reloader) goneText(now *manifest.File) string {
	was, found := r.agreed.Project, ""
	switch {
	case was == nil:
		return "the bottle was started without a project's manifest, so one counts from the next start on; what is in force stays"
	case now != nil:
		found = fmt.Sprintf(" (%s, which is found instead, is not believed)", now.Path)
	}
	return fmt.Sprintf("the project's manifest %s is gone%s, so the policy that is in force stays: put the file back, or end the bottle with `bottle down`", was.Path, found)
}

// apply gives the proxy what a manifest says.
func (r *reloader) apply(ctx context.Context, m *manifest.Manifest) error {
	if err := checkCommands(m, r.folders); err != nil {
		return err
	}
	yes, err := r.presentYes(m) // before anything else is agreed to
	if err != nil {
		return err
	}
	environ := func() []string { return commandEnviron(r.folders) }
	cfg, _, err := r.user.proxyConfig(ctx, m, secret.Options{Environ: environ, Warn: warnAnew(r.log)})
	if err == nil {
		err = r.put(ctx, m, cfg)
	}
	if err == nil {
		r.spent, r.inForce = yes, cfg
	}
	return err
}

// presentYes is the yes that is there when a manifest comes into force: it counts
// for no later change.
func (r *reloader) presentYes(m *manifest.Manifest) (manifest.TrustEntry, error) {
	if m.Project == nil {
		return manifest.TrustEntry{}, nil
	}
	yes, _, err := r.trust.Entry(m.Project.Path)
	return yes, err
}

func sameFiles(a, b *manifest.Manifest) bool {
	return sameFile(a.Project, b.Project) && sameFile(a.User, b.User)
}

func sameFile(a, b *manifest.File) bool { return a == b || a != nil && b != nil && *a == *b }

func samePath(a, b *manifest.File) bool { return a == b || a != nil && b != nil && a.Path == b.Path }

// setNewBottle keeps which keys of a manifest only a new bottle follows.
func (r *reloader) setNewBottle(m *manifest.Manifest) {
	if r.started != nil {
		r.newBottle = strings.Join(manifest.NeedsNewBottle(r.started, m), ", ")
	}
}

// butNewBottle is the end of a note about a manifest with such keys: they are as
// they were, whatever else is in force.
func (r *reloader) butNewBottle() string {
	if r.newBottle == "" {
		return ""
	}
	return " (this bottle stays as it was started in what needs a new bottle: " + r.newBottle + ")"
}

// note says why what is in force stays, once for the same text in a row.
func (r *reloader) note(text string, cause error) {
	e := &proxy.Event{Time: time.Now(), Type: proxy.EventNote, Session: r.session, Reason: text}
	waits := text
	if cause != nil {
		e.Error = cause.Error()
		waits += ": " + e.Error
	}
	r.setNoted(waits)
	sum := sha256.Sum256([]byte(text + "\x00" + e.Error))
	if sum == r.said {
		return
	}
	r.said = sum
	r.tell(e)
}

// change says what is in force from now on, each time.
func (r *reloader) change(text string) {
	r.setNoted("")
	r.said = [sha256.Size]byte{}
	r.tell(&proxy.Event{Time: time.Now(), Type: proxy.EventNote, Session: r.session, Reason: text})
}

func (r *reloader) setNoted(waits string) {
	if r.noted != nil {
		r.noted(manifestNote{waits: waits, newBottle: r.newBottle})
	}
}

// tell tells the journal and the operator.
func (r *reloader) tell(e *proxy.Event) {
	attrs := []any{}
	if e.Error != "" {
		attrs = append(attrs, "error", e.Error)
	}
	r.log.Warn(e.Reason, attrs...)
	// A journal that cannot be written denies requests; this is only a note.
	_ = r.journal.Record(context.Background(), e)
}
