package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
)

const (
	// minVarying is how many letters and digits a value needs beside its
	// public prefix for its placeholder to be one of its own.
	minVarying = 6
	// sharedRun is the length of text, in bytes, that a placeholder must not
	// have in common with its value.
	sharedRun = 8
	// maxTries bounds the search for a placeholder that has none.
	maxTries = 64
)

// ErrNoPlaceholder is wrapped by the error for a value that cannot have a
// placeholder.
var ErrNoPlaceholder = errors.New("no placeholder can be made")

// Placeholder derives what the agent holds instead of the value of the secret
// of that name, in a project (the path of its folder).
//
// It has the length of the value, and the value's public prefix (sk-ant-oat01-,
// ghp_, …). Every other ASCII digit, lower-case and upper-case letter is
// replaced by one of its kind, and the rest stays: so it needs the same escaping
// everywhere, and is taken for a credential by what looks at the shape. Of a
// JSON web token the header stays, and the payload stays JSON with the same
// keys, times, issuer and audience.
//
// It is the same each time for the same key, project, name and shape of value,
// and has no 8 bytes in a row in common with the value but those that are
// public. A value that Validate refuses, or with too few letters and digits, is
// an error that wraps ErrNoPlaceholder.
func Placeholder(key Key, project, name, value string) (string, error) {
	if err := Validate(value); err != nil {
		return "", noPlaceholder(name, err.Error())
	}
	shape := shapeOf(value)
	if shape.varying < minVarying {
		return "", noPlaceholder(name, "the value has too few letters and digits beside its prefix")
	}
	for try := range uint32(maxTries) {
		p := shape.fill(newStream(key, project, name, try))
		if p != value && !shape.shares(p) {
			return p, nil
		}
	}
	return "", noPlaceholder(name, "the value has long runs without letters and digits")
}

func noPlaceholder(name, why string) error {
	return &placeholderError{name: name, why: why}
}

type placeholderError struct{ name, why string }

func (e *placeholderError) Error() string {
	return "secret " + e.name + ": no placeholder can be made: " + e.why
}

func (e *placeholderError) Unwrap() error { return ErrNoPlaceholder }

// stream is an endless row of bytes: HMAC-SHA256 in counter mode.
type stream struct {
	key   Key
	label []byte
	block uint32
	buf   []byte
}

func newStream(key Key, project, name string, try uint32) *stream {
	// Lengths in front keep ("a", "bc") and ("ab", "c") apart.
	label := []byte("bottle placeholder 1\x00")
	label = binary.BigEndian.AppendUint32(label, uint32(len(project)))
	label = append(label, project...)
	label = binary.BigEndian.AppendUint32(label, uint32(len(name)))
	label = append(label, name...)
	return &stream{key: key, label: binary.BigEndian.AppendUint32(label, try)}
}

func (s *stream) next() byte {
	if len(s.buf) == 0 {
		h := hmac.New(sha256.New, s.key.b[:])
		h.Write(binary.BigEndian.AppendUint32(s.label[:len(s.label):len(s.label)], s.block))
		s.buf = h.Sum(nil)
		s.block++
	}
	b := s.buf[0]
	s.buf = s.buf[1:]
	return b
}

// pick chooses a character evenly.
func (s *stream) pick(from string) byte {
	limit := 256 - 256%len(from)
	for {
		if b := int(s.next()); b < limit {
			return from[b%len(from)]
		}
	}
}

// alphabet holds the characters that stand for a digit and for letters.
type alphabet struct{ digits, lower, upper string }

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
)

var (
	anyText    = alphabet{digits, lower, strings.ToUpper(lower)}
	hexText    = alphabet{digits, lower[:6], strings.ToUpper(lower[:6])}
	base32Text = alphabet{"234567", lower, strings.ToUpper(lower)}
)

// of returns the characters that may stand for c, "" when c stays.
func (a alphabet) of(c byte) string {
	switch {
	case '0' <= c && c <= '9':
		return a.digits
	case 'a' <= c && c <= 'z':
		return a.lower
	case 'A' <= c && c <= 'Z':
		return a.upper
	}
	return ""
}

func (a alphabet) replace(s *stream, text []byte) {
	for i, c := range text {
		if from := a.of(c); from != "" {
			text[i] = s.pick(from)
		}
	}
}
