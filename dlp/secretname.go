package dlp

import "bytes"

// namesSecret reports whether the name of a value says that it is a secret. Its
// words are what _, -, . and camel case divide. The last words tell what it is:
// access_token is one, token_url and token_id are not.
func namesSecret(name []byte) bool {
	var buf [maxName]byte
	if len(name) > maxName {
		return false
	}
	secret := false
	var last []byte
	for i := 0; i < len(name); {
		from, to := nextWord(name, i)
		i = to
		if from == to {
			break
		}
		for to-from > 2 && decimals[name[to-1]] {
			to-- // password2
		}
		w := buf[from:to]
		for k, c := range name[from:to] {
			w[k] = toLower(c)
		}
		switch {
		case harmless(w):
			return false
		case isSecretWord(w):
			secret = true
		case string(w) == "key" && qualifiesKey(last):
			secret = true
		case string(w) == "id" || !neutral(w):
			secret = false
		}
		last = w
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
	for _, suffix := range [...]string{"token", "secret", "password", "passwd", "apikey", "secretkey", "accesskey", "privatekey", "pwd"} {
		if len(w) > len(suffix) && bytes.HasSuffix(w, []byte(suffix)) {
			return true
		}
	}
	return false
}

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
	case "api", "access", "secret", "private", "priv", "signing", "sign", "encryption", "encrypt", "master", "auth", "account", "shared", "storage",
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
