package bottle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/secret"
)

// What a secret's command runs must not come from where the agent writes: not
// by the folder that it starts in, and not by the PATH.
func TestCommandOfSecretRunsNothingOfTheAgent(t *testing.T) {
	const manifestText = `egress: {routes: [{host: a.example, secrets: [token]}]}
secrets: {token: {from: {command: [sh, -c, "if test -e ./planted; then . ./planted; elif planted-program; then :; else echo tok_0123456789abcdef; fi 2> /dev/null"]}, inject: bearer}}
`
	p := newProject(t)
	for _, dir := range []string{"", "work/"} {
		p.write(dir+"planted", "echo from-the-agent-0123456789\n", 0o700)
	}
	p.write("work/planted-program", "#!/bin/sh\necho from-the-agent-0123456789\n", 0o700)
	t.Setenv("PATH", os.Getenv("PATH")+":"+p.path("work"))
	t.Chdir(p.path("work"))
	m := p.load("mounts: [{path: ./work, at: /data, mode: rw}]\n" + manifestText)
	u, err := loadUser(p.env)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	_, cred, err := u.proxyConfig(t.Context(), m, secret.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour) // past its TTL
	if v, err := cred.secrets[0].Value(t.Context()); err != nil || v != "tok_0123456789abcdef" {
		t.Errorf("got %q, %v", v, err)
	}
	if entries, err := os.ReadDir(filepath.Join(u.stateDir, "empty")); err != nil || len(entries) > 0 {
		t.Errorf("the folder that commands run in: %v, %v", entries, err)
	}
}

func TestCommandOfSecretWithAFolderOfTheProjectIsNotTrusted(t *testing.T) {
	p := newProject(t)
	p.write("work/Makefile", "token:\n\techo tok_0123456789abcdef\n", 0o600)
	m := p.load("egress: {routes: [{host: a.example, secrets: [token]}]}\nsecrets: {token: {from: {command: [make, -C, " + p.path("work") + ", token]}, inject: bearer}}\n")
	if err := p.trust.Trust(m); err == nil || !strings.Contains(err.Error(), "names the folder "+p.path("work")) {
		t.Errorf("got %v", err)
	}
}
