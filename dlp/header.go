package dlp

import (
	"bytes"
	"math/bits"
)

// What is not in a run is found by something else in it: a URL by the @ behind
// its password, a private key by the end of its header.

// maxURL is how far before its @ a URL may start.
const maxURL = maxUser + maxPassword + 32

// pemEnds end the headers of private keys.
var pemEnds = [...]string{" PRIVATE KEY-----", " PRIVATE KEY BLOCK-----"}

// minHeader is less than any of them has with what is before.
const minHeader = 8

const pemBegin = "-----BEGIN "

// seeURLs looks for a password before each @ in the block at s.buf[i:].
func (s *Scanner) seeURLs(ats uint64, i int) {
	for ; ats != 0; ats &= ats - 1 {
		end := i + bits.TrailingZeros64(ats)
		if at := s.schemeBefore(end); at >= 0 {
			s.looks = append(s.looks, look{lookURL, s.base + int64(at), s.base + int64(end), s.base + int64(at), s.base + int64(end) + maxDBHost + 2, 0})
		}
	}
}

// schemeBefore returns the index of the "://" of a URL of which s.buf[:i] ends
// with the user, or user and password, or a part of them, or -1.
func (s *Scanner) schemeBefore(i int) int {
	for least := max(0, i-maxURL); i > least && (urlPassword[s.buf[i-1]] || s.buf[i-1] == ':'); {
		i--
	}
	if i < len("://") || string(s.buf[i-len("://"):i]) != "://" {
		return -1
	}
	return i - len("://")
}

// urlTail returns the index from which the end of the buffer may be a URL whose
// @ is not there yet.
func (s *Scanner) urlTail() int {
	if at := s.schemeBefore(len(s.buf)); at >= 0 {
		return at
	}
	return len(s.buf)
}

// considerHeader judges the forms whose header ends with one of pemEnds at s.buf[at].
func (s *Scanner) considerHeader(at int) {
	b := s.buf[max(0, at-maxLabel-len(pemBegin)) : at+1]
	if i := bytes.LastIndex(b, []byte(pemBegin)); i >= 0 {
		for _, h := range s.engine.headers {
			s.consider(at+1-len(b)+i, h)
		}
	}
}

// pemTail returns the index from which the end of the buffer may be the header
// of a private key whose end is not there yet.
func (s *Scanner) pemTail() int {
	least := max(0, len(s.buf)-maxLabel-len(pemBegin)-len(pemEnds[0]))
	for i := least; ; i++ {
		n := bytes.IndexByte(s.buf[i:], '-')
		if n < 0 {
			return len(s.buf)
		}
		if i += n; s.mayBeHeader(i) {
			return i
		}
	}
}

func (s *Scanner) mayBeHeader(i int) bool {
	n, ok := hasPrefix(s.buf[i:], pemBegin)
	if !ok || !leftBoundary(s.buf, i, label) && !s.boundary(i, label) {
		return false
	}
	if n < len(pemBegin) {
		return true
	}
	_, _, v := privateKey(s.buf[i:], n, false)
	return v == more
}
