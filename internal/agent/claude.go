package agent

import (
	"encoding/json"
	"fmt"

	"github.com/bot-bottle/bottle/internal/secret"
)

// claude is Claude Code. With these settings it contacts api.anthropic.com
// only, asks no first-run question, and trusts the workspace.
func claude(opt Options) (Plan, error) {
	state := map[string]any{
		"hasCompletedOnboarding": true,
		"projects": map[string]any{
			opt.Workspace: map[string]any{"hasTrustDialogAccepted": true},
		},
	}
	if opt.Supervise != "" {
		state["mcpServers"] = map[string]any{superviseName: map[string]any{"type": "http", "url": opt.Supervise}}
	}
	// It asks about an API key that it does not know by its last 20 characters.
	if key := opt.Env["ANTHROPIC_API_KEY"]; key != "" {
		state["customApiKeyResponses"] = map[string]any{
			"approved": []string{key[max(0, len(key)-20):]}, "rejected": []string{},
		}
	}
	env := map[string]string{
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC":             "1",
		"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
		"DISABLE_AUTOUPDATER":                                  "1",
		"MCP_CONNECTION_NONBLOCKING":                           "0",
	}
	docs := []jsonFile{
		{".claude.json", 0o600, state},
		{".claude/settings.json", 0o600, opt.Settings.with(map[string]any{"skipDangerousModePermissionPrompt": true})},
	}
	credential := claudeCredential(layered{env, opt.Env})
	if l, ok := opt.login(secret.LoginClaude); ok {
		docs = append(docs, jsonFile{claudeFile, 0o600, claudeLogin(l)})
		if credential == nil {
			credential = &Credential{"oauth token", "~/" + claudeFile}
		}
	}
	files, err := jsonFiles(docs)
	for i := range files {
		files[i].Format = JSON
	}
	files = append(files, skillFiles(".claude/skills/", opt.Skills)...)
	command := []string{"claude", "--dangerously-skip-permissions"}
	if opt.Prompt != "" {
		const path = ".claude/bottle-prompt.md"
		files = append(files, File{Path: path, Mode: 0o600, Data: opt.Prompt})
		command = append(command, "--append-system-prompt-file", opt.Home+"/"+path)
	}
	return Plan{
		Program: "claude",
		Install: "npm install -g @anthropic-ai/claude-code",
		Command: command,
		Env:     env,
		Files:   files,
		Hosts:   []string{"api.anthropic.com/v1/messages"},
		Trusted: []string{opt.Workspace},

		Settings:   opt.Settings,
		Credential: credential,
	}, err
}

// claudeFile is where the client keeps its login. A variable in its stead would not tell it
// which subscription there is, by which it chooses a model.
const claudeFile = ".claude/.credentials.json"

// ClaudeScope is what a client inside takes its token to be for. With more it would ask who
// the person is, which is no business of the agent's.
const ClaudeScope = "user:inference"

// claudeLogin is a login as the client keeps it, with what stands for its token.
func claudeLogin(l Login) map[string]any {
	oauth := map[string]any{
		"accessToken": l.Placeholder, "refreshToken": NoToken, "expiresAt": secret.FarAway * 1000,
		"scopes": []string{ClaudeScope},
	}
	if l.Plan != "" {
		oauth["subscriptionType"] = l.Plan
	}
	return map[string]any{"claudeAiOauth": oauth}
}

// claudeCredential says which of the kinds of credentials it will use. The kind of a
// placeholder must be that of the real one: each goes into another header.
func claudeCredential(env layered) *Credential {
	for _, k := range []Credential{{"api key", "ANTHROPIC_API_KEY"}, {"auth token", "ANTHROPIC_AUTH_TOKEN"}, {"oauth token", "CLAUDE_CODE_OAUTH_TOKEN"}} {
		if env.get(k.Held) != "" {
			return &k
		}
	}
	return nil
}

// layered are environments; the first that has a variable counts.
type layered []map[string]string

func (l layered) get(name string) string {
	for _, env := range l {
		if v := env[name]; v != "" {
			return v
		}
	}
	return ""
}

// skillFiles puts skills into the folder where an agent looks for them.
func skillFiles(folder string, skills []File) (files []File) {
	for _, f := range skills {
		f.Path = folder + f.Path
		files = append(files, f)
	}
	return files
}

type jsonFile struct {
	path string
	mode Mode
	data any
}

func jsonFiles(in []jsonFile) ([]File, error) {
	var files []File
	for _, f := range in {
		b, err := json.MarshalIndent(f.data, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.path, err)
		}
		files = append(files, File{Path: f.path, Mode: f.mode, Data: string(b) + "\n"})
	}
	return files, nil
}
