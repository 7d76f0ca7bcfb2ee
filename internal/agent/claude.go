package agent

import (
	"encoding/json"
	"fmt"
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
	files, err := jsonFiles([]jsonFile{
		{".claude.json", 0o600, state},
		{".claude/settings.json", 0o600, map[string]any{"skipDangerousModePermissionPrompt": true}},
	})
	return Plan{
		Program: "claude",
		Install: "npm install -g @anthropic-ai/claude-code",
		Command: []string{"claude", "--dangerously-skip-permissions"},
		Env: map[string]string{
			"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC":             "1",
			"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
			"DISABLE_AUTOUPDATER":                                  "1",
			"MCP_CONNECTION_NONBLOCKING":                           "0",
		},
		Files: files,
		Hosts: []string{"api.anthropic.com"},
	}, err
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
