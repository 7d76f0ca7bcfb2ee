package gitgate

import (
	"errors"
	"net/url"
	"sync"
	"time"
)

const (
	// ticketTime is how long a ticket is good, once.
	ticketTime = time.Hour
	// maxTickets bounds those that are good at a time.
	maxTickets = 20_000
)

// ticket stands for an LFS object on a server, in a URL that the client uses once.
type ticket struct {
	action string // download, upload or verify
	oid    string
	size   int64
	url    *url.URL
	header map[string]string // with credentials, which never leave the host
	host   string
	repo   string
	ends   time.Time
}

// tickets are those that were issued and not used.
type tickets struct {
	now func() time.Time

	mu   sync.Mutex
	open map[string]ticket
}

func newTickets(now func() time.Time) *tickets {
	return &tickets{now: now, open: map[string]ticket{}}
}

func (t *tickets) issue(one ticket) (token string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if len(t.open) >= maxTickets {
		for token, old := range t.open {
			if now.After(old.ends) {
				delete(t.open, token)
			}
		}
	}
	if len(t.open) >= maxTickets {
		return "", errors.New("too many LFS objects were asked for and not fetched")
	}
	one.ends = now.Add(ticketTime)
	token = NewPrefix()
	t.open[token] = one
	return token, nil
}

// take returns a ticket for a repository, which is void then.
func (t *tickets) take(token, host, repo string) (ticket, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, ok := t.open[token]
	if !ok || one.host != host || one.repo != repo {
		return ticket{}, errNoTicket
	}
	delete(t.open, token)
	if t.now().After(one.ends) {
		return ticket{}, errNoTicket
	}
	return one, nil
}
