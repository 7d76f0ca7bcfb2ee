package bottle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/internal/agent"
)

// maxSettings bounds the file with a person's settings, in bytes.
const maxSettings = 256 << 10

// readSettings takes over what the agent's client has as its settings on this host.
// Without them the agent works as well, so a file that cannot be read is no error.
func (p *Prepared) readSettings() {
	f, ok := agent.SettingsOf(p.Manifest.Agent)
	if !ok || !p.Manifest.ForwardHostSettings {
		return
	}
	dir, from := os.Getenv(f.Variable), "$"+f.Variable+"/"+f.File
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return
		}
		dir, from = filepath.Join(home, f.Folder), "~/"+f.Folder+"/"+f.File
	}
	text, err := readGiven(filepath.Join(dir, f.File), maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		p.settings, err = f.Read(from, text)
	}
	if err != nil {
		p.Warnings = append(p.Warnings, fmt.Sprintf("your settings of %s cannot be read, so the agent goes without them: %v", p.Manifest.Agent, err))
	}
}

// SettingsLines say what is taken over of the person's settings, and what is not.
func (p *Prepared) SettingsLines() (lines []string) {
	s := p.Plan.Settings
	if s == nil {
		return nil
	}
	for _, l := range []struct {
		what string
		keys []string
	}{{"as on this host", s.Taken}, {"left out, as it may name programs, endpoints or credentials", s.Left}} {
		if len(l.keys) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s", l.what, strings.Join(l.keys[:min(len(l.keys), maxSettingsNamed)], ", ")))
		}
	}
	return lines
}

// maxSettingsNamed is how many keys are named; the rest goes unsaid.
const maxSettingsNamed = 20
