package dlp

import "bytes"

// isExample tells keys in documentation and fillers from real ones. Each sign
// is so unlikely in a random body that no real token is lost to it in practice.
// Only the first least bytes are looked at, which every token of the format has:
// what is behind them may have been put there to make a real one look like an
// example.
func isExample(body []byte, least int) bool {
	if isMarker(body, least) {
		return true
	}
	body = body[:min(len(body), least)]
	for _, sign := range exampleSigns {
		if bytes.Contains(body, []byte(sign)) {
			return true
		}
	}
	return len(body) >= 16 && distinct(body) < 7
}

var exampleSigns = [...]string{
	"EXAMPLE", "example", "Example", "xxxx", "XXXX", "0000000", "12345678", "abcdefgh", "ABCDEFGH",
	"your-", "your_", "YOUR_", "YOUR-", "-here", "_here", "_HERE", "-HERE", "placeholder", "PLACEHOLDER",
}

// distinct counts the different bytes.
func distinct(b []byte) int {
	var seen class
	n := 0
	for _, c := range b {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// mixed wants letters and digits, as random bodies have both, and more of them
// than words joined by dashes.
func mixed(body []byte) bool {
	letters, digits := 0, 0
	for _, c := range body {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c != '-' && c != '_':
			letters++
		}
	}
	return letters > 0 && digits > 0 && distinct(body) >= 8
}

// mixedCase wants letters of both cases.
func mixedCase(body []byte) bool {
	upper, lower := 0, 0
	for _, c := range body {
		switch {
		case 'A' <= c && c <= 'Z':
			upper++
		case 'a' <= c && c <= 'z':
			lower++
		}
	}
	return upper >= 4 && lower >= 4 && distinct(body) >= 12
}

// blended wants two of upper case, lower case and digits. It is for bodies behind a
// prefix that nothing else has: services change their alphabets.
func blended(body []byte) bool {
	return distinct(body) >= 8 && assorted(body)
}

// assorted is blended for bodies of some 16 bytes.
func assorted(body []byte) bool {
	kinds, _ := kindsOf(body)
	return kinds >= 2 && distinct(body) >= 6 && !isPhrase(body)
}

// isPhrase reports whether a body is words that are joined, as names in programs are.
func isPhrase(body []byte) bool { return bytes.ContainsAny(body, "_-") && wordLike(body) }

// unworded is mixed, for bodies that words may be in.
func unworded(body []byte) bool { return mixed(body) && !wordLike(body) }

// letters is for bodies that may have no digit.
func letters(body []byte) bool {
	return mixedCase(body) || distinct(body) >= 12 && !wordLike(body)
}

// unspoken is for bodies in one case that could be a name behind the prefix.
func unspoken(body []byte) bool {
	return scattered(body) || varied(body) && !wordLike(body)
}

// oneCase is for long bodies of an exact length that may be in one case.
func oneCase(body []byte) bool {
	_, changes := kindsOf(body)
	return scattered(body) || 5*changes >= len(body) && unworded(body)
}

// openAIMark wants "OpenAI" in base64 in the middle, as user keys have it.
func openAIMark(body []byte) bool { return string(body[20:28]) == "T3BlbkFJ" }

// sendGridDot wants the identifier's 22 characters before the dot, or the length of
// all: some write the dot elsewhere.
func sendGridDot(body []byte) bool {
	if at := bytes.IndexByte(body, '.'); at >= 20 && at <= 24 && body[len(body)-1] != '.' {
		return true
	}
	return len(body) == 66 && bytes.IndexByte(body, '.') >= 0 && blended(body) && !wordLike(body)
}

// webhookPath wants the workspace, the application and the secret.
func webhookPath(body []byte) bool {
	return body[0] == 'T' && bytes.Count(body, []byte("/")) >= 2 && distinct(body) >= 10
}
