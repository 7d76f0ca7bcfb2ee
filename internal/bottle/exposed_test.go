package bottle

import (
	"os"
	"strings"
	"testing"
)

func TestPrepareRefusesScriptsThatTheAgentCanChange(t *testing.T) {
	const routes = "egress: {routes: [{host: a.example, secrets: [token]}]}\n"
	const script, file = "secrets: {token: {from: {command: [sh, ./work/token.sh]}, inject: bearer}}\n", "secrets: {token: {from: {file: ./work/token}, inject: bearer}}\n"
	for _, c := range []struct {
		name, text string
		err, warns string
	}{
		{"a copy of the workspace", routes + script, "", ""},
		{"the workspace itself", "workspace: {path: ./work, mode: mount}\n" + routes + script, "work/token.sh, which the agent could change", ""},
		{"a writable mount", "mounts: [{path: ./work, at: /data, mode: rw}]\n" + routes + script, "work/token.sh, which the agent could change", ""},
		{"a writable mount by way of a link", "mounts: [{path: ./work, at: /data, mode: rw}]\n" + routes + strings.Replace(script, "./work/", "./link/", 1), "which the agent could change", ""},
		{"a link that the agent can turn elsewhere", "mounts: [{path: ./turn, at: /data, mode: rw}]\n" + routes + strings.Replace(script, "./work/", "./turn/", 1), "turn/token.sh, which the agent could change", ""},
		{"a program that the PATH finds", "mounts: [{path: ./work, at: /data, mode: rw}]\n" + routes + "secrets: {token: {from: {command: [token.sh]}, inject: bearer}}\n", "work/token.sh, which the agent could change", ""},
		{"a file that is not there yet", "workspace: {path: ./work, mode: mount}\n" + routes + strings.Replace(script, "[sh, ./work/token.sh]", "[sh, PROJECT/work/later.sh]", 1), "work/later.sh, which the agent could change", ""},
		{"a file in a text", "workspace: {path: ./work, mode: mount}\n" + routes + strings.Replace(script, "[sh, ./work/token.sh]", "[sh, -c, '. PROJECT/work/token.sh']", 1), "work/token.sh, which the agent could change", ""},
		{"a folder with a Makefile", "workspace: {path: ./work, mode: mount}\n" + routes + strings.Replace(script, "[sh, ./work/token.sh]", "[make, -C, /, -fPROJECT/work/Makefile]", 1), "work/Makefile, which the agent could change", ""},
		{"a read-only mount", "mounts: [{path: ./work, at: /data}]\n" + routes + script, "", ""},
		{"a file in a copy", routes + file, "", "the copy of the workspace has"},
		{"a file in the workspace itself", "workspace: {path: ./work, mode: mount}\n" + routes + file, "", "the agent can read"},
		{"a file in a read-only mount", "mounts: [{path: ./work, at: /data}]\n" + routes + file, "", "the agent can read"},
		{"a secret that nobody uses", "workspace: {path: ./work, mode: mount}\n" + script, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			p.write("work/token.sh", "echo tok_0123456789abcdef\n", 0o700)
			p.write("work/token", "tok_0123456789abcdef\n", 0o600)
			p.mkdirs("turn")
			for link, to := range map[string]string{"link": "work", "turn/token.sh": "work/token.sh"} {
				if err := os.Symlink(p.path(to), p.path(link)); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", p.path("work")+":"+os.Getenv("PATH"))
			text := strings.ReplaceAll(c.text, "PROJECT", p.dir)
			if !strings.Contains(text, "workspace:") {
				text = "workspace: {path: ./work}\n" + text
			}
			p.write("bottle.yaml", "version: 1\n"+text, 0o600)
			m, err := p.read()
			if err == nil {
				err = p.trust.Trust(m)
			}
			if err != nil {
				t.Fatal(err)
			}
			prepared, err := Prepare(t.Context(), p.options(m, &fakeBackend{}))
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %q", err, c.err)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			warnings := strings.Join(prepared.Warnings, "\n")
			warned := strings.Contains(warnings, "the secret token itself")
			if warned != (c.warns != "") || !strings.Contains(warnings, c.warns) {
				t.Errorf("it warns: %q", prepared.Warnings)
			}
		})
	}
}
