package dlp

import (
	"bytes"
	"encoding/base64"
)

// discordToken wants the run to be the ID of the bot in base64, with the time
// of its issue and a signature behind it.
func discordToken(b []byte, start, end int) (int, int, bool) {
	if byteAt(b, end) != '.' {
		return 0, 0, false
	}
	from := runBegin(b, start, end)
	if n := end - from; n < 23 || n > 28 {
		return 0, 0, false
	}
	issued := dashed.span(b, end+1, end+8)
	if issued-end-1 != 6 || byteAt(b, issued) != '.' {
		return 0, 0, false
	}
	to := dashed.span(b, issued+1, issued+40)
	if n := to - issued - 1; n < 27 || n > 38 || isExample(b[issued+1:to], 27) {
		return 0, 0, false
	}
	var id [21]byte
	n, err := base64.RawURLEncoding.Decode(id[:], b[from:end])
	if err != nil || n < 17 || n > 20 || decimals.span(id[:], 0, n) != n {
		return 0, 0, false
	}
	return from, to, true
}

var decimals = newClass("0-9")

// telegramToken wants a bot's number and a colon before the run. In a URL of
// the service, "bot" stands before the number.
func telegramToken(b []byte, start, end int) (int, int, bool) {
	colon := start - 1
	if b[start] != 'A' || b[start+1] != 'A' || byteAt(b, colon) != ':' {
		return 0, 0, false
	}
	from := decimals.spanBack(b, colon, colon-10-escapeRest)
	from += escapeDigits(b, from)
	body := b[start:end]
	switch n := colon - from; {
	case n < 8 || n > 10 || bytes.IndexByte(body, '+') >= 0 || bytes.IndexByte(body, '/') >= 0:
		return 0, 0, false
	case from > 0 && word[b[from-1]] && !escaped(b[:from]) && !bytes.HasSuffix(b[:from], []byte("bot")):
		return 0, 0, false
	case isExample(body[2:], 33) || distinct(body) < 12:
		return 0, 0, false
	}
	return from, end, true
}

// mailchimpKey wants the run to end with 32 digits in hex and a data centre.
func mailchimpKey(b []byte, _, end int) (int, int, bool) {
	at := decimals.spanBack(b, end, end-2) - 3
	if at == end-3 || string(b[at:at+3]) != "-us" || b[at-1]|0x20 == 's' {
		return 0, 0, false
	}
	from := at - 32
	if hexLower.span(b, from, at) != at || !mixed(b[from:at]) || isExample(b[from:at], 32) || !leftBoundary(b, from, hexLower) {
		return 0, 0, false
	}
	return from, end, true
}

// azureBody is the class of Entra ID client secrets.
var azureBody = newClass("A-Za-z0-9_.~-")

// azureSecret wants "Q~" behind three or four characters of what the run is the
// rest of.
func azureSecret(b []byte, start, end int) (int, int, bool) {
	if c := byteAt(b, start-1); c != '~' && c != '.' {
		return 0, 0, false
	}
	from := azureBody.spanBack(b, start, start-41)
	to := azureBody.span(b, end, from+42)
	text := b[from:to]
	at := bytes.Index(text, []byte("Q~"))
	if at > 4 && escaped(b[:from+at-4]) {
		from += at - 4 // what an escape left
		text, at = b[from:to], 4
	}
	if at < 3 || at > 4 || !decimals[text[at-1]] || len(text) < 34 || len(text) > 40 || isExample(text, 34) || distinct(text) < 14 {
		return 0, 0, false
	}
	return from, to, true
}

// openShiftToken wants the run to be 32 bytes in base64 behind the name of the hash
// under which the server keeps it.
func openShiftToken(b []byte, start, end int) (int, int, bool) {
	from := start - len("sha256~")
	body := b[start:end]
	switch {
	case from < 0 || string(b[from:start]) != "sha256~" || from > 0 && word[b[from-1]] && !escaped(b[:from]):
		return 0, 0, false
	case only(body, dashed) && distinct(body) >= 16 && !isExample(body, len(body)):
		return from, end, true
	}
	return 0, 0, false
}

// terraformToken wants an identifier of 14 characters and ".atlasv1." before
// the run.
func terraformToken(b []byte, start, end int) (int, int, bool) {
	const mark = ".atlasv1."
	dot := start - len(mark)
	if dot < 14 || string(b[dot:start]) != mark {
		return 0, 0, false
	}
	from := dot - 14
	if alnum.span(b, from, dot) != dot || !leftBoundary(b, from, dashed) || isExample(b[start:end], 60) {
		return 0, 0, false
	}
	return from, end, true
}

// fcmKey wants the run to be "APA91b" and 134 characters, behind "AAAA", seven
// characters and a colon.
func fcmKey(b []byte, start, end int) (int, int, bool) {
	from := start - 12
	if string(b[start:start+6]) != "APA91b" || from < 0 || b[start-1] != ':' || string(b[from:from+4]) != "AAAA" ||
		dashed.span(b, from, start-1) != start-1 || !leftBoundary(b, from, dashed) || isExample(b[start:end], 140) {
		return 0, 0, false
	}
	return from, end, true
}

// twilioPair wants an account's SID shortly before 32 digits in hex, joined by
// what user and password are, or by a name of the token.
func twilioPair(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	if end-from != 32 || hexLower.span(b, from, end) != end || !mixed(b[from:end]) || isExample(b[from:end], 32) {
		return 0, 0, false
	}
	left := before(b, from, runContext)
	at := bytes.LastIndex(left, []byte("AC"))
	if at < 0 || len(left)-at < 34 || at > 0 && word[left[at-1]] && !escaped(left[:at]) || hexLower.span(left, at+2, at+34) != at+34 {
		return 0, 0, false
	}
	between := left[at+34:]
	if len(between) == 0 || word[between[0]] || string(between) != ":" && !namesAny(between, twilioWords) {
		return 0, 0, false
	}
	return from, end, true
}

var twilioWords = []string{"token", "auth", "secret", "password"}
