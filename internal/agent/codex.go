package agent

import (
	"fmt"
	"strconv"
	"strings"
)

// codex is OpenAI's Codex with an API key in CODEX_API_KEY. Its settings keep
// it to its provider and start no process that outlives a command.
func codex(opt Options) (Plan, error) {
	var b strings.Builder
	b.WriteString(`check_for_update_on_startup = false
cli_auth_credentials_store = "file"

[analytics]
enabled = false

[feedback]
enabled = false

[otel]
exporter = "none"
metrics_exporter = "none"

[features]
apps = false
plugins = false
remote_plugin = false
enable_request_compression = false
daemon_auto_start = false
unbounded_connection_retries = false
`)
	for _, dir := range []string{opt.Workspace, opt.Home} {
		if dir == "" {
			continue
		}
		// A TOML basic string; Go's quoting is a subset of it for paths
		// without control characters.
		fmt.Fprintf(&b, "\n[projects.%s]\ntrust_level = \"trusted\"\n", strconv.Quote(dir))
	}
	if opt.Supervise != "" {
		// Its tools may wait for a person.
		fmt.Fprintf(&b, "\n[mcp_servers.%s]\nurl = %s\ntool_timeout_sec = 120\n", superviseName, strconv.Quote(opt.Supervise))
	}
	return Plan{
		Program: "codex",
		Install: "npm install -g @openai/codex",
		Command: []string{"codex", "--dangerously-bypass-approvals-and-sandbox"},
		Files:   []File{{Path: ".codex/config.toml", Mode: 0o600, Data: b.String()}},
		Hosts:   []string{"api.openai.com"},
	}, nil
}
