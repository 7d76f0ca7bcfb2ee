package dlp

import "bytes"

// namesSecret reports whether the name of a value says that it is a secret. Its
// words are what _, -, . and camel case divide. The last words tell what it is:
// access_token is one, token_url and token_id are not.
func namesSecret(name []byte) bool {
	var buf [maxName]byte
	var ends [maxName][2]uint8
	if len(name) > maxName {
		return false
	}
	words := 0
	for from, to := nextWord(name, 0); from < to; from, to = nextWord(name, to) {
		ends[words] = [2]uint8{uint8(from), uint8(to)}
		words++
	}
	lowered := func(k int) []byte {
		if k < 0 {
			return nil
		}
		from, to := int(ends[k][0]), int(ends[k][1])
		for to-from > 2 && decimals[name[to-1]] {
			to-- // password2
		}
		w := buf[from:to]
		for i, c := range name[from:to] {
			w[i] = toLower(c)
		}
		return w
	}
	secret := false
	for k := words - 1; k >= 0; k-- {
		switch w := lowered(k); {
		case harmless(w):
			return false
		case secret:
		case isSecretWord(w), string(w) == "key" && qualifiesKey(lowered(k-1)):
			secret = true
		case string(w) == "id" || !neutral(w):
			return false
		}
	}
	return secret
}

// nextWord returns the next word of a name from i on.
func nextWord(name []byte, i int) (from, to int) {
	for i < len(name) && !alnum[name[i]] {
		i++
	}
	from = i
	for i < len(name) && alnum[name[i]] {
		if i > from && isUpper(name[i]) && (!isUpper(name[i-1]) || i+1 < len(name) && isLower(name[i+1])) {
			break
		}
		i++
	}
	return from, i
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// isSecretWord reports whether a word alone names a secret.
func isSecretWord(w []byte) bool {
	if secretWord(w) {
		return true
	}
	if len(w) == 0 || !secretEnd[w[len(w)-1]] {
		return false
	}
	for _, suffix := range secretSuffixes {
		if len(w) > len(suffix) && bytes.HasSuffix(w, []byte(suffix)) {
			return true
		}
	}
	return false
}

// secretSuffixes end words that name a secret, secretEnd are their last letters.
var (
	secretSuffixes = [...]string{"token", "secret", "password", "passwd", "apikey", "secretkey", "accesskey", "privatekey", "pwd"}
	secretEnd      = func() (c class) {
		for _, suffix := range secretSuffixes {
			c[suffix[len(suffix)-1]] = true
		}
		return c
	}()
)

func secretWord(w []byte) bool {
	switch string(w) {
	case "secret", "secrets", "token", "tokens", "password", "passwords", "passwd", "passwort", "pwd", "pass", "passphrase", "passcode",
		"auth", "authorization", "credential", "credentials", "cred", "creds", "apikey", "apikeys", "accesskey", "secretkey", "privatekey",
		"authkey", "signingkey", "encryptionkey", "masterkey", "apitoken", "apisecret", "pat", "dsn":
		return true
	}
	return false
}

// qualifiesKey reports whether a key is a secret when w stands before it.
func qualifiesKey(w []byte) bool {
	switch string(w) {
	case "api", "access", "secret", "private", "priv", "signing", "sign", "encryption", "encrypt", "master", "auth", "account", "shared", "preshared", "storage",
		"app", "application", "service", "client", "admin", "hmac", "aes", "webhook", "session", "deploy", "subscription", "consumer",
		"function", "functions", "license", "root", "jwt", "server", "write", "ingest", "integration", "personal", "user", "project":
		return true
	}
	return false
}

// neutral reports whether a word may stand behind that of a secret.
func neutral(w []byte) bool {
	switch string(w) {
	case "key", "value", "val", "data", "string", "str", "text", "plain", "raw", "prod", "production", "live", "dev", "staging", "test",
		"default", "primary", "secondary", "base", "header", "new", "old", "current", "env", "var", "main", "master", "admin", "api":
		return true
	}
	return len(w) <= 2
}

// harmless reports whether a word says that the value is public, or names a
// place in a list.
func harmless(w []byte) bool {
	switch string(w) {
	case "public", "pub", "publishable", "publickey", "csrf", "xsrf", "nonce", "page", "next", "prev", "previous", "cursor", "continuation",
		"continue", "sync", "resume", "pagination", "nextpagetoken", "pagetoken", "nexttoken", "csrftoken", "hash", "hashed", "checksum",
		"digest", "sha", "md", "md5", "etag", "commit", "integrity", "fingerprint", "signature", "encrypted",
		"ciphertext", "sealed", "cache", "idempotency", "instance", "anti", "forgery", "verification", "site", "sitekey", "example",
		"sample", "dummy", "fake", "mock", "placeholder", "max", "min", "count", "usage", "limit", "syntax", "author", "tokenizer":
		return true
	}
	return false
}
