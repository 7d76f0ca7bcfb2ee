package bottle

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

const (
	// probeTimeout bounds how long a start can wait for servers of git. They are asked
	// while the workspace is copied, so mostly it waits for none.
	probeTimeout = 3 * time.Second
	// maxProbes bounds how many repositories are asked about, maxProbing at a time.
	maxProbes, maxProbing = 16, 4
)

// probePushes asks the servers of repositories that may be pushed to whether they take
// a push with the credential that is held for them: the agent would learn it at the
// end of its work otherwise. The returned function waits for the answers, and warns.
func (b *Bottle) probePushes(ctx context.Context, timeout time.Duration) (tell func()) {
	repos := pushable(b.prepared.Manifest)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	at := semaphore.NewWeighted(maxProbing)
	answers := make([]chan error, len(repos))
	for i, r := range repos {
		answers[i] = make(chan error, 1)
		go func() {
			err := at.Acquire(ctx, 1)
			if err == nil {
				defer at.Release(1)
				err = b.canPush(ctx, r)
			}
			answers[i] <- err
		}()
	}
	return func() {
		defer cancel()
		for i, r := range repos {
			select {
			case err := <-answers[i]:
				b.warnPush(ctx, r, err)
			case <-ctx.Done():
				b.warnPush(ctx, r, ctx.Err())
			}
		}
	}
}

// repoName is HOST and the path there.
type repoName struct{ host, path string }

// pushable are the first repositories that a rule lets be pushed to.
func pushable(m *manifest.Manifest) (list []repoName) {
	for i := range m.Git {
		h := &m.Git[i]
		for j := range h.Repos {
			if r := &h.Repos[j]; r.Access != manifest.GitRead && len(list) < maxProbes {
				list = append(list, repoName{h.Name, r.Path})
			}
		}
	}
	return list
}

func (b *Bottle) canPush(ctx context.Context, r repoName) (err error) {
	b.server.UseGate(b.record.ID, r.host, func(g proxy.Gate, c *proxy.GateCall) {
		if gate, ok := g.(*gitgate.Gate); ok {
			err = gate.CanPush(ctx, c, r.path)
		}
	})
	return err
}

func (b *Bottle) warnPush(ctx context.Context, r repoName, err error) {
	if err == nil {
		return
	}
	text := fmt.Sprintf("git: the agent may push to %s/%s, but cannot as it is: %v", r.host, r.path, err)
	if ctx.Err() != nil {
		text = fmt.Sprintf("git: whether the agent can push to %s/%s is not known, since the server did not answer in time", r.host, r.path)
	}
	b.log.Warn(text)
	// A journal that takes no more is no reason to fail: nothing was decided.
	_ = b.journal.Record(context.WithoutCancel(ctx), &proxy.Event{Time: time.Now(), Type: proxy.EventNote, Session: b.record.ID, Reason: text})
}
