package agent

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Settings are what a plan takes over of the settings that its client has on the host:
// how a person likes it to work. Nothing is taken that names a program, an endpoint or
// a credential, nor what a bottle decides itself.
type Settings struct {
	// From is the file, as the person would write it.
	From string `json:"from"`
	// Taken and Left are its keys, sorted; tables in dots. Left has none that the plan
	// sets itself.
	Taken []string `json:"taken,omitempty"`
	Left  []string `json:"left,omitempty"`

	values map[string]any
}

// SettingsFile is where a client keeps the person's settings: a file in a folder below
// the home, unless a variable names another folder.
type SettingsFile struct {
	Variable, Folder, File string
	Format                 Format
	// taken are the keys that are taken over; own are set by the plan, so that those
	// of the host are not even named.
	taken, own []string
}

var settingsFiles = map[string]SettingsFile{
	"codex": {
		"CODEX_HOME", ".codex", "config.toml", TOML,
		[]string{"model", "model_reasoning_effort", "model_reasoning_summary", "model_verbosity", "personality", "approval_policy",
			"hide_agent_reasoning", "show_raw_agent_reasoning", "project_doc_max_bytes", "project_doc_fallback_filenames",
			"tui.animations", "tui.theme", "tui.show_tooltips"},
		[]string{"check_for_update_on_startup", "cli_auth_credentials_store", "analytics", "feedback", "otel", "features", "projects", "sandbox_mode", "notice"},
	},
	"claude": {
		"CLAUDE_CONFIG_DIR", ".claude", "settings.json", JSON,
		[]string{"model", "outputStyle", "effortLevel", "alwaysThinkingEnabled", "language", "includeCoAuthoredBy", "theme", "editorMode",
			"verbose", "spinnerTipsEnabled", "prefersReducedMotion", "terminalProgressBarEnabled", "showTurnDuration"},
		[]string{"$schema", "skipDangerousModePermissionPrompt", "permissions", "autoUpdatesChannel"},
	},
}

// SettingsOf says where the client of an agent keeps the person's settings.
func SettingsOf(agent string) (SettingsFile, bool) {
	f, ok := settingsFiles[agent]
	return f, ok
}

// plainWord is a name, as of a model. What else a text could say is left out.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._:/@\[\]-]{0,99}$`)

// Read takes over what it may of the file's text. from is how the file is called.
func (f SettingsFile) Read(from string, text []byte) (*Settings, error) {
	all, err := f.Format.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	s := &Settings{From: from, values: map[string]any{}}
	s.take(f, "", all, s.values)
	// The name of a model is one of its provider.
	if p, ok := all["model_provider"]; ok && p != "openai" && s.values["model"] != nil {
		delete(s.values, "model")
		s.Taken = slices.DeleteFunc(s.Taken, func(k string) bool { return k == "model" })
		s.Left = append(s.Left, "model")
		slices.Sort(s.Left)
	}
	return s, nil
}

// take goes through a table, and through those in it of which something is taken.
func (s *Settings) take(f SettingsFile, prefix string, from, into map[string]any) {
	for _, k := range slices.Sorted(maps.Keys(from)) {
		name := prefix + k
		if table, ok := from[k].(map[string]any); ok && f.takesFrom(name) {
			below := map[string]any{}
			if s.take(f, name+".", table, below); len(below) > 0 {
				into[k] = below
			}
			continue
		}
		switch {
		case slices.Contains(f.taken, name) && plain(from[k]):
			into[k] = from[k]
			s.Taken = append(s.Taken, name)
		case !slices.Contains(f.own, name):
			s.Left = append(s.Left, name)
		}
	}
}

// takesFrom reports whether something is taken from a table.
func (f SettingsFile) takesFrom(table string) bool {
	return slices.ContainsFunc(f.taken, func(k string) bool { return len(k) > len(table) && k[:len(table)+1] == table+"." })
}

// plain are switches, numbers, names, and lists of names.
func plain(v any) bool {
	switch v := v.(type) {
	case string:
		return plainWord.MatchString(v)
	case []any:
		return len(v) <= 20 && !slices.ContainsFunc(v, func(e any) bool { s, ok := e.(string); return !ok || !plainWord.MatchString(s) })
	case map[string]any, nil:
		return false
	}
	return true
}

// with lays what a plan sets over the settings of the person.
func (s *Settings) with(own map[string]any) map[string]any {
	if s == nil {
		return own
	}
	return over(s.values, own)
}
