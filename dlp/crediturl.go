package dlp

import "bytes"

// The rules of credentialURL.
const (
	ruleDatabaseURL  = "database-url"
	ruleBasicAuthURL = "basic-auth-url"
)

const (
	maxScheme = 32 // with what an escape left before it
	// minURLToken is the shortest user that is a token when no password stands
	// behind it.
	minURLToken = 20
)

// credentialURL judges the URL whose "://" starts at b[at]. It wants a user, a
// password and a host that is neither local nor an example; the finding is the
// password. A token in the user's place with no password is one too.
func credentialURL(b []byte, at int) (rule string, from, to int, ok bool) {
	if at < 2 || at+3 > len(b) || b[at] != ':' || b[at+1] != '/' || b[at+2] != '/' {
		return "", 0, 0, false
	}
	scheme := b[runBegin(b, schemeByte.spanBack(b, at, at-maxScheme), at):at]
	if len(scheme) < 2 {
		return "", 0, 0, false
	}
	user := at + 3
	userEnd := urlUser.span(b, user, user+maxValue)
	switch byteAt(b, userEnd) {
	case ':':
		from = userEnd + 1
		to = urlPassword.span(b, from, from+maxPassword+1)
		if userEnd-user > maxUser || byteAt(b, to) != '@' || to-from < minPassword || to-from > maxPassword || isCommon(b[from:to]) || isFiller(b[user:userEnd], b[from:to]) {
			return "", 0, 0, false
		}
	case '@':
		from, to = user, userEnd
		if to-from < minURLToken || !looksRandom(b[from:to]) || isPublicUser(scheme, b[to+1:min(len(b), to+1+maxDBHost)]) {
			return "", 0, 0, false
		}
	default:
		return "", 0, 0, false
	}
	host := b[to+1 : urlHost.span(b, to+1, to+1+maxDBHost)]
	if len(host) == 0 && byteAt(b, to+1) == '[' {
		host = b[to+2 : ipv6Byte.span(b, to+2, to+2+maxScheme)]
		if bytes.HasSuffix(host, []byte("::1")) || len(host) < 3 {
			return "", 0, 0, false
		}
	} else if isLocal(host) {
		return "", 0, 0, false
	}
	if isDatabaseScheme(scheme) {
		return ruleDatabaseURL, from, to, true
	}
	if isWord(b[from:to]) {
		return "", 0, 0, false
	}
	return ruleBasicAuthURL, from, to, true
}

// isPublicUser reports whether the user of a URL without a password is public: the key
// of a tree of nodes (EIP-1459), and what Sentry's browser programs have in their DSN.
func isPublicUser(scheme, host []byte) bool {
	host = host[:urlHost.span(host, 0, len(host))]
	return string(scheme) == "enrtree" || bytes.HasSuffix(host, []byte(".sentry.io"))
}

var (
	schemeByte = newClass("A-Za-z0-9+.-")
	ipv6Byte   = newClass("0-9A-Fa-f:.")
)

// isFiller tells words that stand for a password, and one that repeats its
// user, from a password.
func isFiller(user, password []byte) bool {
	if len(user) > 3 && bytes.EqualFold(user, password) {
		return true
	}
	for _, w := range fillers {
		if foldIndex(password, w) >= 0 {
			return true
		}
	}
	return isDocumented(password)
}

// isWord reports whether a percent-encoded password is too short, or made of
// words alone: in documents and tests about URLs, most are.
func isWord(password []byte) bool {
	var buf [maxPassword]byte
	n := 0
	for i := 0; i < len(password) && n < len(buf); n++ {
		if i+2 < len(password) && password[i] == '%' && hexAny[password[i+1]] && hexAny[password[i+2]] {
			buf[n] = '%'
			i += 3
			continue
		}
		buf[n] = password[i]
		i++
	}
	text := buf[:n]
	return n < minPassword || n <= 12 && foldIndex(text, "sword") >= 0 || wordLike(text) && shapeOf(text).digits == 0
}

var fillers = []string{"password", "passwd", "username", "changeme", "change_me", "change-me", "redacted", "example", "my_secret", "mysecret", "key_1234", "hunter2", "your_", "secretpass", "xxxx", "foobar", "env.", "process."}

// isDatabaseScheme reports whether a scheme is that of a database, a broker, or
// another service that is reached with a password of its own. A driver may
// follow it, as in postgresql+psycopg.
func isDatabaseScheme(scheme []byte) bool {
	var buf [maxScheme]byte
	n := 0
	for n < len(scheme) && scheme[n] != '+' {
		buf[n] = toLower(scheme[n])
		n++
	}
	switch string(buf[:n]) {
	case "postgres", "postgresql", "mysql", "mysqlx", "mariadb", "mongodb", "redis", "rediss", "valkey", "valkeys", "amqp", "amqps", "sqlserver", "mssql", "clickhouse", "clickhouses",
		"oracle", "cockroachdb", "cockroach", "crdb", "redshift", "cassandra", "scylla", "neo4j", "neo4js", "bolt", "nats", "tls", "mqtt", "mqtts",
		"kafka", "stomp", "stomps", "ldap", "ldaps", "smtp", "smtps", "imap", "imaps", "pop3", "pop3s", "ftp", "ftps", "sftp", "ssh", "snowflake", "presto",
		"trino", "couchdb", "couchbase", "couchbases", "influxdb", "elasticsearch", "elastic", "opensearch", "arangodb", "db2", "vertica", "hive", "hive2",
		"impala", "teradata", "firebird", "sybase", "saphana", "hana", "memcached", "etcd", "rabbitmq", "pulsar", "tidb", "singlestore", "libsql", "surrealdb", "rtsp", "rtsps", "sip", "sips", "smb", "cifs":
		return true
	}
	return false
}
