package workspace

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ExcludesFile returns the file of rules that hold in every repository of a
// person, core.excludesFile of git-config(1), or "" where there can be none. It
// reads the configuration of the system and the person's own, not that of a
// repository, which is its author's, and not what these include.
func ExcludesFile(getenv func(string) string) string {
	home, base := getenv("HOME"), configHome(getenv)
	found := ""
	if base != "" {
		found = filepath.Join(base, "git/ignore")
	}
	for _, name := range userConfigs(getenv) {
		data, err := readUserFile(name, maxGitConfig)
		if err != nil {
			continue
		}
		cfg, err := parseConfig(data)
		if err != nil {
			continue
		}
		if v := cfg.Section("core").Options.Get("excludesFile"); v != "" {
			found = v
		}
	}
	if rest, ok := strings.CutPrefix(found, "~/"); ok && home != "" {
		found = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(found) {
		return ""
	}
	return found
}

func configHome(getenv func(string) string) string {
	home, base := getenv("HOME"), getenv("XDG_CONFIG_HOME")
	if base == "" && home != "" {
		base = filepath.Join(home, ".config")
	}
	return base
}

// userConfigs are the config files of the system and of a person. A later one wins.
func userConfigs(getenv func(string) string) (files []string) {
	if getenv("GIT_CONFIG_NOSYSTEM") == "" {
		files = append(files, "/etc/gitconfig")
	}
	if global := getenv("GIT_CONFIG_GLOBAL"); global != "" {
		return append(files, global)
	}
	return append(files, filepath.Join(configHome(getenv), "git/config"), filepath.Join(getenv("HOME"), ".gitconfig"))
}

// excludes are the lines of Options.Excludes; a file that is not there or cannot
// be read has none, as for git.
func (c *copier) excludes() []pattern {
	data, err := readUserFile(c.opts.Excludes, maxIgnoreFile)
	if c.opts.Excludes == "" || err != nil {
		return nil
	}
	return parseIgnore(data)
}

// readUserFile reads the first most bytes of a regular file of the person's own.
func readUserFile(path string, most int64) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, os.ErrNotExist
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}
