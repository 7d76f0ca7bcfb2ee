package dlp

import (
	"slices"
	"strings"
	"unicode"
)

// assigned is offer for a line of .env, which mostly holds secrets, whatever their
// names are.
func (k *knownFile) assigned(key, value string) {
	b, before := []byte(value), len(k.out)
	k.offer(key, value, true)
	_, weak := Weak(value)
	switch {
	case len(k.out) > before || strings.Contains(value, pemBegin) || strings.Contains(value, "://"):
	case shortPassword(key), !weak && !isPath(b) && !strings.HasPrefix(value, "arn:") && !isAddress(value) && !isSentence(value):
		k.add(key, value)
	}
}

// shortPassword reports whether a name ends as those of passwords do.
func shortPassword(key string) bool {
	key = strings.ToUpper(key)
	return slices.ContainsFunc([]string{"PW", "PWD", "PASS"}, func(end string) bool {
		before, ok := strings.CutSuffix(key, end)
		return ok && (before == "" || strings.HasSuffix(before, "_") || strings.HasSuffix(before, "DB"))
	})
}

// isAddress reports whether a value is a host, with a port or not, or of mail.
func isAddress(s string) bool {
	if user, host, ok := strings.Cut(s, "@"); ok {
		return user != "" && strings.Contains(host, ".") && hostByte.span([]byte(host), 0, len(host)) == len(host)
	}
	host, _, _ := strings.Cut(s, ":")
	return strings.Contains(host, ".") && wordLike([]byte(host)) && hostByte.span([]byte(host), 0, len(host)) == len(host)
}

var hostByte = newClass("a-z0-9.-")

// isSentence reports whether a value is a text or a list of words, such as
// production,staging or nobody@home and his friends.
func isSentence(s string) bool {
	return strings.ContainsAny(s, " ,;") && wordLike([]byte(s))
}

// isPlaceholderText tells what stands in the place of a secret. Digits and letters in their
// order, which isExample takes for an example as well, may be somebody's password.
func isPlaceholderText(value string) bool {
	lower := strings.ToLower(value)
	return isMarker([]byte(value), len(value)) || strings.Trim(lower, "x*.") == "" ||
		slices.ContainsFunc([]string{"your-", "your_", "-here", "_here", "example", "placeholder", "xxxx"}, func(sign string) bool { return strings.Contains(lower, sign) })
}

// isSingleWord reports whether a text is one word and no assignment: what many tools keep
// a token in.
func isSingleWord(text string) bool {
	if text == "" || strings.ContainsFunc(text, unicode.IsSpace) || text[0] == '#' {
		return false
	}
	key, value, assigned := strings.Cut(text, "=")
	// Base64 may end with it.
	return !assigned || strings.Trim(value, "=") == "" || variableByte.span([]byte(key), 0, len(key)) < len(key)
}

var variableByte = newClass("A-Za-z0-9_.-")

// word adds the one value of a file.
func (k *knownFile) word(text string) {
	if strings.Contains(text, "://") {
		k.offer("", text, false)
		return
	}
	k.add("", unquote(text))
}
