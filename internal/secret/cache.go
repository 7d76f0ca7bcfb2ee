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
	until time.Time   // of what a command did
	info  os.FileInfo // of the file that value was read from
}

// at returns what is held, if it may still be used at that time.
func (c *cache) at(now time.Time) (value string, err error, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.err, now.Before(c.until)
}

func (c *cache) keep(value string, err error, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.err, c.until = value, err, until
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
