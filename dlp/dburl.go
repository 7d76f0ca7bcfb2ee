package dlp

import "bytes"

const (
	maxUser     = 64
	minPassword = 8
	maxPassword = 256
	maxDBHost   = 253
)

// The parts of a database URL. A password that is a template, ${…}, {{…}},
// <…> or %s, or masked with asterisks, has bytes that are not in its class.
var (
	urlUser     = newClass("A-Za-z0-9_.%+-")
	urlPassword = newClass("A-Za-z0-9_.%!+=~^&,;#-")
	urlHost     = newClass("A-Za-z0-9.-")
)

// commonPasswords are what tutorials and test set-ups use.
var commonPasswords = [...]string{"password", "postgres", "changeme", "secret", "passw0rd", "mypassword", "username", "testpass", "rabbitmq", "clickhouse", "placeholder"}

func isCommon(password []byte) bool {
	for _, p := range commonPasswords {
		if bytes.EqualFold(password, []byte(p)) {
			return true
		}
	}
	return isExample(password, minPassword) || distinct(password) < 4
}

// isLocal reports whether a host is this machine, a single label, as in a
// compose file, or a name that is reserved for examples.
func isLocal(host []byte) bool {
	host = bytes.TrimRight(host, ".-")
	if !bytes.Contains(host, []byte(".")) || bytes.HasPrefix(host, []byte("127.")) || string(host) == "0.0.0.0" {
		return true
	}
	for _, suffix := range [...]string{"example.com", "example.org", "example.net", ".example", ".test", ".invalid", ".localhost"} {
		if bytes.HasSuffix(host, []byte(suffix)) {
			return true
		}
	}
	return false
}
