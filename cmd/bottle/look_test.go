package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// lookControl is a text that a search must find: in a file, an environment and a
// command line.
const lookControl = "control-of-the-search"

// credentialVariables hold credentials of the host in scripts.
var credentialVariables = []string{"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"}

// hostCredentials are the values that must never be in a bottle or in a journal: those
// of the logins of a script's host, and of its variables.
func hostCredentials(ts *testscript.TestScript) (values []string) {
	for _, name := range credentialVariables {
		if v := ts.Getenv(name); v != "" {
			values = append(values, v)
		}
	}
	for _, name := range []string{".claude/.credentials.json", ".codex/auth.json"} {
		b, err := os.ReadFile(filepath.Join(ts.Getenv("HOME"), name))
		if os.IsNotExist(err) {
			continue
		}
		ts.Check(err)
		var doc any
		ts.Check(json.Unmarshal(b, &doc))
		values = append(values, secretTexts("", doc)...)
	}
	if len(values) == 0 {
		ts.Fatalf("the host has no credentials that could be looked for")
	}
	return values
}

// secretTexts are the texts of a login but for those that say what it is.
func secretTexts(name string, v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			list = append(list, secretTexts(k, e)...)
		}
	case string:
		if !slices.Contains([]string{"auth_mode", "last_refresh", "subscriptionType", ""}, name) {
			list = append(list, v)
		}
	}
	return list
}

// needles are parts of credentials by which they are known: the ends, and of a JSON web
// token the beginning of the claims too. Its own is that of its placeholder as well, and
// the end of an identity is the plan, which the client is told.
func needles(values []string) (list []string) {
	const size = 24
	for _, v := range values {
		list = append(list, v[max(0, len(v)-size):])
		if parts := strings.Split(v, "."); len(parts) == 3 {
			list = append(list, parts[1][:min(size, len(parts[1]))])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// cmdLook writes a program that searches a bottle from inside: look FILE. It prints where
// a credential of the host is, and where the control is; it holds neither itself.
func cmdLook(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: look file")
	}
	pattern := func(list []string) string {
		var alternatives []string
		for _, n := range list {
			alternatives = append(alternatives, "["+n[:1]+"]"+regexp.QuoteMeta(n[1:]))
		}
		return strings.Join(alternatives, "|")
	}
	text := fmt.Sprintf(lookScript, pattern(needles(hostCredentials(ts))), pattern([]string{lookControl}))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// lookScript looks into all processes, the files that they have mapped or open, and the
// files that the agent can write or that were made for it.
const lookScript = `credentials='%s'
control='%s'
seen() { # NAME FILE
	grep -qaE "$credentials" <"$2" && echo "credential in $1"
	grep -qaE "$control" <"$2" && echo "control in $1"
	true
}
for p in /proc/[0-9]*; do
	name=$(tr '\0' ' ' <$p/cmdline 2>/dev/null | head -c 40)
	echo "process $name"
	for what in cmdline environ; do seen "$what of $name" $p/$what 2>/dev/null; done
	sed -n 's/^[^/]*\(\/.*\)$/\1/p' $p/maps 2>/dev/null
	ls -d $p/fd/* 2>/dev/null
done >.looked
grep '^process\|^credential\|^control' .looked
grep '^/' .looked | sort -u | while read -r file; do
	if [ -f "$file" ]; then seen "mapped or open $file" "$file"; echo looked; fi
done >.mapped
grep -v '^looked' .mapped
echo "mapped: $(grep -c looked .mapped)"
for where in "$HOME" . /tmp /run /etc /var /dev/shm; do
	grep -rlaE -D skip -e "$credentials" "$where" 2>/dev/null | sed 's/^/credential in /'
	grep -rlaE -D skip -e "$control" "$where" 2>/dev/null | sed 's/^/control in /'
done
echo searched
`

// cmdLooked checks what that program has printed: looked FILE CLIENT, which must have
// been among the processes.
func cmdLooked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: looked file client")
	}
	text := ts.ReadFile(args[0])
	if strings.Contains(text, "credential in") {
		ts.Fatalf("there is a credential of the host in the bottle:\n%s", text)
	}
	for _, want := range []string{`process [^\n]*` + args[1], `control in [^\n]*control.txt`, `control in environ of `, `control in cmdline of `, `mapped: [1-9]`, `searched\n`} {
		if !regexp.MustCompile(want).MatchString(text) {
			ts.Fatalf("the search has not seen %q:\n%s", want, text)
		}
	}
}

// cmdUnseen makes sure that no file, nor any below a folder, has a credential of the
// host: unseen PATH….
func cmdUnseen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: unseen path…")
	}
	list := needles(hostCredentials(ts))
	check := func(name, text string) {
		for _, n := range list {
			if strings.Contains(text, n) {
				ts.Fatalf("%s has a part of a credential of the host: %q", name, n)
			}
		}
	}
	for _, a := range args {
		if a == "stdout" || a == "stderr" {
			check(a, ts.ReadFile(a))
			continue
		}
		files := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(os.Expand(a, ts.Getenv)), func(name string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(name)
			check(name, string(b))
			files++
			return err
		}))
		if files == 0 {
			ts.Fatalf("there are no files in %s", a)
		}
	}
}

// credentialHosts are the hosts of the mocks that may see a credential, below a path, and
// which.
var credentialHosts = map[string]func(path, value string) bool{
	"api.anthropic.com": func(_, v string) bool {
		return strings.HasPrefix(v, "sk-"+"ant-oat01-real-access-") || strings.HasSuffix(v, "-real")
	},
	"api.openai.com": func(p, v string) bool {
		return strings.HasPrefix(p, "/v1/") && strings.HasPrefix(v, "sk-"+"proj-")
	},
	"chatgpt.com": func(p, v string) bool {
		parts := strings.Split(v, ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
		return strings.HasPrefix(p, "/backend-api/") && (v == "real-account-1" || err == nil && strings.Contains(string(claims), `"real-access-`))
	},
}

// cmdLent checks that the mocks saw credentials of the host and none else, on the right
// hosts and paths: lent COUNT, of at least so many requests.
func cmdLent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lent count")
	}
	var want, got int
	_, err := fmt.Sscan(args[0], &want)
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile("upstream.log")) {
		var r struct {
			Host, URI string
			Header    map[string][]string
		}
		ts.Check(json.Unmarshal([]byte(line), &r))
		path, _, _ := strings.Cut(r.URI, "?")
		for name, values := range r.Header {
			if !slices.Contains([]string{"Authorization", "X-Api-Key", "Chatgpt-Account-Id", "Proxy-Authorization", "Cookie"}, name) {
				continue
			}
			for _, v := range values {
				may := credentialHosts[r.Host]
				if v = strings.TrimPrefix(v, "Bearer "); may == nil || !may(path, v) {
					ts.Fatalf("%s%s saw %s: %s", r.Host, path, name, v)
				}
				got++
			}
		}
	}
	if got < want {
		ts.Fatalf("credentials were seen %d times, fewer than %d", got, want)
	}
}
