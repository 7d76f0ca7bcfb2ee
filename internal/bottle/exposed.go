package bottle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/manifest"
)

// checkExposed looks at the files that secrets come from, where the agent sees
// folders of the host. A script that the agent can change would run on the host
// at the next refresh of its secret: that is refused. A file that the agent can
// read holds no secret from it: that is a warning.
func (p *Prepared) checkExposed() error {
	folders := hostFolders(p.Manifest)
	if err := checkCommands(p.Manifest, folders); err != nil {
		return err
	}
	for i := range p.Manifest.Secrets {
		d := &p.Manifest.Secrets[i]
		if !d.Used {
			continue
		}
		if exposed(folders, d.Source.File) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: the agent can read %s, and so the secret %s itself: move the file out of what the agent sees", d.Declared, d.Source.File, d.Name))
		} else if f := d.Source.File; f != "" && p.Manifest.WorkspaceMode == manifest.WorkspaceCopy && p.copied(f) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: the copy of the workspace has %s, and so the agent the secret %s itself: move the file out of the workspace, or let git ignore it", d.Declared, f, d.Name))
		}
	}
	return nil
}

// checkCommands refuses commands of secrets that run what the agent could change
// in folders of the host.
func checkCommands(m *manifest.Manifest, folders []manifest.Mount) error {
	for i := range m.Secrets {
		d := &m.Secrets[i]
		if !d.Used {
			continue
		}
		names := manifest.PathsIn(d.Source.Command)
		if len(d.Source.Command) > 0 {
			if found, err := exec.LookPath(d.Source.Command[0]); err == nil {
				names = append(names, found)
			}
		}
		for _, name := range names {
			if writable(folders, name) {
				return fmt.Errorf("%s: the command of the secret %s runs or reads %s, which the agent could change: move it to a folder that the agent cannot write, or use workspace mode copy", d.Declared, d.Name, name)
			}
		}
	}
	return nil
}

// commandEnviron is the environment of the commands of secrets: this process's,
// with a PATH on which a program that they run in turn is none of the agent's.
func commandEnviron(folders []manifest.Mount) []string {
	list := os.Environ()
	for i, line := range list {
		value, ok := strings.CutPrefix(line, "PATH=")
		if !ok {
			continue
		}
		dirs := slices.DeleteFunc(filepath.SplitList(value), func(dir string) bool { return !filepath.IsAbs(dir) || writable(folders, dir) })
		list[i] = "PATH=" + strings.Join(dirs, string(filepath.ListSeparator))
	}
	return list
}

// exposed says whether the agent sees a file of the host itself, not a copy.
func exposed(folders []manifest.Mount, path string) bool {
	if info, err := os.Stat(path); path == "" || err != nil || !info.Mode().IsRegular() {
		return false
	}
	return slices.ContainsFunc(folders, func(f manifest.Mount) bool { return leadsInto(f, path) })
}

// writable says whether the agent can write a file or folder of the host, or
// put one there or in its place, by a link on the way to it as well.
func writable(folders []manifest.Mount, path string) bool {
	return slices.ContainsFunc(folders, func(f manifest.Mount) bool { return f.Writable && leadsInto(f, path) })
}

func leadsInto(f manifest.Mount, path string) bool {
	return slices.ContainsFunc(trail(path), func(name string) bool {
		_, in := inside(name, f.Path)
		return in
	})
}
