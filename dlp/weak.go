package dlp

import "fmt"

const (
	// minBits is the entropy, in bits per byte, below which a value is weak, and
	// plainEnough the length above which it is not: that stands in no other text.
	minBits     = 3
	plainEnough = 64
)

// Weak reports whether a known secret is so short or plain that it stands in
// ordinary text too. One that is counts only as a whole token in the place of a
// credential; one of less than MinKnown bytes is not looked for at all. The reason
// does not tell the value.
func Weak(value string) (reason string, weak bool) {
	switch {
	case len(value) < MinKnown:
		return fmt.Sprintf("it has %d bytes and is not looked for, which takes %d", len(value), MinKnown), true
	case len(value) < wholeToken:
		return fmt.Sprintf("it has %d bytes, fewer than %d", len(value), wholeToken), true
	case len(value) <= plainEnough && entropy([]byte(value)) < minBits:
		return fmt.Sprintf("its bytes repeat: they have less than %d bits each", minBits), true
	}
	return "", false
}
