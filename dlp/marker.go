package dlp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
)

const (
	markerPrefix = "BOTTLE_REDACTED_"
	markerHash   = 12 // characters
	numberDigits = 15 // of the marker that stands for a number: exact in a float64
)

// Marker returns what a Redactor puts in place of a finding,
//
//	BOTTLE_REDACTED_GITHUB_TOKEN_QV7K2M3XR4TA
//
// It is the same for the same value and rule among the findings of one Engine;
// of a known value, for every encoding of it. It has only capital letters,
// digits and underscores, so JSON, URLs and forms stay what they are, and no
// rule matches it, wherever it stands.
func (e *Engine) Marker(f Finding) string {
	b := make([]byte, 0, len(markerPrefix)+len(f.Rule)+1+markerHash)
	b = append(b, markerPrefix...)
	for i := range len(f.Rule) {
		b = append(b, markerByte(f.Rule[i]))
	}
	b = append(b, '_')
	// Letters at both ends, and three in front, leave no number, and nothing that
	// begins like an account number.
	const letters, all = "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	for i, c := range e.markerHash(f)[:markerHash] {
		if i < 3 || i == markerHash-1 {
			b = append(b, letters[c%16])
		} else {
			b = append(b, all[c%32])
		}
	}
	return string(b)
}

// MarkerPrefix is what the markers of a rule begin with, and with "" those of all
// rules. A number that stands for a number has none.
func MarkerPrefix(rule string) string {
	if rule == "" {
		return markerPrefix
	}
	b := []byte(markerPrefix)
	for i := range len(rule) {
		b = append(b, markerByte(rule[i]))
	}
	return string(append(b, '_'))
}

func markerByte(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A'
	case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return c
	}
	return '_'
}

// numberMarker stands for a number where JSON may want one. No card begins
// with 9.
func (e *Engine) numberMarker(f Finding) string {
	b := append(make([]byte, 0, numberDigits), '9')
	for _, c := range e.markerHash(f)[:numberDigits-1] {
		b = append(b, '0'+c%10)
	}
	return string(b)
}

func (e *Engine) markerHash(f Finding) []byte {
	h := hmac.New(sha256.New, e.hashKey[:])
	h.Write([]byte("marker\x00" + f.Rule + "\x00"))
	if f.Kind == KindFormat {
		h.Write([]byte(f.Hash))
	} else {
		h.Write([]byte(f.Name))
	}
	return h.Sum(nil)
}

// isMarker reports whether the body of what could be a token has a marker in it
// and without that is too short to be one, so that what was redacted is not
// found again. Of a token of at least that many bytes, too few would be left.
func isMarker(body []byte, least int) bool {
	i := bytes.Index(body, []byte(markerPrefix))
	if i < 0 {
		return false
	}
	end := markerClass.span(body, i, len(body))
	return i+len(body)-end < least
}

// endsInMarker reports whether b ends with a marker, whose letters may spell a
// prefix backwards.
func endsInMarker(b []byte) bool {
	i := bytes.LastIndex(b, []byte(markerPrefix))
	return i >= 0 && markerClass.span(b, i, len(b)) == len(b)
}

var markerClass = newClass("A-Z0-9_")
