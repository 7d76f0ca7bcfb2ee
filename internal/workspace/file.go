package workspace

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
)

const (
	copyBuffer = 128 << 10
	copyTries  = 3
	maxMatches = 100 // per file; who has more in one file has one problem
)

var errChanged = errors.New("changed while it was copied")

// unreadable is an error on the side of the source: the copy goes on without
// the path where it can.
type unreadable struct {
	path string
	err  error
}

func (e *unreadable) Error() string { return e.path + ": " + e.err.Error() }
func (e *unreadable) Unwrap() error { return e.err }

// pump moves the bytes of a file past the hash and the scanner.
type pump struct {
	buf     []byte
	sum     hash.Hash
	scanner FileScanner // nil: no scan
	noClone bool        // the file systems cannot share blocks
}

func newPump(scanner FileScanner) *pump {
	return &pump{buf: make([]byte, copyBuffer), sum: sha256.New(), scanner: scanner}
}

// run reads size bytes of in. It writes them to out unless that is nil. The
// first error is the reader's, the second the writer's or step's, which is
// called with the length of each piece.
func (p *pump) run(out *os.File, in io.Reader, size int64, step func(int) error) (found []Match, readErr, err error) {
	p.sum.Reset()
	if p.scanner != nil {
		p.scanner.Reset()
	}
	in = io.LimitReader(in, size)
	hole := false
	for {
		n, rerr := io.ReadFull(in, p.buf)
		piece := p.buf[:n]
		_, _ = p.sum.Write(piece) // never fails
		found = p.note(found, piece)
		if out != nil {
			if hole, err = writeSparse(out, piece); err != nil {
				return nil, nil, err
			}
		}
		if err = step(n); err != nil {
			return nil, nil, err
		}
		switch {
		case errors.Is(rerr, io.EOF), errors.Is(rerr, io.ErrUnexpectedEOF):
			if p.scanner != nil {
				found = capped(found, p.scanner.Close())
			}
			if hole {
				end, serr := out.Seek(0, io.SeekCurrent)
				return found, nil, cmp.Or(serr, out.Truncate(end))
			}
			return found, nil, nil
		case rerr != nil:
			return nil, rerr, nil
		}
	}
}

func (p *pump) note(found []Match, piece []byte) []Match {
	if p.scanner == nil || len(piece) == 0 {
		return found
	}
	return capped(found, p.scanner.Write(piece))
}

func capped(found, more []Match) []Match {
	return append(found, more[:min(len(more), maxMatches-len(found))]...)
}

// writeSparse leaves a hole for zeros, and says whether the file ends in one.
func writeSparse(out *os.File, piece []byte) (bool, error) {
	if len(piece) == 0 {
		return true, nil // the end: whatever was left out last is made up for
	}
	if len(piece) == copyBuffer && allZero(piece) {
		_, err := out.Seek(int64(len(piece)), io.SeekCurrent)
		return true, err
	}
	_, err := out.Write(piece)
	return false, err
}

var zeros [4096]byte

func allZero(b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), len(zeros))
		if !bytes.Equal(b[:n], zeros[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

// digest is the hash of what ran last.
func (p *pump) digest() string { return hex.EncodeToString(p.sum.Sum(nil)) }

// file copies a regular file. A file that somebody writes to is tried again a
// few times; then, and when it cannot be read, the error is an *unreadable and
// nothing is left in dst.
func (c *copier) file(src, dst *dir, rel, name string) error {
	files, size := c.report.Files, c.report.Bytes
	for range copyTries {
		c.report.Files, c.report.Bytes = files, size
		done, err := c.try(src, dst, rel, name)
		if done && err == nil {
			return nil
		}
		if uerr := dst.unlink(name); uerr != nil && !errors.Is(uerr, os.ErrNotExist) {
			return uerr
		}
		if err != nil {
			return err
		}
	}
	c.report.Files, c.report.Bytes = files, size
	return &unreadable{rel, errChanged}
}

// try copies a file once; it says no if the file changed meanwhile.
func (c *copier) try(src, dst *dir, rel, name string) (bool, error) {
	in, before, err := src.open(name)
	if err != nil {
		return false, &unreadable{rel, err}
	}
	defer in.Close()
	if err := c.count(1, 0); err != nil {
		return false, err
	}
	out, err := dst.create(name)
	if err != nil {
		return false, fmt.Errorf("create %s: %w", rel, err)
	}
	defer out.Close()
	found, readErr, err := c.move(out, in, before.size)
	if err != nil {
		return false, fmt.Errorf("copy %s: %w", rel, err)
	}
	if readErr != nil {
		return false, &unreadable{rel, readErr}
	}
	after, err := fstat(int(in.Fd()))
	if err != nil {
		return false, &unreadable{rel, err}
	}
	if !before.same(after) {
		return false, nil
	}
	err = c.own.give(out, before.perm())
	if err == nil {
		err = dst.setTime(name, before.mtime)
	}
	if err == nil {
		err = c.secrets(out, rel, found)
	}
	if err != nil {
		return false, fmt.Errorf("copy %s: %w", rel, err)
	}
	return true, nil
}

// move fills out from in, by sharing the blocks where the file system can.
func (c *copier) move(out, in *os.File, size int64) ([]Match, error, error) {
	step := func(n int) error { return c.count(0, int64(n)) }
	if size > 0 && !c.pump.noClone {
		if err := clone(out, in); err == nil {
			return c.pump.run(nil, out, size, step)
		}
		c.pump.noClone = true
	}
	return c.pump.run(out, in, size, step)
}

// secrets reports what the scanner found in a file, by line.
func (c *copier) secrets(f *os.File, rel string, found []Match) error {
	slices.SortFunc(found, func(a, b Match) int { return cmp.Compare(a.Offset, b.Offset) })
	line, at := 1, int64(0)
	for _, m := range found {
		for at < m.Offset {
			n, err := f.ReadAt(c.pump.buf[:min(int64(copyBuffer), m.Offset-at)], at)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if n == 0 {
				break
			}
			line += bytes.Count(c.pump.buf[:n], []byte("\n"))
			at += int64(n)
		}
		c.report.Secrets.add(Secret{Path: rel, Line: line, Rule: m.Rule, Name: m.Name})
	}
	return nil
}
