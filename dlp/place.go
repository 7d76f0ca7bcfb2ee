package dlp

// The places of credentials: what is assigned to a name, a header's value behind
// its scheme, the password of a URL, the password behind a user in Basic
// authentication.

const (
	// placeAhead is how much of the stream behind a weak value tells whether it
	// ends there.
	placeAhead = 24
	// maxAuthScheme is the longest name of an authentication scheme.
	maxAuthScheme = 12
	// maxBasicUser is the longest user of Basic authentication before a weak value.
	maxBasicUser = 64
)

// judgeWeak judges a weak value whose text starts at s.buf[at].
func (s *Scanner) judgeWeak(l *literal, at, n int, final bool) verdict {
	end := at + n
	switch {
	case end+placeAhead > len(s.buf) && !final:
		return more
	case s.isPlace(l, at, end):
		return match
	}
	return miss
}

// isPlace reports whether s.buf[from:to] is a whole token where a credential
// stands. A value that may be a word needs a name that says so.
func (s *Scanner) isPlace(l *literal, from, to int) bool {
	b := s.buf
	if byteAt(b, to) == '@' && byteAt(b, from-1) == ':' {
		user := urlUser.spanBack(b, from-1, from-1-maxUser)
		return user >= 3 && string(b[user-3:user]) == "://"
	}
	if s.isBasic(from, to) {
		return true
	}
	if a, ok := assignmentBefore(b, from); ok {
		return a.ends(b, to) && (l.plain || namesSecret(b[a.from:a.to]))
	}
	// Authorization: Bearer VALUE
	blank := skipBlanks(b, from)
	scheme := alnum.spanBack(b, blank, blank-maxAuthScheme)
	if blank == from || scheme == blank {
		return false
	}
	a, ok := assignmentBefore(b, scheme)
	return ok && a.ends(b, to) && namesSecret(b[a.from:a.to])
}

// isBasic reports whether the text of a layer is a user, a colon and the value.
func (s *Scanner) isBasic(from, to int) bool {
	if s.depth == 0 || s.base > 0 || to < len(s.buf) || byteAt(s.buf, from-1) != ':' || from-1 > maxBasicUser {
		return false
	}
	for _, c := range s.buf[:from-1] {
		if c <= ' ' || c == ':' || c > '~' {
			return false
		}
	}
	return true
}

// isPlainKey reports whether a short value looks like a key rather than a word, a
// number or an address, so that any name may have it.
func isPlainKey(v string) bool {
	b := []byte(v)
	return entropy(b) >= minBits && mixed(b) && !wordLike(b) && valueBody.span(b, 0, len(b)) == len(b) && !isUUID(b)
}
