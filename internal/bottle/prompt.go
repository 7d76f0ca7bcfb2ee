package bottle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/manifest"
)

// The bounds of what an agent is given to read, in bytes.
const (
	maxPrompt     = 256 << 10
	maxSkill      = 1 << 20 // a file of a skill
	maxSkillFiles = 500     // of all skills together
)

// fence tells an agent what it may reach and how a refusal looks, so that it does not
// try what cannot work.
const fence = `You work inside of a bottle: a sandbox whose only way out is a proxy.

- Credentials in files and variables here are placeholders. Use them as they are: the
  proxy puts the real ones in, on the hosts that they are for.
- A request that is not allowed is answered with status 403 or 400, the header
  Bottle-Rule and {"error":{"type":"bottle_denied","message":…}}. The message says why.
  Do not retry it and do not look for a way round: tell the person what is missing.
- This is what you can reach:
%s`

// gitFence is for an agent that has repositories, whose lines say what may be pushed.
const gitFence = `
- The lines that begin with git name the repositories that git can use, over any URL of
  theirs. A push to another ref than a line says, with a credential in any file, message
  or name, or of a file that is not to be changed, is refused as a whole; git prints why.
  Make a new branch under a name that may be created, and mend the commits that are named.
`

// prompt is what an agent is told: its fence, and the file of the manifest.
func prompt(m *manifest.Manifest) (string, error) {
	var b strings.Builder
	var lines strings.Builder
	s := m.Summary()
	for _, l := range slices.Concat(s.Reach, s.Offered) {
		lines.WriteString("  - " + l + "\n")
	}
	fmt.Fprintf(&b, fence, lines.String())
	if len(m.Git) > 0 {
		b.WriteString(gitFence)
	}
	if m.Prompt == "" {
		return b.String(), nil
	}
	text, err := readGiven(m.Prompt, maxPrompt)
	if err != nil {
		return "", fmt.Errorf("prompt: %w", err)
	}
	b.WriteString("\n")
	b.Write(text)
	return b.String(), nil
}

// skills reads the folders of skills. What is no regular file is left out: a link may
// lead anywhere on this host.
func skills(m *manifest.Manifest) (files []agent.File, err error) {
	for _, dir := range m.Skills {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, fmt.Errorf("skills: %w", err)
		}
		err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if len(files) == maxSkillFiles {
				return fmt.Errorf("there are more than %d files", maxSkillFiles)
			}
			text, err := readGiven(filepath.Join(dir, path), maxSkill)
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			files = append(files, agent.File{Path: filepath.Base(dir) + "/" + path, Mode: agent.Mode(info.Mode().Perm()&0o700 | 0o400), Data: string(text)})
			return nil
		})
		if err = errors.Join(err, root.Close()); err != nil {
			return nil, fmt.Errorf("skills: %s: %w", dir, err)
		}
	}
	return files, nil
}

func readGiven(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d KiB", path, limit>>10)
	}
	return b, err
}
