package workspace

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestCleanURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.com/org/repo.git":        "https://example.com/org/repo.git",
		"https://user:token@example.com/org/repo": "https://example.com/org/repo",
		"https://token@example.com:8443/org/repo": "https://example.com:8443/org/repo",
		"HTTPS://u:p@Example.com/x":               "https://Example.com/x",
		"https://u:p%40q@[::1]:80/x?token=1#f":    "https://[::1]:80/x",
		"http://x-access-token:t@h/x":             "http://h/x",
		"https://git@h/x":                         "https://h/x",
		"ssh://git@h:22/x":                        "ssh://git@h:22/x",
		"ssh://git:pass@h/x":                      "ssh://git@h/x",
		"ssh://me@h/x":                            "ssh://h/x",
		"git@github.com:org/repo.git":             "git@github.com:org/repo.git",
		"me@h:x":                                  "h:x",
		"h:x/y":                                   "h:x/y",
		"/srv/git/x.git":                          "/srv/git/x.git",
		"../x":                                    "../x",
		"file:///srv/x":                           "file:///srv/x",
		"":                                        "",
		"user:token@example.com/org/repo":         "",
		"user:token@example.com:org/repo":         "",
		"https:///user:token@example.com/":        "",
		"https://h/u:token@h2/x":                  "",
		"https://h/u%3Atoken@h2/x":                "",
		"https:user:token@h/x":                    "",
		"https://u:p@h\\@g/x":                     "",
		"https://u:p@h g/x":                       "",
		"ext::sh -c touch% /tmp/x":                "",
		"ext::ssh://h/[x":                         "",
		"foo::https://[::1]/x":                    "",
		"javascript://h/x":                        "",
		"-oProxyCommand=x:y":                      "",
		"-x:y":                                    "",
		"https://h/x\nurl = y":                    "",
	} {
		got, ok := cleanURL(in)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestConfigOfAWorktree(t *testing.T) {
	cfg, err := cleanConfig([]byte("[extensions]\n\tworktreeConfig = true\n\tobjectFormat = SHA256\n[core]\n\tbare = true\n\tignorecase = yes\n"),
		[]byte("[core]\n\tsparseCheckout = true\n\tfsmonitor = x\n\tautocrlf = true\n[index]\n\tsparse = true\n"), Identity{})
	must(t, err)
	want := "[core]\n\tignorecase = \"yes\"\n\tsparsecheckout = \"true\"\n[extensions]\n\tobjectformat = \"SHA256\"\n[index]\n\tsparse = \"true\"\n[core]\n\tbare = false\n"
	if string(cfg.text) != want || cfg.hashSize != 32 || !cfg.ignoreCase {
		t.Errorf("got %q, %d, %v", cfg.text, cfg.hashSize, cfg.ignoreCase)
	}
	if _, err := cleanConfig([]byte("[core\nx"), nil, Identity{}); err == nil {
		t.Error("a broken config is accepted")
	}
	if _, err := cleanConfig([]byte(strings.Repeat("[a]\n", maxSections+1)), nil, Identity{}); err == nil {
		t.Error("a config of too many sections is accepted")
	}
}

var configLine = regexp.MustCompile(`^(\[([a-z]+)( "(?:[^"\\]|\\.)*")?\]|\t([a-z]+) = (?:"((?:[^"\\]|\\.)*)"|false))$`)

// What comes out is made of listed sections and keys only, one to a line, and
// no URL in it has a user but "git" over ssh.
func FuzzGitConfig(f *testing.F) {
	for _, seed := range []string{
		"[remote \"origin\"]\n\turl = https://u:p@h/x\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\tproxy = x\n",
		"[core]\n\tfsmonitor = x\n\thooksPath = y\n\tsshCommand = z\n\tworktree = /\n[include]\n\tpath = x\n[includeIf \"gitdir:x\"]\npath=y\n",
		"[credential]\n\thelper = x\n[http \"https://h\"]\n\textraheader = A\n[url \"https://u:p@h/\"]\n\tinsteadOf = x\n",
		"[branch \"a\\\"]\\n\"]\n\tremote = https://u:p@h/x\n\tmerge = refs/heads/a\n",
		"[remote.origin]\nurl = \"u:p@h:x\" ; c\n[submodule \"a b\"]\nurl = me@h:x\nactive\n",
		"[remote \"https://u:p@h\"]\n\turl = ext::x\n\tpromisor = true\n",
	} {
		f.Add([]byte(seed))
	}
	listed := map[string]bool{"user": true, "bare": true, "name": true, "email": true}
	for _, s := range kept {
		for _, k := range s.keys {
			listed[s.name+"."+k.name] = true
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := cleanConfig(data, nil, Identity{})
		if err != nil {
			return
		}
		section := ""
		for line := range strings.Lines(string(cfg.text)) {
			m := configLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if m == nil {
				t.Fatalf("line %q of %q", line, cfg.text)
			}
			if m[2] != "" {
				section = m[2]
				if strings.ContainsAny(m[3], ":\x00\n") {
					t.Fatalf("subsection %q", m[3])
				}
				continue
			}
			key, value := m[4], m[5]
			if !listed[section+"."+key] && section+"."+key != "core.bare" {
				t.Fatalf("key %s.%s", section, key)
			}
			if !strings.HasSuffix(key, "url") {
				if strings.Contains(value, "://") {
					t.Fatalf("%s = %q", key, value)
				}
				continue
			}
			if u, err := url.Parse(value); err == nil && u.User != nil && (u.User.String() != "git" || !strings.HasSuffix(u.Scheme, "ssh")) {
				t.Fatalf("user in %q", value)
			}
			if host, path, ok := strings.Cut(value, ":"); ok && !strings.Contains(value, "://") &&
				(strings.Contains(path, "@") || strings.Contains(strings.TrimPrefix(host, "git@"), "@")) {
				t.Fatalf("user in %q", value)
			}
		}
		// A clean config stays what it is.
		again, err := cleanConfig(cfg.text, nil, Identity{})
		if err != nil {
			t.Fatalf("%v in %q", err, cfg.text)
		}
		if string(again.text) != string(cfg.text) {
			t.Fatalf("%q became %q", cfg.text, again.text)
		}
	})
}
