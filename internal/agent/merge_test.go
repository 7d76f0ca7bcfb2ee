package agent_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/agent"
)

// What a file of settings has already is kept, but for the keys that are the plan's.
func TestSettingsAreMerged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		file   agent.File
		there  string
		want   []string // parts of the file
		absent string
		same   bool // as it was, to the byte
		old    bool // what was there stands beside
	}{
		{"a template of Codex", agent.File{Path: "c/config.toml", Format: agent.TOML, Data: "[features]\napps = false\n"},
			"model = \"m\" # mine\n[features]\napps = true\nother = true\n", []string{"model = 'm'", "apps = false", "other = true"}, "apps = true", false, false},
		{"one that has it all, with comments", agent.File{Path: "c/config.toml", Format: agent.TOML, Data: "[features]\napps = false\n"},
			"# mine\n[features]\napps = false # too\nother = 1\n", []string{"# mine", "# too"}, "", true, false},
		{"settings of Claude", agent.File{Path: "s.json", Format: agent.JSON, Data: `{"a":{"b":true}}`},
			`{"a":{"b":false,"c":12345678901234567890},"d":["<x>"]}`, []string{`"b": true`, `"c": 12345678901234567890`, `"<x>"`}, "false", false, false},
		{"a table where a text was", agent.File{Path: "s.json", Format: agent.JSON, Data: `{"a":{"b":true}}`}, `{"a":"x","d":1}`, []string{`"b": true`, `"d": 1`}, `"x"`, false, false},
		{"what is no JSON", agent.File{Path: "s.json", Format: agent.JSON, Data: `{"a":1}`}, `{"a":`, []string{`{"a":1}`}, "", false, true},
		{"what is no TOML", agent.File{Path: "s.toml", Format: agent.TOML, Data: "a = 1\n"}, "a = \n[", []string{"a = 1"}, "", false, true},
		{"more than is read", agent.File{Path: "s.toml", Format: agent.TOML, Data: "a = 1\n"}, "b = 1\n" + strings.Repeat("# x\n", 70_000), []string{"a = 1"}, "b = 1", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			name := filepath.Join(home, tt.file.Path)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(tt.there), 0o644); err != nil {
				t.Fatal(err)
			}
			tt.file.Mode = 0o600
			p := agent.Plan{Files: []agent.File{tt.file}}
			for range 2 { // the second changes nothing more
				if err := p.Write(home, -1, -1); err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				got := string(b)
				for _, part := range tt.want {
					if !strings.Contains(got, part) {
						t.Errorf("%q is not in\n%s", part, got)
					}
				}
				if tt.absent != "" && strings.Contains(got, tt.absent) || tt.same != (got == tt.there) {
					t.Errorf("got\n%s", got)
				}
			}
			if b, err := os.ReadFile(name + ".old"); (err == nil && string(b) == tt.there) != tt.old {
				t.Errorf("beside it: %v", err)
			}
		})
	}
}

// A file that an agent has made a link is not read, and nothing behind it is written.
func TestSettingsAreNotMergedThroughLinks(t *testing.T) {
	home, outside := t.TempDir(), filepath.Join(t.TempDir(), "mine.json")
	if err := os.WriteFile(outside, []byte(`{"secret":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(home, "s.json")); err != nil {
		t.Fatal(err)
	}
	p := agent.Plan{Files: []agent.File{{Path: "s.json", Mode: 0o600, Format: agent.JSON, Data: `{"a":1}`}}}
	if err := p.Write(home, -1, -1); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(home, "s.json")); err != nil || string(b) != `{"a":1}` {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != `{"secret":1}` {
		t.Errorf("outside: %q, %v", b, err)
	}
}

func TestSettingsOfTheHostAreTakenWhereTheyAreHarmless(t *testing.T) {
	for _, tt := range []struct {
		name, agent, text string
		taken, left       []string
		in, out           string // of the file that the plan writes
	}{
		{"Codex", "codex", "model = \"gpt-x\"\npersonality = \"friendly\"\nnotify = [\"sh\"]\n[tui]\ntheme = \"dark\"\nnotifications = true\n[mcp_servers.a]\ncommand = \"evil\"\n[features]\napps = true\n[projects.\"/x\"]\ntrust_level = \"trusted\"\n",
			[]string{"model", "personality", "tui.theme"}, []string{"mcp_servers", "notify", "tui.notifications"}, "gpt-x", "evil"},
		{"Codex with a provider of its own", "codex", "model = \"other\"\nmodel_provider = \"mine\"\n[model_providers.mine]\nbase_url = \"https://evil.example\"\n",
			nil, []string{"model", "model_provider", "model_providers"}, "trusted", "other"},
		{"Codex with a name that is none", "codex", "model = \"a\\nb\"\n", nil, []string{"model"}, "trusted", "model ="},
		{"Claude", "claude", `{"model":"opus","hooks":{"Stop":[]},"env":{"A":"evil"},"apiKeyHelper":"evil","verbose":true,"permissions":{}}`,
			[]string{"model", "verbose"}, []string{"apiKeyHelper", "env", "hooks"}, `"model": "opus"`, "evil"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, ok := agent.SettingsOf(tt.agent)
			if !ok {
				t.Fatal("it has no settings")
			}
			s, err := f.Read("there", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.Taken, tt.taken) || !slices.Equal(s.Left, tt.left) {
				t.Errorf("taken %q, left %q", s.Taken, s.Left)
			}
			p, err := agent.New(tt.agent, agent.Options{Workspace: "/w", Settings: s})
			if err != nil {
				t.Fatal(err)
			}
			got := file(t, p, f.Folder+"/"+f.File).Data
			if !strings.Contains(got, tt.in) || strings.Contains(got, tt.out) || strings.Contains(got, "apps = true") {
				t.Errorf("the file has\n%s", got)
			}
		})
	}
	f, _ := agent.SettingsOf("codex")
	if _, err := f.Read("~/x", []byte("a = [")); err == nil || !strings.Contains(err.Error(), "~/x") {
		t.Errorf("what is no TOML: %v", err)
	}
}
