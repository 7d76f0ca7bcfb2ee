package state

import (
	"crypto/rand"
	"fmt"
	"strings"
)

const (
	maxIDName = 16 // bytes of the name in an id, which is part of socket paths
	idRandom  = 5  // random characters, of 31: 28 million
	maxID     = 63 // a label of DNS, and what vm.Spec takes

	// Without those that are mistaken for each other, of 0 and o, 1, i and l.
	idLetters = "abcdefghjkmnpqrstuvwxyz23456789"
)

// NewID makes an id from a bottle's name and random characters, such as
// claude-7kq2m: at most 22 bytes, fit for a host name and a path.
func NewID(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxIDName {
			break
		}
	}
	base := strings.Trim(b.String(), "-")
	if base == "" {
		base = "bottle"
	}
	return base + "-" + randomText(idRandom)
}

// randomText draws from idLetters without bias: bytes from 248 on, the largest
// multiple of 31, are thrown away.
func randomText(n int) string {
	const fair = 256 / len(idLetters) * len(idLetters)
	out := make([]byte, 0, n)
	var buf [16]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // never fails: crypto/rand
		for _, c := range buf {
			if int(c) < fair && len(out) < n {
				out = append(out, idLetters[int(c)%len(idLetters)])
			}
		}
	}
	return string(out)
}

// CheckID refuses what cannot be the id of a bottle: up to 63 lower-case
// letters, digits and inner hyphens.
func CheckID(id string) error {
	ok := 0 < len(id) && len(id) <= maxID && id[0] != '-' && id[len(id)-1] != '-'
	for i := 0; i < len(id) && ok; i++ {
		c := id[i]
		ok = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
	}
	if !ok {
		return fmt.Errorf("%q is no bottle's id: want up to %d lower-case letters, digits and inner hyphens", id, maxID)
	}
	return nil
}
