package bottle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/internal/manifest"
)

// checkExposed looks at the files that secrets come from, where the agent sees
// folders of the host. A script that the agent can change would run on the host
// at the next refresh of its secret: that is refused. A file that the agent can
// read holds no secret from it: that is a warning.
func (p *Prepared) checkExposed() error {
	for i := range p.Manifest.Secrets {
		d := &p.Manifest.Secrets[i]
		if !d.Used {
			continue
		}
		for _, arg := range d.Source.Command {
			if !filepath.IsAbs(arg) {
				arg = filepath.Join(d.Source.Dir, arg)
			}
			if shown, writable := exposed(p.Manifest, arg); shown && writable {
				return fmt.Errorf("%s: the command of the secret %s runs %s, which the agent could change: move it to a folder that the agent cannot write, or use workspace mode copy", d.Declared, d.Name, arg)
			}
		}
		if shown, _ := exposed(p.Manifest, d.Source.File); shown {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: the agent can read %s, and so the secret %s itself: move the file out of what the agent sees", d.Declared, d.Source.File, d.Name))
		}
	}
	return nil
}

// exposed says whether the agent sees a file of the host itself, not a copy, and
// whether it can write it. What is no file is not exposed.
func exposed(m *manifest.Manifest, path string) (shown, writable bool) {
	if info, err := os.Stat(path); path == "" || err != nil || !info.Mode().IsRegular() {
		return false, false
	}
	for _, f := range hostFolders(m) {
		if within(path, f.Path) {
			shown, writable = true, writable || f.Writable
		}
	}
	return shown, writable
}

// within says whether a path, or where it leads, is a folder or lies below it.
func within(path, folder string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	if r, err := filepath.EvalSymlinks(folder); err == nil {
		folder = r
	}
	for _, p := range []string{path, real} {
		if p == folder || strings.HasPrefix(p, strings.TrimSuffix(folder, "/")+"/") {
			return true
		}
	}
	return false
}
