// Package oid has the names of git objects, in both of git's object formats.
package oid

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git's object format; what is pushed is looked up by it, nothing is trusted for it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
)

// Format is an object format: which hash names the objects of a repository
// (gitformat-pack(5), hash-function-transition). The zero value is SHA1.
type Format uint8

// The formats.
const (
	SHA1 Format = iota
	SHA256
)

// ParseFormat returns the format of that name, as in the capability
// object-format.
func ParseFormat(name string) (Format, bool) {
	switch name {
	case "sha1":
		return SHA1, true
	case "sha256":
		return SHA256, true
	}
	return SHA1, false
}

func (f Format) String() string {
	if f == SHA256 {
		return "sha256"
	}
	return "sha1"
}

// Size is the length of an ID in bytes: 20 or 32.
func (f Format) Size() int {
	if f == SHA256 {
		return sha256.Size
	}
	return sha1.Size
}

// New returns the hash function.
func (f Format) New() hash.Hash {
	if f == SHA256 {
		return sha256.New()
	}
	return sha1.New() //nolint:gosec // see above
}

// Zero is the ID that stands for no object.
func (f Format) Zero() ID { return ID{format: f} }

// ID is the name of an object. It is comparable. The zero value is the zero ID
// of SHA1.
type ID struct {
	format Format
	sum    [sha256.Size]byte
}

var errID = errors.New("an object ID is 40 or 64 small hexadecimal digits")

// Parse reads an ID of 40 or 64 small hexadecimal digits; the length tells the
// format.
func Parse[T ~string | ~[]byte](s T) (ID, error) {
	var id ID
	switch len(s) {
	case 2 * SHA1.Size():
	case 2 * SHA256.Size():
		id.format = SHA256
	default:
		return ID{}, errID
	}
	b := []byte(s)
	if bytes.ContainsAny(b, "ABCDEF") { // git writes small ones, and reads others as another spelling of the same
		return ID{}, errID
	}
	if _, err := hex.Decode(id.sum[:id.format.Size()], b); err != nil {
		return ID{}, errID
	}
	return id, nil
}

// From returns the ID that the first Size bytes of b are.
func (f Format) From(b []byte) ID {
	id := ID{format: f}
	copy(id.sum[:f.Size()], b[:f.Size()])
	return id
}

// Format returns which format the ID is of.
func (id ID) Format() Format { return id.format }

// IsZero reports whether the ID stands for no object.
func (id ID) IsZero() bool { return id.sum == [sha256.Size]byte{} }

// Bytes returns the ID as it stands in trees and packs.
func (id *ID) Bytes() []byte { return id.sum[:id.format.Size()] }

// Compare orders IDs as git does, by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id.sum[:], other.sum[:]) }

// String returns the hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id.Bytes()) }

// Short returns the first 12 digits, for people.
func (id ID) Short() string { return id.String()[:12] }
