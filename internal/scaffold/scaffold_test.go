package scaffold_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/scaffold"
)

func TestPropose(t *testing.T) {
	login := `{"claudeAiOauth":{"accessToken":"sk-ant-` + `oat01-abcdefghijklmnop","refreshToken":"r","expiresAt":4070908800000}}`
	tests := []struct {
		name     string
		programs []string
		env      map[string]string
		files    map[string]string // below the project, or ~/…
		want     []string          // lines
		agent    string
	}{
		{"nothing at all", nil, nil, nil, []string{"agent: generic"}, "generic"},
		{"an agent that nobody is logged in with", []string{"claude"}, nil, nil, []string{"# claude is installed; nobody is logged in with it, and ANTHROPIC_API_KEY is not set."}, "claude"},
		{"a login before a key", []string{"claude", "codex"}, map[string]string{"OPENAI_API_KEY": "a-key-of-openai"}, map[string]string{"~/.claude/.credentials.json": login},
			[]string{"# you are logged in with it.", "forward_host_credentials: true"}, "claude"},
		{"a key", []string{"claude", "codex"}, map[string]string{"OPENAI_API_KEY": "a-key-of-openai"}, nil, []string{"use: [openai]", "    from: {env: OPENAI_API_KEY}"}, "codex"},
		{"a project", []string{"gh"}, nil, map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/config": "[remote \"origin\"]\n\turl = git@github.com:a/b.git\n", "package.json": "{}", "Cargo.toml": "", ".env": "A=b",
			"~/.npmrc": "registry=https://npm.example.com/\n"}, []string{"use: [github, npm]", "  known: [./.env]", "    from: {command: [gh, auth, token]}", "#   github.com:", "#     auth: {secret: github}", "#       - path: a/b"}, "generic"},
		{"a worktree of a project", nil, nil, map[string]string{".git": "gitdir: main/.git/worktrees/w\n", "main/.git/worktrees/w/commondir": "../..\n", "main/.git/worktrees/w/gitdir": "PROJECT/.git\n",
			"main/.git/worktrees/w/HEAD": "ref: refs/heads/w\n", "main/.git/HEAD": "ref: refs/heads/main\n", "main/.git/objects/x": "",
			"main/.git/config": "[remote \"origin\"]\n\turl = https://word@github.com/a/b\n[remote \"other\"]\n\turl = ssh://git@forge.example.com/x/y.git\n[remote \"same\"]\n\turl = ssh://git@forge.example.com/x/z\n"},
			[]string{"use: [github]", "#   github.com:", "#       - path: a/b", "#   forge.example.com:", "#       - path: x/y", "#       - path: x/z"}, "generic"},
		{"a remote elsewhere", nil, nil, map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/config": "[remote \"origin\"]\n\turl = https://example.com/github.com/b.git\n"}, []string{"agent: generic", "#       - path: github.com/b"}, "generic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, home := t.TempDir(), t.TempDir()
			for name, text := range tt.files {
				path := filepath.Join(dir, name)
				if rest, ok := strings.CutPrefix(name, "~/"); ok {
					path = filepath.Join(home, rest)
				}
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(strings.ReplaceAll(text, "PROJECT", dir)), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			environ := []string{"HOME=" + home}
			for k, v := range tt.env {
				environ = append(environ, k+"="+v)
			}
			h := scaffold.Host{LookupEnv: func(name string) (string, bool) {
				if name == "HOME" {
					return home, true
				}
				v, ok := tt.env[name]
				return v, ok
			}, LookPath: func(name string) (string, error) {
				if slices.Contains(tt.programs, name) {
					return "/bin/" + name, nil
				}
				return "", os.ErrNotExist
			}}
			text := scaffold.Propose(dir, h)
			lines := strings.Split(text, "\n")
			for _, w := range tt.want {
				if !slices.Contains(lines, w) {
					t.Errorf("no line %q in\n%s", w, text)
				}
			}
			for _, v := range []string{"a-key-of-openai", "oat01", "word@"} {
				if strings.Contains(text, v) {
					t.Errorf("it tells a value:\n%s", text)
				}
			}
			path := filepath.Join(dir, "bottle.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := manifest.Load(manifest.Options{File: path, Dir: dir, Environ: environ})
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if m.Agent != tt.agent {
				t.Errorf("agent %s, want %s", m.Agent, tt.agent)
			}
			// What is proposed for git is one, once it is no comment any more.
			if before, rest, ok := strings.Cut(text, "# git:\n"); ok {
				commented, behind, _ := strings.Cut(rest, "\n\n")
				lines := "git:\n" + strings.ReplaceAll("\n"+commented, "\n# ", "\n") + "\n\n" + behind
				if err := os.WriteFile(path, []byte(before+lines), 0o600); err != nil {
					t.Fatal(err)
				}
				if m, err = manifest.Load(manifest.Options{File: path, Dir: dir, Environ: environ}); err != nil || len(m.Git) == 0 || m.Git[0].Repos[0].Access != manifest.GitWrite {
					t.Errorf("%v in\n%s", err, before+lines)
				}
			}
		})
	}
}
