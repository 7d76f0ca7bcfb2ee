package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Sum is the SHA-256 of a line, in JSON as hexadecimal digits.
type Sum [sha256.Size]byte

// String returns the sum in hexadecimal digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// MarshalText implements encoding.TextMarshaler.
func (s Sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Sum) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(s) {
		return fmt.Errorf("a hash has %d hexadecimal digits, not %d", hex.EncodedLen(len(s)), len(text))
	}
	_, err := hex.Decode(s[:], text)
	return err
}

// Head is the end of a journal at some time: with it, that part of the journal
// can be told from every other.
type Head struct {
	Count uint64 `json:"count"` // lines, so the seq of the last one
	Hash  Sum    `json:"hash"`  // of the last line
}

// String returns the head in the form that ParseHead reads: COUNT:HASH.
func (h Head) String() string { return strconv.FormatUint(h.Count, 10) + ":" + h.Hash.String() }

// ParseHead reads a head that was kept elsewhere.
func ParseHead(s string) (Head, error) {
	var h Head
	count, hash, ok := strings.Cut(strings.TrimSpace(s), ":")
	if !ok {
		return h, errors.New("a journal's head is COUNT:HASH, as `bottle logs verify` prints it")
	}
	var err error
	if h.Count, err = strconv.ParseUint(count, 10, 64); err != nil || h.Count >= maxStart {
		return Head{}, errors.New("a journal's head begins with the number of its lines")
	}
	if err := h.Hash.UnmarshalText([]byte(hash)); err != nil {
		return Head{}, fmt.Errorf("the hash of a journal's head: %w", err)
	}
	return h, nil
}

const (
	headName = "head.json"
	maxHead  = 4 << 10 // bytes read of it
)

// readHead returns an error that is fs.ErrNotExist where there is none. The head
// of a journal without lines is the zero Head.
func readHead(dir string) (Head, error) {
	var h Head
	f, err := os.Open(filepath.Join(dir, headName))
	if err != nil {
		return h, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxHead))
	if err != nil {
		return h, err
	}
	var read struct { // a field that is not there is no zero
		Count *uint64
		Hash  *Sum
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&read); err != nil {
		return h, fmt.Errorf("%s cannot be read: %w", headName, err)
	}
	if read.Count == nil || read.Hash == nil {
		return h, fmt.Errorf("%s cannot be read: it has no count or no hash", headName)
	}
	h = Head{Count: *read.Count, Hash: *read.Hash}
	if h.Count == 0 && h.Hash != (Sum{}) || h.Count >= maxStart {
		return Head{}, fmt.Errorf("%s cannot be read: it counts %d lines", headName, h.Count)
	}
	return h, nil
}

// headFile writes heads. It may be used concurrently.
type headFile struct {
	dir  string
	open openFunc

	mu    sync.Mutex
	saved Head
}

// save replaces the head on disk, unless a later one is there.
func (f *headFile) save(h Head) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h.Count <= f.saved.Count {
		return nil
	}
	return f.replace(h)
}

// begin writes the head of a journal without lines, so that one that was lost
// can be told from one that its writer was killed too early to write.
func (f *headFile) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replace(Head{})
}

func (f *headFile) replace(h Head) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	path := filepath.Join(f.dir, headName)
	if err := f.write(path+".tmp", append(b, '\n')); err != nil {
		return fmt.Errorf("writing %s: %w", headName, err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	f.saved = h
	return nil
}

func (f *headFile) count() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saved.Count
}

func (f *headFile) write(path string, b []byte) error {
	t, err := f.open(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	if err == nil {
		err = t.Sync()
	}
	return errors.Join(err, t.Close())
}
