package manifest

import (
	"slices"
	"strings"
	"testing"
)

func TestNeedsNewBottle(t *testing.T) {
	for _, c := range []struct{ name, was, is, want string }{
		{"nothing changed", "env: {A: b}", "env: {A: b}", ""},
		{"routes follow", "egress: {routes: [{host: a.example}]}", "egress: {default: allow}", ""},
		{"mounts, also one that is gone", "mounts: [{path: ./a}]", "", "mounts"},
		{"the mode of a mount", "mounts: [{path: ./a, mode: rw}]", "mounts: [{path: ./a}]", "mounts"},
		{"the workspace and the environment", "", "workspace: {mode: mount}\nenv: {A: b}", "workspace env"},
		{"limits, agent and name", "", "agent: claude\nresources: {pids: 100}\ngit_user: {name: me}", "agent resources git_user"},
		{"capture, which is on by default", "capture: false", "capture: true\negress: {default: deny}", "capture"},
		{"services follow where names are captured", "", "host_services: [{name: db, port: 5432}]", ""},
		{"services without capture", "capture: false", "capture: false\nhost_services: [{name: db, port: 5432}]", "host_services"},
		{"ports, also one that is gone", "ports: [3000]", "ports: []", "ports"},
		{"a new canary", "dlp: {canaries: [A]}", "dlp: {canaries: [A, B]}", "dlp.canaries"},
		{"a canary that is gone", "dlp: {canaries: [A, B]}", "dlp: {canaries: [A]}", ""},
		{"a secret that gets a variable", "secrets: {x: {from: {env: X}}}", "secrets: {x: {from: {env: X}}}\negress: {routes: [{host: a.example, secrets: [x]}]}", "secrets"},
		{"a secret of a file", "", "secrets: {x: {from: {file: ./x}}}\negress: {routes: [{host: a.example, secrets: [x]}]}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			was := p.manifest("version: 1\n" + c.was + "\n").mustLoad()
			is := p.manifest("version: 1\n" + c.is + "\n").mustLoad()
			if got := NeedsNewBottle(was, is); !slices.Equal(got, strings.Fields(c.want)) {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}
