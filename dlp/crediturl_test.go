package dlp

import (
	"strings"
	"testing"
)

func urlFinding(in string) (rule, text string) {
	for at := range in {
		if r, from, to, ok := credentialURL([]byte(in), at); ok {
			return r, in[from:to]
		}
	}
	return "", ""
}

func TestCredentialURLs(t *testing.T) {
	r := newRand(1)
	for range 20 {
		pw := randText(r, "A-Za-z0-9", 6) + "7" + randText(r, "!+~^&A-Za-z0-9", 9)
		for _, scheme := range []string{
			"postgres", "postgresql+psycopg2", "mysql", "mysql+pymysql", "mongodb+srv", "rediss", "amqps", "mssql", "oracle", "cockroachdb", "redshift", "cassandra", "neo4j", "neo4j+s", "bolt+ssc",
			"nats", "mqtt", "mqtts", "kafka", "stomp", "ldap", "ldaps", "smtp", "smtps", "imap", "imaps", "ftp", "ftps", "sftp", "ssh", "snowflake", "presto", "trino", "couchdb", "influxdb", "elasticsearch", "POSTGRES", "jdbc:postgresql",
		} {
			for _, p := range tokenFrames {
				in := p.before + scheme + "://app:" + pw + "@db.prod.corp.io:5432/app" + p.after
				if rule, text := urlFinding(in); rule != ruleDatabaseURL || text != pw {
					t.Errorf("in %q: %s %q", in, rule, text)
				}
			}
		}
		for _, scheme := range []string{"http", "https", "git+https", "ws", "wss", "svn", "proxy"} {
			for _, host := range []string{"git.corp.io/x.git", "10.1.2.3:8080", "[2001:db8::7]:80/"} {
				in := "remote " + scheme + "://deploy:" + pw + "@" + host + " "
				if rule, text := urlFinding(in); rule != ruleBasicAuthURL || text != pw {
					t.Errorf("in %q: %s %q", in, rule, text)
				}
			}
		}
		token := value(r)
		if strings.ContainsAny(token, "/") {
			continue
		}
		if rule, text := urlFinding("https://" + token + "@git.corp.io/x.git"); rule != ruleBasicAuthURL || text != token {
			t.Errorf("https://%s@…: %s %q", token, rule, text)
		}
	}
	const pw = "s3cr3t" + "passw9rdX"
	if rule, text := urlFinding("redis://:" + pw + "@cache.corp.io:6379"); rule != ruleDatabaseURL || text != pw {
		t.Errorf("no user: %s %q", rule, text)
	}
}

func TestNotCredentialURLs(t *testing.T) {
	for _, in := range []string{
		"https://host.corp.io/a:b@c", "https://host.corp.io:8443/path@v2", "https://user@host.corp.io/", "https://user:short1@host.corp.io", "https://user:${PASSWORD}@host.corp.io",
		"https://user:{{password}}@host.corp.io", "https://user:<password>@host.corp.io", "https://user:%s@host.corp.io", "https://user:********@host.corp.io", "https://user:password@host.corp.io",
		"https://admin:changeme@host.corp.io", "https://username:userpassword1@host.corp.io", "https://x:xxxxxxxxxxxx@host.corp.io", "https://u:PW@localhost:80", "https://u:PW@127.0.0.1",
		"https://u:PW@db:5432", "https://u:PW@www.example.com/", "https://u:PW@[::1]:80", "https://u:PW", "https://u:PW @host.corp.io", "http://user:pa%2Fssword@host.corp.io",
		"https://operator:operator@host.corp.io", "https://some-long-name-of-user@host.corp.io", "https://github.com/org/repo@v1.2.3", "postgres://app:postgres@db.corp.io", "postgres://app:secret@db.corp.io", "dotenv://:key_1234@dotenv.org/vault/.env.vault",
		"https://" + randText(newRand(5), "0-9a-f", 32) + "@o447951.ingest.us.sentry.io/4509632503087104", "enrtree://" + randText(newRand(6), "A-Z2-7", 53) + "@all.nodes.io", "://u:PW@a.corp.io", " ://u:PW@a.corp.io",
		"https://u:" + strings.Repeat("a1B2", 100) + "@host.corp.io", strings.Repeat("u", 80) + "://" + strings.Repeat("u", 80) + ":PW@host.corp.io",
	} {
		in = strings.ReplaceAll(in, "PW", "kd83"+"Jd0s9Kd2")
		if rule, text := urlFinding(in); rule != "" {
			t.Errorf("in %q: %s %q", in, rule, text)
		}
	}
}
