package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The largest file that is read, in bytes: a bare value, or JSON that holds
// one.
const (
	maxFile     = MaxLength + 2
	maxJSONFile = 1 << 20
)

// settled is how old a file must be for its time stamp to be trusted: two
// writes within one tick of the file system's clock look the same.
const settled = 2 * time.Second

func (s *Secret) fileValue() (string, error) {
	path := s.source.File
	f, info, err := openFile(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if v, ok := s.cache.of(info); ok {
		return v, nil
	}
	limit := int64(maxFile)
	if s.source.Pointer != "" {
		limit = maxJSONFile
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	if int64(len(b)) > limit {
		return "", fmt.Errorf("file %s has more than %d bytes", path, limit)
	}
	v := trimNewline(string(b))
	if s.source.Pointer != "" {
		if v, err = jsonString(b, s.source.Pointer); err != nil {
			return "", fmt.Errorf("file %s: %w", path, err)
		}
	}
	if err := usable(v); err != nil {
		return "", fmt.Errorf("the value in file %s: %w", path, err)
	}
	if s.opts.Now().Sub(info.ModTime()) > settled {
		s.cache.keepFile(v, info)
	}
	return v, nil
}

// openFile opens a regular file. A pipe or a device is refused, for reading one
// can block for ever or have an effect.
func openFile(path string) (*os.File, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("file: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = checkMode(path, info)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func checkFile(path string) (warnings []string, err error) {
	// A pipe is not even opened here: that alone can wake its writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	if warnings, err = checkMode(path, info); err != nil {
		return nil, err
	}
	f, _, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return warnings, f.Close()
}

func checkMode(path string, info os.FileInfo) (warnings []string, err error) {
	perm := info.Mode().Perm()
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("file %s is not a regular file", path)
	case perm&0o002 != 0:
		return nil, fmt.Errorf("file %s can be changed by every user of this machine: chmod 600 it", path)
	case perm&0o044 != 0:
		return []string{fmt.Sprintf("file %s can be read by other users of this machine: chmod 600 it", path)}, nil
	}
	return nil, nil
}

// jsonString finds the string that a JSON pointer names. The decoder's own
// errors quote the text, so they are not passed on.
func jsonString(b []byte, pointer string) (string, error) {
	keys, err := splitPointer(pointer)
	if err != nil {
		return "", err
	}
	var at any
	if err := json.Unmarshal(b, &at); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return "", fmt.Errorf("it is not JSON (byte %d)", syntax.Offset)
		}
		return "", errors.New("it is not JSON")
	}
	for _, k := range keys {
		found := false
		switch v := at.(type) {
		case map[string]any:
			at, found = v[k]
		case []any:
			// RFC 6901, section 4: no sign, no leading zero.
			if i, err := strconv.Atoi(k); err == nil && strconv.Itoa(i) == k && 0 <= i && i < len(v) {
				at, found = v[i], true
			}
		}
		if !found {
			return "", fmt.Errorf("it has nothing at %s", pointer)
		}
	}
	v, ok := at.(string)
	if !ok {
		return "", fmt.Errorf("what it has at %s is not a string", pointer)
	}
	return v, nil
}

func splitPointer(s string) ([]string, error) {
	if !strings.HasPrefix(s, "/") {
		return nil, fmt.Errorf("%q is not a JSON pointer, such as /accounts/0/token", s)
	}
	keys := strings.Split(s[1:], "/")
	for i, k := range keys {
		rest := strings.ReplaceAll(strings.ReplaceAll(k, "~0", ""), "~1", "")
		if strings.Contains(rest, "~") {
			return nil, fmt.Errorf("%q is not a JSON pointer: ~ is written ~0, and / inside a key ~1", s)
		}
		keys[i] = strings.ReplaceAll(strings.ReplaceAll(k, "~1", "/"), "~0", "~")
	}
	return keys, nil
}
