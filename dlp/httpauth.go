package dlp

import (
	"bytes"
	"encoding/base64"
)

const (
	maxBasic = 344 // characters of base64, for 256 bytes
	// minBasicPassword is the shortest password that is looked at.
	minBasicPassword = 6
	minBearer        = 20
)

// basicAuth wants "Basic " before the run and user:password in it.
func basicAuth(b []byte, start, end int) (int, int, bool) {
	if byteAt(b, start-1) != ' ' || !foldSuffix(b[:start], "basic ") {
		return 0, 0, false
	}
	var text [maxBasic]byte
	n, err := base64.RawStdEncoding.Decode(text[:], b[start:end])
	if err != nil {
		if n, err = base64.RawURLEncoding.Decode(text[:], b[start:end]); err != nil {
			return 0, 0, false
		}
	}
	user, password, ok := bytes.Cut(text[:n], []byte(":"))
	switch {
	case !ok || printable.span(text[:], 0, n) != n:
		return 0, 0, false
	case len(password) == 0 && looksRandom(user):
	case len(password) < minBasicPassword || isCommon(password) || isDocumented(password) || isPublished(password) || foldIndex(password, "password") >= 0 || bytes.HasPrefix(password, []byte("${")):
		return 0, 0, false
	}
	return start, equalSigns.span(b, end, end+2), true
}

// printable are the bytes of users and passwords.
var printable = newClass(" -~\x80-\xff")

// isDocumented tells the passwords that documents show.
func isDocumented(password []byte) bool {
	for _, p := range [...]string{"open sesame", "opensesame", "open-sesame", "hunter2", "passwd", "123456", "foobar", "foobarbaz", "letmein", "x-oauth-basic"} {
		if bytes.EqualFold(password, []byte(p)) {
			return true
		}
	}
	return false
}

// foldSuffix reports whether text ends with lower, in any case, as a word of
// its own.
func foldSuffix(text []byte, lower string) bool {
	at := len(text) - len(lower)
	return at >= 0 && foldPrefix(text[at:], lower) && (at == 0 || !word[text[at-1]] || escaped(text[:at]))
}

// bearerToken wants "Bearer " before a random value, or another scheme in a header
// for authorization. A JSON Web Token has a rule of its own.
func bearerToken(b []byte, start, end int) (int, int, bool) {
	if c := byteAt(b, start-1); c != ' ' && !tokenBody[c] {
		return 0, 0, false
	}
	from := tokenBody.spanBack(b, start, start-64)
	if byteAt(b, from-1) != ' ' || !foldSuffix(b[:from], "bearer ") && !isAuthorization(b, from-1) {
		return 0, 0, false
	}
	to := tokenBody.span(b, end, min(from+maxValue, end+runContext)) // so much is there, however the stream is cut
	to = equalSigns.span(b, to, to+2)
	text := b[from:to]
	if len(text) < minBearer || bytes.HasPrefix(text, []byte("eyJ")) || !looksRandom(text) || isPublished(text) {
		return 0, 0, false
	}
	return from, to, true
}

// isAuthorization reports whether the word that ends before b[i] is the scheme in
// a header for authorization, one that has the secret itself behind it.
func isAuthorization(b []byte, i int) bool {
	from := nameBytes.spanBack(b, i, i-16)
	scheme := b[from:i]
	if len(scheme) < 3 || foldIndex(before(b, from, 20), "authorization") < 0 {
		return false
	}
	for _, s := range otherSchemes {
		if foldPrefix(scheme, s) {
			return false
		}
	}
	return true
}

// otherSchemes have a proof, a hash or a user behind them, or a token with a rule
// of its own.
var otherSchemes = [...]string{"basic", "digest", "negotiate", "ntlm", "hawk", "signature", "aws4", "hmac", "scram", "mutual", "dpop", "oauth", "bot"}

// tokenBody is the class of bearer tokens (token68, RFC 7235).
var tokenBody = newClass(opaqueSpec)

const opaqueSpec = "A-Za-z0-9+/_.~-"
