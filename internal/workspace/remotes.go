package workspace

import (
	"errors"
	"io/fs"
)

// Remote is where a repository is fetched from, as its config says.
type Remote struct{ Name, URL string }

// maxRemotes bounds how many remotes of a repository are looked at.
const maxRemotes = 16

// Remotes returns the remotes of the repository that a workspace is, which are none
// where it is no repository. Their URLs hold no credential, and none of the person's
// own configuration is applied to them.
func Remotes(source string) ([]Remote, error) {
	c := &copier{report: &Report{}}
	var err error
	if c.source, err = canonical(source); err != nil {
		return nil, err
	}
	d, err := openDir(c.source)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if !hasGit(d) {
		return nil, nil
	}
	g, err := c.openGit(d, ".")
	if errors.Is(err, errNoRepository) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer g.close()
	cfg, err := c.readConfig(g)
	if err != nil {
		return nil, err
	}
	return remotesOf(cfg.text)
}

// remotesOf reads the remotes of a config that was cleaned.
func remotesOf(text []byte) (list []Remote, err error) {
	cfg, err := parseConfig(text)
	if err != nil {
		return nil, err
	}
	for _, sub := range cfg.Section("remote").Subsections {
		if url := sub.Option("url"); url != "" && len(list) < maxRemotes {
			list = append(list, Remote{Name: sub.Name, URL: url})
		}
	}
	return list, nil
}
