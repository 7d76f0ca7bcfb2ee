package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// file is what the writer does to a segment.
type file interface {
	io.Writer
	Truncate(size int64) error
	Sync() error
	Close() error
}

type openFunc func(path string, flag int) (file, error)

func openFile(path string, flag int) (file, error) { return os.OpenFile(path, flag, 0o600) }

// A segment is named by the number of its first line, in digits enough for
// names to sort as numbers.
const (
	segmentSuffix = ".jsonl"
	nameDigits    = 16
)

// A line with a number from maxSeq on was not written by a Writer: it goes on from
// numbers below maxStart only, and does not live to write as many as lie between.
const (
	maxSeq   = 1 << 53
	maxStart = 1 << 52
)

func segmentName(first uint64) string { return numberedName(first, segmentSuffix) }

func parseSegmentName(name string) (first uint64, ok bool) {
	first, ok = parseNumbered(name, segmentSuffix)
	return first, ok && first < maxStart
}

// numberedName names a file of a journal by a number above 0.
func numberedName(number uint64, suffix string) string {
	return fmt.Sprintf("%0*d%s", nameDigits, number, suffix)
}

func parseNumbered(name, suffix string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != nameDigits {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && number > 0
}

// segments returns the numbers that the segments of a journal begin with, in
// order.
func segments(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []uint64
	for _, e := range entries {
		if first, ok := parseSegmentName(e.Name()); ok {
			list = append(list, first)
		}
	}
	slices.Sort(list)
	return list, nil
}

// totalSize is that of all segments.
func totalSize(dir string) (int64, error) {
	list, err := segments(dir)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, first := range list {
		info, err := os.Stat(segmentPath(dir, first))
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}

// syncDir makes the names in a folder durable. Some file systems have no fsync
// for folders and say so.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func segmentPath(dir string, first uint64) string { return filepath.Join(dir, segmentName(first)) }
