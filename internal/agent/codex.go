package agent

import (
	"github.com/bot-bottle/bottle/internal/secret"
)

// codex is OpenAI's Codex. Its settings keep it to its provider and start no process
// that outlives a command.
func codex(opt Options) (Plan, error) {
	config, err := TOML.render(opt.Settings.with(codexConfig(opt)))
	if err != nil {
		return Plan{}, err
	}
	files := []File{{Path: ".codex/config.toml", Mode: 0o600, Data: config, Format: TOML}}
	files = append(files, skillFiles(".codex/skills/", opt.Skills)...)
	if opt.Prompt != "" {
		files = append(files, File{Path: ".codex/AGENTS.md", Mode: 0o600, Data: opt.Prompt})
	}
	auth, credential, hosts := codexAuth(opt)
	if auth != nil {
		f, err := jsonFiles([]jsonFile{{".codex/auth.json", 0o600, auth}})
		if err != nil {
			return Plan{}, err
		}
		files = append(files, f...)
	}
	return Plan{
		Program: "codex",
		Install: "npm install -g @openai/codex",
		Command: []string{"codex", "--dangerously-bypass-approvals-and-sandbox"},
		Files:   files,
		Hosts:   hosts,
		Trusted: []string{opt.Workspace, opt.Home},
		Stale:   []string{".codex/state_*.sqlite*", ".codex/logs_*.sqlite*"},

		Settings:   opt.Settings,
		Credential: credential,
	}, nil
}

// codexConfig are the keys of config.toml that are the plan's.
func codexConfig(opt Options) map[string]any {
	config := map[string]any{
		"check_for_update_on_startup": false,
		"cli_auth_credentials_store":  "file",
		"analytics":                   map[string]any{"enabled": false},
		"feedback":                    map[string]any{"enabled": false},
		"otel":                        map[string]any{"exporter": "none", "metrics_exporter": "none"},
		"features": map[string]any{
			"apps": false, "plugins": false, "remote_plugin": false, "enable_request_compression": false,
			"daemon_auto_start": false, "unbounded_connection_retries": false,
		},
	}
	projects := map[string]any{}
	for _, dir := range []string{opt.Workspace, opt.Home} {
		if dir != "" {
			projects[dir] = map[string]any{"trust_level": "trusted"}
		}
	}
	if len(projects) > 0 {
		config["projects"] = projects
	}
	if opt.Supervise != "" {
		// Its tools may wait for a person.
		config["mcp_servers"] = map[string]any{superviseName: map[string]any{"url": opt.Supervise, "tool_timeout_sec": 120}}
	}
	return config
}

// codexAuth is what auth.json has: a subscription's login, or an API key. Codex
// reads a key from no variable but CODEX_API_KEY, so one that is meant for the SDKs
// is written here too.
func codexAuth(opt Options) (auth map[string]any, _ *Credential, hosts []string) {
	const file = "~/.codex/auth.json"
	key := opt.Env["OPENAI_API_KEY"]
	l, ok := opt.login(secret.LoginCodex)
	switch {
	case ok && l.Mode == secret.LoginOAuth:
		return map[string]any{
			"auth_mode": "chatgpt", "OPENAI_API_KEY": nil,
			// Without an account: the host puts it beside the token. The token says an
			// end that is far away, as the host renews it.
			"tokens":       map[string]string{"id_token": CodexIDToken(l.Plan), "access_token": l.Placeholder, "refresh_token": NoToken},
			"last_refresh": "2099-01-01T00:00:00Z",
		}, &Credential{"oauth token", file}, []string{"chatgpt.com/backend-api/codex/responses"}
	case ok:
		key = l.Placeholder
	case opt.Env["CODEX_API_KEY"] != "":
		return nil, &Credential{"api key", "CODEX_API_KEY"}, []string{"api.openai.com/v1/responses"}
	}
	if key == "" {
		return nil, nil, []string{"api.openai.com/v1/responses"}
	}
	return map[string]any{"auth_mode": "apikey", "OPENAI_API_KEY": key}, &Credential{"api key", file}, []string{"api.openai.com/v1/responses"}
}
