package secret

import (
	"os"
	"sync"
	"time"
)

// cache holds the last outcome of a source.
type cache struct {
	mu    sync.Mutex
	value string
	err   error
	until time.Time // of what a command did
	since time.Time
	// refresh is the refresh token that came with the last access token.
	refresh string
	info    os.FileInfo // of the file that value was read from
}

// at returns what is held, if it may still be used at that time.
func (c *cache) at(now time.Time) (value string, err error, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.err, now.Before(c.until)
}

func (c *cache) keep(value string, err error, since, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.err, c.since, c.until = value, err, since, until
}

// drop forgets a value that was refused, unless it is newer than pause: then age is
// how old it is.
func (c *cache) drop(value string, now time.Time, pause time.Duration) (age time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.value != value {
		return 0, true // another one is there already
	}
	if age = now.Sub(c.since); age < pause {
		return age, false
	}
	c.until = time.Time{}
	return age, true
}

// refreshed keeps a refresh token and reports whether it is the first one.
func (c *cache) refreshed(token string) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, c.refresh = c.refresh == "", token
	return first
}

// of returns the value that was read from a file, if that is still the same.
func (c *cache) of(info os.FileInfo) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := c.info != nil && os.SameFile(c.info, info) && c.info.Size() == info.Size() && c.info.ModTime().Equal(info.ModTime())
	return c.value, same
}

func (c *cache) keepFile(value string, info os.FileInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.info = value, info
}
