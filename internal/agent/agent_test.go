package agent_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/secret"
)

func TestPlans(t *testing.T) {
	opt := agent.Options{Workspace: "/work/it's \"here\"", Home: "/home/agent",
		Env: map[string]string{"ANTHROPIC_API_KEY": "sk-ant-api03-placeholder-0123456789abcdef"}, Args: []string{"-p", "hi"}}
	for _, name := range agent.Names() {
		t.Run(name, func(t *testing.T) {
			p, err := agent.New(name, opt)
			if err != nil {
				t.Fatal(err)
			}
			if p.Agent != name {
				t.Errorf("agent %q", p.Agent)
			}
			if p.Program != "" && (p.Command[0] != p.Program || !slices.Equal(p.Command[len(p.Command)-2:], opt.Args)) {
				t.Errorf("command %q", p.Command)
			}
			if (p.Program == "") != (p.Install == "") {
				t.Errorf("the program %q is installed by %q", p.Program, p.Install)
			}
		})
	}
	if _, err := agent.New("nobody", opt); err == nil || !strings.Contains(err.Error(), "claude, codex, generic") {
		t.Errorf("an unknown agent: %v", err)
	}
}

func TestClaudeIsNotAskedAnything(t *testing.T) {
	key := "sk-ant-api03-placeholder-0123456789abcdef"
	p, err := agent.New("claude", agent.Options{Workspace: "/w", Env: map[string]string{"ANTHROPIC_API_KEY": key}})
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		HasCompletedOnboarding bool
		Projects               map[string]struct{ HasTrustDialogAccepted bool }
		CustomApiKeyResponses  struct{ Approved []string }
	}
	if err := json.Unmarshal([]byte(file(t, p, ".claude.json").Data), &state); err != nil {
		t.Fatal(err)
	}
	if !state.HasCompletedOnboarding || !state.Projects["/w"].HasTrustDialogAccepted || !slices.Equal(state.CustomApiKeyResponses.Approved, []string{key[len(key)-20:]}) {
		t.Errorf("state %+v", state)
	}
}

// TestPromptAndSkills: each agent gets them where it looks.
func TestPromptAndSkills(t *testing.T) {
	opt := agent.Options{Home: "/home/agent", Prompt: "be careful", Skills: []agent.File{{Path: "review/SKILL.md", Mode: 0o600, Data: "how"}}}
	claude, err := agent.New("claude", opt)
	if err != nil {
		t.Fatal(err)
	}
	if file(t, claude, ".claude/bottle-prompt.md").Data != "be careful" || file(t, claude, ".claude/skills/review/SKILL.md").Data != "how" {
		t.Errorf("claude: %+v", claude.Files)
	}
	if !slices.Equal(claude.Command[2:], []string{"--append-system-prompt-file", "/home/agent/.claude/bottle-prompt.md"}) {
		t.Errorf("claude: %q", claude.Command)
	}
	codex, err := agent.New("codex", opt)
	if err != nil {
		t.Fatal(err)
	}
	if file(t, codex, ".codex/AGENTS.md").Data != "be careful" || file(t, codex, ".codex/skills/review/SKILL.md").Data != "how" {
		t.Errorf("codex: %+v", codex.Files)
	}
}

// TestLoginsAreHeldByPlaceholder: each client finds one where it looks, of its kind.
func TestLoginsAreHeldByPlaceholder(t *testing.T) {
	for _, tt := range []struct{ agent, held, in string }{{"claude", "~/.claude/.credentials.json", ".claude/.credentials.json"}, {"codex", "~/.codex/auth.json", ".codex/auth.json"}} {
		p, err := agent.New(tt.agent, agent.Options{Logins: []agent.Login{{Client: tt.agent, Mode: secret.LoginOAuth, Plan: "plus", Placeholder: "the-placeholder"}}})
		if err != nil {
			t.Fatal(err)
		}
		text := p.Env[tt.held]
		if tt.in != "" {
			text = file(t, p, tt.in).Data
		}
		if tt.agent == "claude" && (!strings.Contains(text, `"subscriptionType": "plus"`) || !strings.Contains(text, `"expiresAt": 4070908800000`)) {
			t.Errorf("the client cannot tell which subscription it is: %s", text)
		}
		if !strings.Contains(text, "the-placeholder") || p.Credential == nil || *p.Credential != (agent.Credential{Form: "oauth token", Held: tt.held}) {
			t.Errorf("%s: %+v, %s", tt.agent, p.Credential, text)
		}
	}
}

func file(t *testing.T, p agent.Plan, path string) agent.File {
	t.Helper()
	for _, f := range p.Files {
		if f.Path == path {
			return f
		}
	}
	t.Fatalf("no file %s in %+v", path, p.Files)
	return agent.File{}
}

func TestGitUserCannotAddSettings(t *testing.T) {
	p, err := agent.New("generic", agent.Options{GitUser: agent.GitUser{Name: "A \"B\"\n[core]\n\tfsmonitor = x", Email: "a@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "[user]\n\tname = \"A \\\"B\\\"\\n[core]\\n\\tfsmonitor = x\"\n\temail = \"a@example.com\"\n"
	if got := file(t, p, ".gitconfig").Data; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestWrite(t *testing.T) {
	home := t.TempDir()
	p := agent.Plan{Files: []agent.File{{Path: "a/b/c.json", Mode: 0o640, Data: "new"}, {Path: "d", Mode: 0o600, Data: "d"}}}
	if err := os.WriteFile(filepath.Join(home, "d"), []byte("an old and longer text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is there is replaced
		if err := p.Write(home, -1, -1); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range p.Files {
		name := filepath.Join(home, f.Path)
		b, err := os.ReadFile(name)
		if err != nil || string(b) != f.Data {
			t.Errorf("%s: %q, %v", f.Path, b, err)
		}
		if fi, err := os.Stat(name); err != nil || agent.Mode(fi.Mode().Perm()) != f.Mode {
			t.Errorf("%s: mode %v, %v", f.Path, fi.Mode(), err)
		}
	}
}

func TestWriteStaysInTheHome(t *testing.T) {
	home, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(home, ".claude")); err != nil {
		t.Fatal(err)
	}
	p := agent.Plan{Files: []agent.File{{Path: ".claude/settings.json", Mode: 0o600, Data: "x"}}}
	if err := p.Write(home, -1, -1); err == nil || !strings.Contains(err.Error(), ".claude/settings.json") {
		t.Errorf("a link out of the home: %v", err)
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("written outside: %v", entries)
	}
}

func TestModesAreOctal(t *testing.T) {
	b, err := json.Marshal(agent.File{Path: "x", Mode: 0o644})
	if want := `{"path":"x","mode":"0644","data":""}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
}
