package dlp

import "bytes"

const (
	puttyMagic = "PuTTY-User-Key-File-"
	// maxPutty is how far behind the beginning the private lines start: a key
	// of RSA with 4096 bits has 740 characters of public lines.
	maxPutty   = 2048
	privateTag = "Private-Lines:"
)

// puttyKey wants a user key of PuTTY: the version, the kind of the key, the
// encryption, and its private lines, which are what is reported of it up to.
func puttyKey(b []byte, body int, final bool) (int, int, verdict) {
	v := b[body:]
	switch {
	case len(v) < 3 && !final:
		return 0, 0, more
	case len(v) < 3 || v[0] < '1' || v[0] > '3' || v[1] != ':':
		return 0, 0, miss
	}
	head := v[:min(len(v), 128)]
	at := bytes.Index(head, []byte("Encryption:"))
	switch {
	case at < 0 && (final || len(head) == 128):
		return 0, 0, miss
	case at < 0:
		return 0, 0, more
	}
	b = b[:min(len(b), maxPutty)]
	at = bytes.Index(b[body:], []byte(privateTag))
	switch {
	case at < 0 && (final || len(b) == maxPutty):
		return 0, 0, miss
	case at < 0:
		return 0, 0, more
	}
	return 0, body + at + len(privateTag), match
}
