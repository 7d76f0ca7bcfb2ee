package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// repository copies the .git of a folder and reads what its rules are.
func (c *copier) repository(d *dir, rel string) (*rules, error) {
	r, err := c.gitInto(d, rel, c.dst(), gitName, rel)
	if err == nil {
		c.report.Repositories.add(rel)
		return r, nil
	}
	var u *unreadable
	if rel == "." || !errors.As(err, &u) {
		return nil, err
	}
	// A nested one goes on without its git folder.
	if err := removeEntry(c.ctx, c.dst(), gitName); err != nil {
		return nil, err
	}
	return nil, c.skip(u.path, u.err)
}

// gitInto copies the git folder of the work tree d as name in dst; the base
// knows it as key.
func (c *copier) gitInto(d *dir, rel string, dst *dir, name, key string) (*rules, error) {
	shown := path.Join(rel, gitName)
	g, err := c.openGit(d, rel)
	if err != nil {
		return nil, &unreadable{shown, err}
	}
	defer g.close()
	if rel == "." {
		c.common = g.commonPath
	}
	cfg, err := c.readConfig(g)
	if err != nil {
		return nil, &unreadable{shown, err}
	}
	to, err := dst.ensure(name)
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", shown, err)
	}
	defer to.close()
	if err := c.gitParts(g, to, shown); err != nil {
		return nil, err
	}
	if err := c.writeConfig(to, shown, cfg.text); err != nil {
		return nil, err
	}
	if err := c.base.repository(key, to); err != nil {
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	if err := c.allObjects(g, to, rel); err != nil {
		return nil, err
	}
	if err := c.prune(to, rel, cfg.hashSize); err != nil {
		return nil, err
	}
	st, err := g.git.stat()
	if err == nil {
		err = to.settle(c.own, 0o755, st.mtime)
	}
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", shown, err)
	}
	return c.rules(d, g, cfg, rel)
}

func (c *copier) readConfig(g *gitFolder) (gitConfig, error) {
	data, err := g.common.readSmall("config", maxGitConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gitConfig{}, fmt.Errorf("config: %w", err)
	}
	own, err := g.git.readSmall("config.worktree", maxGitConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gitConfig{}, fmt.Errorf("config.worktree: %w", err)
	}
	return cleanConfig(data, own, c.opts.User)
}

func (c *copier) writeConfig(to *dir, shown string, text []byte) error {
	f, err := to.create("config")
	if err != nil {
		return fmt.Errorf("copy %s: %w", shown, err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("copy %s: %w", shown, err)
	}
	return c.own.give(f, 0o644)
}

// rules reads what the repository ignores.
func (c *copier) rules(d *dir, g *gitFolder, cfg gitConfig, rel string) (*rules, error) {
	shown := path.Join(rel, gitName)
	r := &rules{fold: cfg.ignoreCase, read: c.noted(rel)}
	if err := r.exclude(g.common); err != nil {
		return nil, &unreadable{shown, err}
	}
	if err := r.readTracked(c.ctx, d, g.git, cfg.hashSize); err != nil {
		if cerr := c.ctx.Err(); cerr != nil {
			return nil, cerr
		}
		return nil, &unreadable{shown, err}
	}
	return r, nil
}

// noted reads the rules of a repository and notes each file of them in the base,
// once: later they may be the agent's.
func (c *copier) noted(repo string) func(*dir, string) ([]pattern, error) {
	done := map[string]bool{}
	return func(d *dir, at string) ([]pattern, error) {
		patterns, err := readIgnore(d, at)
		if at == excludeFile { // which comes before the person's own
			patterns = append(c.excludes(), patterns...)
		}
		if !done[at] {
			done[at] = true
			c.base.ignores(repo, at, patterns)
		}
		return patterns, err
	}
}
