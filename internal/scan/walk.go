package scan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Stdin is the path and the name of the standard input.
const Stdin = "-"

// job is one file to read.
type job struct {
	name string
	// open returns nil without an error for what is skipped.
	open func() (io.ReadCloser, error)
	out  chan item
}

type item struct {
	finding Finding
	err     error
}

// walk calls add with the files of all paths, in order, until it returns false.
// What a path names itself is read whatever it is, through symbolic links too.
// In a folder, symbolic links are not followed and only regular files are read.
func walk(opts Options, add func(*job) bool) {
	for _, path := range opts.Paths {
		if path == Stdin {
			if !add(&job{name: Stdin, open: func() (io.ReadCloser, error) { return io.NopCloser(opts.Stdin), nil }}) {
				return
			}
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			if !add(failed(path, err)) {
				return
			}
		case !info.IsDir():
			if !add(&job{name: path, open: func() (io.ReadCloser, error) { return openNamed(path) }}) {
				return
			}
		case !folder(path, opts.All, add):
			return
		}
	}
}

// folder adds the files of a folder and of those in it.
func folder(root string, all bool, add func(*job) bool) bool {
	if info, err := os.Lstat(root); err == nil && info.Mode().Type() == fs.ModeSymlink {
		root += string(filepath.Separator) // WalkDir does not follow it otherwise
	}
	stopped := errors.New("stopped")
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case err != nil:
			if !add(failed(path, err)) {
				return stopped
			}
		case d.IsDir():
			if d.Name() == ".git" && !all && path != filepath.Clean(root) {
				return fs.SkipDir
			}
		case d.Type().IsRegular():
			if !add(&job{name: path, open: func() (io.ReadCloser, error) { return openRegular(path) }}) {
				return stopped
			}
		}
		return nil
	}) == nil
}

func failed(path string, err error) *job {
	return &job{name: path, open: func() (io.ReadCloser, error) { return nil, cause(err) }}
}

// cause leaves the path out of an error, which is reported with it.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	return err
}

func openNamed(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	return f, nil
}

// openRegular opens a file of a folder unless it is something else by now:
// neither a link is followed nor a pipe waited for.
func openRegular(path string) (io.ReadCloser, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, nil
	case err != nil:
		return nil, cause(err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		if err != nil {
			return nil, cause(err)
		}
		return nil, nil
	}
	return f, nil
}
