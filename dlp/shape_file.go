package dlp

import "bytes"

const (
	maxKeyType      = 32  // of the algorithm in a PuTTY key
	minSession      = 80  // of what follows the organisation in a Salesforce session
	maxSession      = 400 //
	sessionOrg      = 12  // characters of an organisation's ID behind 00D
	sessionOrgCased = 15  // with those that tell its case
)

// puttyKey wants the first line of a key's file, which names the format and the
// algorithm, and the beginning of the second.
func puttyKey(b []byte, body int, final bool) (int, int, verdict) {
	n := digits.span(b, body, body+2)
	d, ok := hasPrefix(b[n:], ": ")
	switch {
	case !ok || n == body && n < len(b):
		return 0, 0, miss
	case n == body || d < 2:
		return short(final)
	}
	n = hyphened.span(b, n+d, n+d+maxKeyType)
	line, whole := lineBreak(b, n)
	switch {
	case !whole && !final:
		return 0, 0, more
	case line == n:
		return 0, 0, miss
	}
	e, ok := hasPrefix(b[line:], "Encryption: ")
	switch {
	case !ok:
		return 0, 0, miss
	case e < len("Encryption: "):
		return short(final)
	}
	return 0, line + e, match
}

// salesforceSession wants the organisation's ID, which has many zeros, a "!" and
// the secret.
func salesforceSession(b []byte, body int, final bool) (int, int, verdict) {
	n := alnum.span(b, body, body+sessionOrgCased+1)
	switch {
	case n == len(b) && n <= body+sessionOrgCased:
		return short(final)
	case n-body != sessionOrg && n-body != sessionOrgCased || b[n] != '!':
		return 0, 0, miss
	}
	end := dotted.span(b, n+1, n+1+maxSession)
	if end == len(b) && !final && end < n+1+maxSession {
		return 0, 0, more
	}
	secret := bytes.TrimRight(b[n+1:end], ".")
	if len(secret) < minSession || isExample(secret, minSession) || !scattered(secret) {
		return 0, 0, miss
	}
	return 0, n + 1 + len(secret), match
}
