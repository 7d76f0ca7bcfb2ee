package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/bot-bottle/bottle/proxy"
)

const (
	// BodyFileSize is the size at which the next file of bodies is begun.
	BodyFileSize = 16 << 20

	// MaxBodies is what all bodies of a journal take on disk. The oldest file goes
	// to make room; the lines about its bodies stay, with their digests.
	MaxBodies = 256 << 20

	// maxBody bounds the body that a reader takes into memory. It is more than a
	// proxy keeps of one.
	maxBody = 1 << 20

	bodiesDir  = "bodies"
	bodySuffix = ".bodies"
)

// ErrBodyChanged is that of a body that is not what its line in the journal says.
var ErrBodyChanged = errors.New("it is not what the journal says of it")

// ErrBodyGone is that of a body that made room for newer ones.
var ErrBodyGone = errors.New("it made room for newer ones")

// bodyFiles are the recorded bodies of a journal: files that are only added to.
type bodyFiles struct {
	dir            string
	perFile, limit int64 // bytes

	mu     sync.Mutex
	opened bool
	closed bool
	f      *os.File // nil before the first one
	number uint64   // of f, or of the last one before
	size   int64    // of f
	older  []oldBodies
	total  int64 // of all
}

type oldBodies struct {
	number uint64
	size   int64
}

func bodyName(number uint64) string { return numberedName(number, bodySuffix) }

func parseBodyName(name string) (number uint64, ok bool) { return parseNumbered(name, bodySuffix) }

// KeepBody implements [proxy.BodyStore]. A body is handed to the kernel and not
// fsynced, so that a crash of the machine may lose the last ones: then they are not
// what their lines say.
func (w *Writer) KeepBody(text []byte) (proxy.BodyPlace, error) { return w.bodies.keep(text) }

func (b *bodyFiles) keep(text []byte) (proxy.BodyPlace, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return proxy.BodyPlace{}, ErrClosed
	}
	n := int64(len(text))
	if err := b.makeRoom(n); err != nil {
		return proxy.BodyPlace{}, err
	}
	if _, err := b.f.Write(text); err != nil {
		// It goes on in this file: on a full disk each body would leave an empty one.
		if cut := b.f.Truncate(b.size); cut != nil {
			err = errors.Join(err, b.next(cut))
		}
		return proxy.BodyPlace{}, err
	}
	sum := sha256.Sum256(text)
	p := proxy.BodyPlace{File: bodyName(b.number), Offset: b.size, Length: len(text), SHA256: hex.EncodeToString(sum[:])}
	b.size, b.total = b.size+n, b.total+n
	return p, nil
}

// makeRoom opens a file that has room for so many bytes more.
func (b *bodyFiles) makeRoom(n int64) error {
	if err := b.find(); err != nil {
		return err
	}
	if b.f != nil && b.size > 0 && b.size+n > b.perFile {
		if err := b.next(nil); err != nil {
			return err
		}
	}
	for b.total+n > b.limit && len(b.older) > 0 {
		if err := os.Remove(filepath.Join(b.dir, bodyName(b.older[0].number))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		b.total -= b.older[0].size
		b.older = b.older[1:]
	}
	if b.f != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(b.dir, bodyName(b.number+1)), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	b.f, b.size = f, 0
	b.number++
	return nil
}

// next ends the file, so that another is begun. With an error of it, it is one that
// has bytes beyond its size, which belong to no body.
func (b *bodyFiles) next(broken error) error {
	b.older = append(b.older, oldBodies{b.number, b.size})
	err := errors.Join(broken, b.f.Close())
	b.f = nil
	return err
}

// find looks, once, for what an earlier process left.
func (b *bodyFiles) find() error {
	if b.opened {
		return nil
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	if err := b.list(); err != nil {
		return err
	}
	b.opened = true
	return nil
}

func (b *bodyFiles) list() error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return err
	}
	var older []oldBodies
	for _, e := range entries {
		number, ok := parseBodyName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it made room meanwhile
		}
		if err != nil {
			return err
		}
		older = append(older, oldBodies{number, info.Size()}) // by name, which is by number
	}
	for _, o := range older {
		b.number, b.total = o.number, b.total+o.size
	}
	b.older = older
	return nil
}

func (b *bodyFiles) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.f == nil {
		return nil
	}
	err := b.f.Close()
	b.f = nil
	return err
}

// BodiesSize is what the bodies of the journal in dir take on disk, in bytes.
func BodiesSize(dir string) (int64, error) {
	b := bodyFiles{dir: filepath.Join(dir, bodiesDir)}
	switch err := b.list(); {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return b.total, nil
}

// ReadBody returns what is kept of a body of the journal in dir. The error is
// ErrBodyGone, ErrBodyChanged, or one of the file system.
func ReadBody(dir string, b *proxy.EventBody) ([]byte, error) {
	// What names the file is a line that anybody may have written.
	if _, ok := parseBodyName(b.File); !ok || b.Length < 0 || b.Length > maxBody || b.Offset < 0 {
		return nil, ErrBodyChanged
	}
	f, err := os.Open(filepath.Join(dir, bodiesDir, b.File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrBodyGone
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, b.Length)
	if n, err := f.ReadAt(text, b.Offset); n < b.Length {
		if errors.Is(err, io.EOF) {
			return nil, ErrBodyChanged
		}
		return nil, err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != b.SHA256 {
		return nil, ErrBodyChanged
	}
	return text, nil
}
