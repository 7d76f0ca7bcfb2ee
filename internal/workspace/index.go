package workspace

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	maxIndexEntries = 1 << 22
	maxTrackedBytes = 64 << 20 // of the names that readTracked keeps
	maxName         = 1 << 15
)

var errIndex = errors.New("malformed index")

// readIndex calls entry with the path of each entry of an index.
func readIndex(r io.Reader, hashSize int, entry func(path string) error) error {
	return readEntries(r, hashSize, func(path string, _ []byte) error {
		if path == "" {
			return nil // a split index changes the entry of the shared one
		}
		return entry(path)
	})
}

// readEntries calls entry with the path of each entry of an index of version 2
// to 4, gitformat-index(5), and the name of its object, in the order of the file. It reads as a stream and
// holds one path: go-git's decoder holds all of them, and knows no split index
// and no SHA-256.
func readEntries(r io.Reader, hashSize int, entry func(path string, object []byte) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	var head [12]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return fmt.Errorf("%w: %w", errIndex, err)
	}
	version, count := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])
	if string(head[:4]) != "DIRC" || version < 2 || version > 4 || count > maxIndexEntries {
		return errIndex
	}
	var name []byte
	object := make([]byte, hashSize)
	for range count {
		var err error
		if name, err = readEntry(br, version, object, name); err != nil {
			return fmt.Errorf("%w: %w", errIndex, err)
		}
		if err := entry(string(name), object); err != nil {
			return err
		}
	}
	return nil
}

// readEntry returns the next path; last is the one before, which version 4
// builds on and whose memory is used again. It fills in the object's name.
func readEntry(br *bufio.Reader, version uint32, object, last []byte) ([]byte, error) {
	const times = 40 // ctime, mtime, dev, ino, mode, uid, gid, size
	size := times + len(object) + 2
	if _, err := br.Discard(times); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(br, object); err != nil {
		return nil, err
	}
	var flags [2]byte
	if _, err := io.ReadFull(br, flags[:]); err != nil {
		return nil, err
	}
	if flags[0]&0x40 != 0 { // extended
		if _, err := br.Discard(2); err != nil {
			return nil, err
		}
		size += 2
	}
	name := last[:0]
	if version == 4 {
		strip, err := readOffset(br)
		if err != nil {
			return nil, err
		}
		if strip > uint64(len(last)) {
			return nil, errors.New("a name of negative length")
		}
		name = last[:uint64(len(last))-strip]
	}
	name, err := readName(br, name)
	if err != nil || version == 4 {
		return name, err
	}
	// One to eight NULs end the name, so that the entry's size is a multiple
	// of eight. One of them is read.
	_, err = br.Discard(7 - (size+len(name))%8)
	return name, err
}

func readName(br *bufio.Reader, name []byte) ([]byte, error) {
	for {
		c, err := br.ReadByte()
		if err != nil {
			return nil, err
		}
		if c == 0 {
			return name, nil
		}
		if len(name) == maxName {
			return nil, errors.New("a name that is too long")
		}
		name = append(name, c)
	}
}

// readOffset reads an integer as pack offsets are written.
func readOffset(br *bufio.Reader) (uint64, error) {
	var n uint64
	for i := range 5 {
		c, err := br.ReadByte()
		if err != nil {
			return 0, err
		}
		if i > 0 {
			n++
		}
		n = n<<7 | uint64(c&0x7f)
		if c&0x80 == 0 {
			return n, nil
		}
	}
	return 0, errors.New("a number that is too long")
}

// readTracked fills in what the index has although the rules ignore it: git
// has its own way with those, and so has the copy. top is the folder the
// repository's work tree is in.
func (r *rules) readTracked(ctx context.Context, top, git *dir, hashSize int) error {
	w := indexWalk{ctx: ctx, rules: r, stack: []indexDir{{d: top}}}
	r.levels = r.levels[:1] // the exclude file of the repository
	_ = r.enter(top, nil)   // an error is the walk's to report
	defer func() {
		w.pop(1)
		r.levels = r.levels[:1]
		slices.Sort(r.tracked)
	}()
	names, err := git.entries()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != "index" && !strings.HasPrefix(name, "sharedindex.") {
			continue
		}
		f, _, err := git.open(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		err = readIndex(f, hashSize, w.entry)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// indexWalk follows the sorted paths of an index down the folders, so that
// each ignore file is read once.
type indexWalk struct {
	ctx   context.Context
	rules *rules
	stack []indexDir // the first is the top
	bytes int
}

type indexDir struct {
	name    string
	d       *dir // nil if it is not there
	ignored bool
}

func (w *indexWalk) pop(to int) {
	for len(w.stack) > to {
		if d := w.stack[len(w.stack)-1].d; d != nil {
			d.close()
		}
		w.stack = w.stack[:len(w.stack)-1]
		w.rules.leave()
	}
}

func (w *indexWalk) entry(path string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(segments) > maxDepth {
		return errDepth
	}
	last := len(segments) - 1
	common := 1
	for common <= last && common < len(w.stack) && w.stack[common].name == segments[common-1] {
		common++
	}
	w.pop(common)
	for i := common - 1; i < last; i++ {
		parent := w.stack[i]
		next := indexDir{name: segments[i]}
		next.ignored = parent.ignored || w.rules.ignored(segments[:i+1], true)
		if parent.d != nil && validName(segments[i]) {
			next.d, _ = parent.d.sub(segments[i])
		}
		if next.d != nil && !next.ignored {
			_ = w.rules.enter(next.d, segments[:i+1])
		} else {
			w.rules.levels = append(w.rules.levels, level{depth: i + 1})
		}
		w.stack = append(w.stack, next)
	}
	// A gitlink or a sparse folder is told from a file by the tree itself: a
	// rule for folders only must not lose it.
	if !w.stack[last].ignored && !w.rules.ignored(segments, true) {
		return nil
	}
	if w.bytes += len(path); w.bytes > maxTrackedBytes {
		return fmt.Errorf("the names of files that are tracked and ignored take more than %d bytes", maxTrackedBytes)
	}
	w.rules.tracked = append(w.rules.tracked, strings.TrimSuffix(path, "/"))
	return nil
}

func validName(s string) bool { return s != "" && s != "." && s != ".." }
