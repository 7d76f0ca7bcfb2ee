package dlp

import "bytes"

// Keys of which a run is a part, told by what stands at fixed places in it or
// shortly before.

// azureSigns are where the keys of Azure say which service they are of.
var azureSigns = [...]struct {
	length, at int // of the key without its padding, and of the sign in it
	sign       string
}{
	{84, 76, "AZDO"},                   // Azure DevOps
	{84, 52, "JQQJ99"},                 // all services, as they make keys now
	{52, 42, "AzSe"},                   // search
	{52, 42, "+ACR"},                   // container registries
	{54, 44, "AzFu"},                   // functions
	{43, 33, "AzCa"},                   // Redis
	{43, 33, "+ASb"}, {43, 33, "+AEh"}, // service bus, event hubs
	{43, 33, "AIoT"},                                     // IoT hubs
	{86, 76, "+ASt"}, {86, 76, "+ABa"}, {86, 76, "ACDb"}, // storage, batch, Cosmos
	{84, 76, "APIM"}, // API management
}

// azureKey wants one of azureSigns in a run of its length, and its padding, which a
// query has as escapes.
func azureKey(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	for i := range azureSigns {
		s := &azureSigns[i]
		if at := from + s.at; end-from == s.length && string(b[at:at+len(s.sign)]) == s.sign {
			key, to := b[from:end], equalSigns.span(b, end, end+2)
			whole := to-end == -s.length&3 || to == end && byteAt(b, end) == '%'
			return from, to, whole && mixedCase(key) && !isExample(key, len(key)) && !wordLike(key)
		}
	}
	return 0, 0, false
}

// newRelicLicense wants 36 digits in hex, the first of which may name the region,
// and what all licences end in.
func newRelicLicense(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	key := b[from:end]
	if len(key) != 40 || !bytes.HasSuffix(key, []byte("NRAL")) {
		return 0, 0, false
	}
	digits := bytes.TrimPrefix(key[:36], []byte("eu01xx"))
	return from, end, only(digits, hexAny) && mixed(digits) && !isExample(digits, 30)
}

// maxMindKey wants six characters, 29 and the ending of the service.
func maxMindKey(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	key := b[from:end]
	if len(key) != 40 || !bytes.HasSuffix(key, []byte("_mmk")) || key[6] != '_' {
		return 0, 0, false
	}
	return from, end, only(key[:6], alnum) && only(key[7:36], alnum) && unlike(key[7:36]) && !isExample(key, 36)
}

// mailgunKey wants digits in hex in three groups, as keys of Mailgun have been for years.
func mailgunKey(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	key := b[from:end]
	return from, end, groups(key, '-', 32, 8, 8) && only(key, hexDash) && mixed(key) && !isExample(key, 32)
}

// infobipKey wants a UUID behind 32 digits in hex.
func infobipKey(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	key := b[from:end]
	return from, end, len(key) == 69 && key[32] == '-' && only(key[:32], hexLower) && uuid(key[33:]) && mixed(key[:32]) && !isExample(key, 32)
}

// ngrokToken wants an identifier that is made of the time, which starts with 1 to 3
// since 2017, and a random part behind it.
func ngrokToken(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	key := b[from:end]
	if len(key) != 49 || key[27] != '_' || key[0]-'1' > 2 || !decimals[key[28]] {
		return 0, 0, false
	}
	return from, end, only(key[:27], alnum) && only(key[28:], alnum) && unlike(key) && !isExample(key, 49)
}

// unlike wants two of upper case, lower case and digits that change now and then: it is
// for what stands in a place where names hardly do.
func unlike(body []byte) bool {
	kinds, changes := kindsOf(body)
	return kinds >= 2 && 4*changes >= len(body) && distinct(body) >= 8
}

// zhipuKey wants the run to be 32 digits in hex, and a dot and 16 characters behind it.
func zhipuKey(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	if end-from != 32 || byteAt(b, end) != '.' || hexLower.span(b, from, end) != end {
		return 0, 0, false
	}
	to := runByte.span(b, end+1, end+18)
	id, body := b[from:end], b[end+1:to]
	return from, to, len(body) == 16 && only(body, alnum) && mixed(id) && unlike(body) && !isExample(id, 32)
}

// facebookApp wants the number of an app and a bar before the run, in a query as %7C.
func facebookApp(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	body, bar := b[from:end], from-1
	if from > 2 && b[from-3] == '%' {
		bar = from - 3
		if string(b[bar:from]) != "%7C" && string(b[bar:from]) != "%7c" {
			return 0, 0, false
		}
	} else if byteAt(b, bar) != '|' {
		return 0, 0, false
	}
	number := decimals.spanBack(b, bar, bar-17)
	if n := bar - number; n < 15 || n > 16 || number > 0 && word[b[number-1]] && !escaped(b[:number]) {
		return 0, 0, false
	}
	return number, end, len(body) == 27 && only(body, dashed) && unlike(body) && !isExample(body, 27)
}

// tableauToken wants 16 bytes in base64 and a colon before the run of 32 characters.
func tableauToken(b []byte, start, end int) (int, int, bool) {
	from := start - len("==:") - 22
	if end-start != 32 || from < 0 || string(b[start-3:start]) != "==:" || base64Plain.span(b, from, start-3) != start-3 {
		return 0, 0, false
	}
	return from, end, leftBoundary(b, from, base64Plain) && only(b[start:end], alnum) && unlike(b[start:end]) && unlike(b[from:start-3])
}

// ablyKey wants the identifiers of an app and of a key before the run, which is 43
// characters.
func ablyKey(b []byte, start, end int) (int, int, bool) {
	const front = len("abcdef.ghijkl:")
	from := start - front
	if from < 0 || b[start-1] != ':' || b[from+6] != '.' || end-start != 43 || dashed.span(b, from, from+6) != from+6 || dashed.span(b, from+7, start-1) != start-1 {
		return 0, 0, false
	}
	body := b[start:end]
	return from, end, leftBoundary(b, from, dotted) && only(body, dashed) && unlike(body) && !isExample(body, 43)
}

// asanaToken wants the version and the numbers of a user, and perhaps of an app, before
// the run of 32 digits in hex.
func asanaToken(b []byte, start, end int) (int, int, bool) {
	if byteAt(b, start-1) != ':' || end-start != 32 || hexLower.span(b, start, end) != end {
		return 0, 0, false
	}
	at, numbers := start-1, 0
	for numbers < 2 {
		from := decimals.spanBack(b, at, at-20)
		if n := at - from; n < 12 || n > 19 || byteAt(b, from-1) != '/' {
			break
		}
		at = from - 1
		numbers++
	}
	from := at - 1
	if numbers == 0 || byteAt(b, from)-'0' > 2 || !leftBoundary(b, from, alnum) {
		return 0, 0, false
	}
	return from, end, mixed(b[start:end]) && !isExample(b[start:end], 32)
}

// ghostKey wants an identifier of 24 digits in hex before the run of 64.
func ghostKey(b []byte, start, end int) (int, int, bool) {
	from := start - 25
	if from < 0 || b[start-1] != ':' || end-start != 64 || hexLower.span(b, start, end) != end || hexLower.span(b, from, start-1) != start-1 {
		return 0, 0, false
	}
	return from, end, leftBoundary(b, from, hexLower) && mixed(b[from:start-1]) && mixed(b[start:end])
}

// unleashToken wants a project and an environment before the run of digits in hex.
func unleashToken(b []byte, start, end int) (int, int, bool) {
	if byteAt(b, start-1) != '.' || end-start != 56 && end-start != 64 || hexLower.span(b, start, end) != end {
		return 0, 0, false
	}
	environment := unleashName.spanBack(b, start-1, start-1-maxName)
	if byteAt(b, environment-1) != ':' || environment == start-1 {
		return 0, 0, false
	}
	project := unleashName.spanBack(b, environment-1, environment-1-maxName)
	if project = runBegin(b, project, environment-1); project == environment-1 || !leftBoundary(b, project, unleashName) {
		return 0, 0, false
	}
	return project, end, mixed(b[start:end]) && !isExample(b[start:end], 56)
}

var unleashName = newClass("A-Za-z0-9*_-")
