package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// MaxSide bounds what Sides reads of one file, in bytes.
const MaxSide = 1 << 20

// Side is what stands at a path.
type Side struct {
	There bool
	Link  bool // Text is its target
	Exec  bool
	Large bool // a file of more than MaxSide bytes: Text is empty
	Text  string
}

// Sides reads files of a person's folder and of the copy that was made of it. No link
// is followed, whatever the agent made of the folders on the way. It is not safe for
// concurrent use.
type Sides struct{ host, copied *dir }

// OpenSides opens both folders.
func OpenSides(host, target string) (*Sides, error) {
	h, err := openDir(host)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	c, err := openDir(target)
	if err != nil {
		h.close()
		return nil, fmt.Errorf("open the copy: %w", err)
	}
	return &Sides{h, c}, nil
}

// Close closes them.
func (s *Sides) Close() {
	s.host.close()
	s.copied.close()
}

// Read returns what the host and the copy have at a path of PullItem.
func (s *Sides) Read(path string) (host, copied Side, err error) {
	if host, err = sideOf(s.host, path); err == nil {
		copied, err = sideOf(s.copied, path)
	}
	return host, copied, err
}

func sideOf(top *dir, path string) (Side, error) {
	d, name, err := lookup(top, path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) {
		return Side{}, nil
	}
	if err != nil {
		return Side{}, err
	}
	defer d.close()
	st, err := d.lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Side{}, nil
	case err != nil:
		return Side{}, err
	case st.isLink():
		target, err := d.readlink(name)
		return Side{There: true, Link: true, Text: target}, err
	case !st.isRegular():
		return Side{}, nil // a folder has what is in it
	}
	f, st, err := d.open(name)
	if err != nil {
		return Side{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSide+1))
	side := Side{There: true, Exec: st.perm()&0o111 != 0, Large: len(text) > MaxSide}
	if !side.Large {
		side.Text = string(text)
	}
	return side, err
}
