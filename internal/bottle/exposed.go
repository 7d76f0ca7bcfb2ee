package bottle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
		if shown, _ := exposed(folders, d.Source.File); shown {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: the agent can read %s, and so the secret %s itself: move the file out of what the agent sees", d.Declared, d.Source.File, d.Name))
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
		for n, arg := range d.Source.Command {
			if found, err := exec.LookPath(arg); n == 0 && err == nil && !strings.Contains(arg, "/") {
				arg = found
			}
			if !filepath.IsAbs(arg) {
				arg = filepath.Join(d.Source.Dir, arg)
			}
			if _, writable := exposed(folders, arg); writable {
				return fmt.Errorf("%s: the command of the secret %s runs %s, which the agent could change: move it to a folder that the agent cannot write, or use workspace mode copy", d.Declared, d.Name, arg)
			}
		}
	}
	return nil
}

// exposed says whether the agent sees a file of the host itself, not a copy, and
// whether it can write it or put another in its place, by a link on the way to
// it as well. What is no file is not exposed.
func exposed(folders []manifest.Mount, path string) (shown, writable bool) {
	if info, err := os.Stat(path); path == "" || err != nil || !info.Mode().IsRegular() {
		return false, false
	}
	for _, name := range trail(path) {
		for _, f := range folders {
			if _, in := inside(name, f.Path); in {
				shown, writable = true, writable || f.Writable
			}
		}
	}
	return shown, writable
}
