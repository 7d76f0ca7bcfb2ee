// Package topics gives sections of docs/ as the help of a command line.
package topics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/docs"
)

// Topic is one text: a section of a page, or a page.
type Topic struct {
	Name  string // what stands behind "bottle help"
	Short string
	page  string
	title string // of the section; "" for the page
}

// All are the topics, in the order in which they are listed.
func All() []Topic {
	return []Topic{
		{"routes", "what a bottle reaches, and which route wins", "manifest.md", "Routes"},
		{"secrets", "credentials that stay on the host", "manifest.md", "Secrets"},
		{"git", "repositories, and what may be pushed", "manifest.md", "Git"},
		{"dlp", "what is found in what leaves, and what happens then", "manifest.md", "dlp"},
		{"keys", "every key of bottle.yaml", "keys.md", ""},
		{"levels", "flags, environment, project and user", "manifest.md", "Levels"},
		{"environment", "variables and PATH in a bottle", "manifest.md", "Environment"},
		{"dependencies", "node_modules, .venv and the like", "manifest.md", "Dependencies"},
		{"services", "reaching servers of the host", "manifest.md", "Local services"},
		{"questions", "what waits for your answer, and what a yes gives", "commands.md", "Questions"},
		{"denied", "what an agent sees of a denial, and what to do", "commands.md", "When a request is denied"},
		{"budgets", "limits on what is sent and used", "manifest.md", "Budgets"},
		{"metrics", "numbers for Prometheus, and OpenTelemetry", "manifest.md", "Metrics"},
		{"learning", "routes from what a bottle asked for", "commands.md", "Learning routes"},
		{"work", "what pull takes, and when down refuses", "commands.md", "Work that is in a bottle"},
		{"exit-codes", "what a command ends with", "commands.md", "Exit codes"},
		{"files", "where bottle keeps what", "commands.md", "Files"},
		{"modes", "sandbox, virtual machine, proxy alone; copy, mount", "modes.md", ""},
		{"standalone", "the proxy in Docker, CI, systemd, Kubernetes", "standalone.md", ""},
		{"security", "what holds, and what does not", "security.md", ""},
	}
}

// Find returns the topic of a name.
func Find(name string) (Topic, bool) {
	all := All()
	i := slices.IndexFunc(all, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return Topic{}, false
	}
	return all[i], true
}

// Markdown returns the text as it stands in docs/.
func (t Topic) Markdown() (string, error) {
	page, err := docs.Pages.ReadFile(t.page)
	if err != nil {
		return "", err
	}
	text := section(string(page), t.title)
	if text == "" {
		return "", fmt.Errorf("docs/%s has no section %q", t.page, t.title)
	}
	return text, nil
}

// section returns a section with those below it, from its heading on.
func section(page, title string) string {
	if title == "" {
		return page
	}
	var b strings.Builder
	depth, code := 0, false
	for line := range strings.Lines(page) {
		code = code != strings.HasPrefix(strings.TrimSpace(line), "```")
		level, name := heading(line)
		switch {
		case code || level == 0:
		case depth > 0 && level <= depth:
			return b.String()
		case name == title:
			depth = level
		}
		if depth > 0 {
			b.WriteString(line)
		}
	}
	return b.String()
}

// heading returns the level of a heading, 0 for another line.
func heading(line string) (level int, name string) {
	rest := strings.TrimLeft(line, "#")
	level = len(line) - len(rest)
	if level == 0 || !strings.HasPrefix(rest, " ") {
		return 0, ""
	}
	return level, strings.TrimSpace(rest)
}
