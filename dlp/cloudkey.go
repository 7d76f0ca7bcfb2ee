package dlp

import "bytes"

// awsSecret wants exactly 40 random characters of base64 and a word shortly
// before that says what they are.
func awsSecret(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	if end-from != 40 || base64Plain.span(b, from, end) != end || byteAt(b, end) == '=' {
		return 0, 0, false
	}
	if c := byteAt(b, from-1); c == '$' || c == '.' || byteAt(b, end) == '.' && alnum[byteAt(b, end+1)] {
		return 0, 0, false // a part of a hash of a password
	}
	key := b[from:end]
	n := shapeOf(key)
	if n.hex == 40 || n.digits == 0 || !mixedCase(key) || isExample(key, 40) || wordLike(key) || entropy(key) < 4.1 {
		return 0, 0, false
	}
	left := before(b, from, 64)
	if !namesAny(left, awsWords) && !bytes.Contains(left, []byte("AKIA")) && !bytes.Contains(left, []byte("ASIA")) {
		return 0, 0, false
	}
	return from, end, true
}

var (
	base64Plain = newClass("A-Za-z0-9+/")
	awsWords    = []string{"aws", "secret", "access_key", "access-key", "accesskey", "access key", "amazon"}
)

// azureStorageKey wants 64 bytes, or the 32 of a shared access policy, in
// base64 with its padding, and a name for them before.
func azureStorageKey(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	n := end - from
	to, names := end+2, azureWords
	switch n {
	case 86:
	case 43:
		to, names = end+1, azureNames
	default:
		return 0, 0, false
	}
	if to > len(b) || equalSigns.span(b, end, to) != to || byteAt(b, to) == '=' || base64Plain.span(b, from, end) != end {
		return 0, 0, false
	}
	if key := b[from:end]; !mixedCase(key) || isExample(key, 43) || isPublished(key) || !namesAny(before(b, from, 32), names) {
		return 0, 0, false
	}
	return from, to, true
}

var (
	equalSigns = newClass("=")
	azureNames = []string{"accountkey", "account_key", "sharedaccesskey", "shared_access_key", "storage_key", "storagekey"}
	// azureWords do for 86 characters, which hardly anything else has.
	azureWords = append([]string{"azure", "cosmos", "primarykey", "primary_key", "masterkey", "master_key"}, azureNames...)
)

// awsSession wants the beginning that all session tokens of AWS have, the tag and
// the length of their first field, in a long run of base64.
func awsSession(b []byte, start, end int) (int, int, bool) {
	from := runBegin(b, start, end)
	text := b[from:end]
	if len(text) < minAWSSession || !bytes.HasPrefix(text, []byte("IQoJb3JpZ2lu")) && !bytes.HasPrefix(text, []byte("FwoGZXIvYXdz")) && !bytes.HasPrefix(text, []byte("FQoGZXIvYXdz")) {
		return 0, 0, false
	}
	if head := text[:minAWSSession]; base64Plain.span(head, 0, minAWSSession) != minAWSSession || isExample(head, minAWSSession) {
		return 0, 0, false
	}
	return from, equalSigns.span(b, end, end+2), true
}

// minAWSSession is the shortest session token that is looked at.
const minAWSSession = 100

// azureSAS wants the signature of a shared access URL: 32 bytes in base64, whose
// last characters a query has as escapes, beside the version or the expiry.
func azureSAS(b []byte, start, end int) (int, int, bool) {
	from := sasBody.spanBack(b, start, start-sasReach)
	if from < 4 || string(b[from-4:from]) != "sig=" || from > 4 && word[b[from-5]] {
		return 0, 0, false
	}
	to := equalSigns.span(b, sasBody.span(b, end, from+sasReach), from+sasReach)
	n := 0
	for i := from; i < to; n++ {
		if b[i] == '%' {
			i += 2
		}
		i++
	}
	last := bytes.HasSuffix(b[from:to], []byte("%3D")) || bytes.HasSuffix(b[from:to], []byte("%3d")) || b[to-1] == '='
	if n != 44 || !last || word[byteAt(b, to)] || !mixedCase(b[from:to]) || isPublished(b[from:to]) {
		return 0, 0, false
	}
	query := b[max(0, from-runContext):min(len(b), to+runContext)]
	for _, name := range [...]string{"sv=20", "se=20", "se=1", "st=20"} {
		if bytes.Contains(query, []byte(name)) {
			return from, to, true
		}
	}
	return 0, 0, false
}

// sasBody is base64 with escapes.
var sasBody = newClass("A-Za-z0-9+/%")

// sasReach is the length of a signature of which each character is an escape.
const sasReach = 3 * 44
