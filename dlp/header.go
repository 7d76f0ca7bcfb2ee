package dlp

import "bytes"

// What is not in a run is found by something else in it: a URL by the @ behind
// its password, a private key by the end of its header.

// maxURL is how far before its @ a URL may start.
const maxURL = maxUser + maxPassword + 32

// pemNeedles end the headers of private keys.
var pemNeedles = [...]string{" PRIVATE KEY-----", " PRIVATE KEY BLOCK-----"}

const pemBegin = "-----BEGIN "

// sampleURLs looks for a password before each @.
func (s *Scanner) sampleURLs() {
	i := int(s.atAt - s.base)
	for {
		n := bytes.IndexByte(s.buf[i:], '@')
		if n < 0 {
			break
		}
		if start, index := s.urlBefore(i + n); index >= 0 {
			s.consider(start, index)
		}
		i += n + 1
	}
	s.atAt = s.end()
}

// urlBefore returns where a URL starts of which s.buf[:i] ends with the password
// or a part of it, and its literal, or -1.
func (s *Scanner) urlBefore(i int) (start int, index int32) {
	least := max(0, i-maxPassword)
	for i > least && urlPassword[s.buf[i-1]] {
		i--
	}
	if i == 0 || s.buf[i-1] != ':' {
		return 0, -1
	}
	i--
	least = max(0, i-maxUser)
	for i > least && urlUser[s.buf[i-1]] {
		i--
	}
	for _, index := range s.engine.urls {
		if prefix := s.engine.literals[index].text; bytes.HasSuffix(s.buf[:i], []byte(prefix)) {
			return i - len(prefix), index
		}
	}
	return 0, -1
}

// urlTail returns the index from which the end of the buffer may be a URL whose
// @ is not there yet.
func (s *Scanner) urlTail() int {
	if start, index := s.urlBefore(len(s.buf)); index >= 0 && s.boundary(start, s.engine.literals[index].body) {
		return start
	}
	return len(s.buf)
}

// considerHeader judges the form whose header the needle at s.buf[at] ends.
func (s *Scanner) considerHeader(at int, l *literal) {
	b := s.buf[max(0, at-maxLabel-len(pemBegin)) : at+1]
	if i := bytes.LastIndex(b, []byte(pemBegin)); i >= 0 {
		s.consider(at+1-len(b)+i, l.header)
	}
}

// pemTail returns the index from which the end of the buffer may be the header
// of a private key whose end is not there yet.
func (s *Scanner) pemTail() int {
	least := max(0, len(s.buf)-maxLabel-len(pemBegin)-len(pemNeedles[0]))
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
