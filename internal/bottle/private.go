package bottle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm"
)

// privateFolder is one that no bottle may see: who writes there decides what
// runs on the host, and who reads there has keys, journals or control sockets.
type privateFolder struct{ what, path string }

func privateFolders(env state.Env) ([]privateFolder, error) {
	var out []privateFolder
	for _, f := range []struct {
		what string
		path func() (string, error)
	}{
		{"the state of bottle", env.StateDir},
		{"the configuration of bottle", env.ConfigDir},
		{"the control sockets of bottle", env.RuntimeRoot},
	} {
		path, err := f.path()
		if err != nil {
			return nil, err
		}
		out = append(out, privateFolder{f.what, path})
	}
	return out, nil
}

// hostFolders are what the agent sees of the host itself, not a copy, by the
// manifest.
func hostFolders(m *manifest.Manifest) []manifest.Mount {
	if m.WorkspaceMode != manifest.WorkspaceMount {
		return m.Mounts
	}
	return append([]manifest.Mount{{Path: m.Workspace, At: m.Workspace, Writable: true}}, m.Mounts...)
}

// checkMounts refuses what would show a private folder, whole or in part, also
// read-only, and what would let the agent write a manifest: the user's is
// believed without a question.
func (p *Prepared) checkMounts() error {
	m := p.Manifest
	private, err := privateFolders(p.opt.Env)
	if err != nil {
		return err
	}
	folders := hostFolders(m)
	for _, i := range p.Install {
		folders = append(folders, manifest.Mount{Path: i.Source, At: i.Target})
	}
	for _, f := range folders {
		for _, dir := range private {
			if overlaps(f.Path, dir.path) {
				return fmt.Errorf("the mount of %s would show the agent %s (%s): mount a folder that neither holds it nor lies in it, or use workspace mode copy", f.Path, dir.path, dir.what)
			}
		}
	}
	return p.checkManifests()
}

// checkManifests refuses what would let the agent write a manifest and what
// manifestMounts cannot mend.
func (p *Prepared) checkManifests() error {
	m := p.Manifest
	var user []string
	if m.User != nil {
		dir, err := p.opt.Env.ConfigDir()
		if err != nil {
			return err
		}
		// Where the file is a link, as people do who keep theirs in a repository.
		user = trail(m.User.Path, filepath.Join(dir, userFileName))
	}
	for _, f := range hostFolders(m) {
		if !f.Writable {
			continue
		}
		for _, name := range user {
			if _, in := inside(name, f.Path); in {
				return fmt.Errorf("the agent could change your configuration %s by the mount of %s: mount it read-only, or move the configuration", name, f.Path)
			}
		}
		if m.Project == nil {
			continue
		}
		if rel, in := inside(m.Project.Path, f.Path); in && rel == "." {
			return fmt.Errorf("the agent could change the manifest %s, which is mounted itself: mount it read-only", f.Path)
		}
	}
	return nil
}

// userFileName is what the user's manifest is called in the configuration folder.
const userFileName = "config.yaml"

// overlaps says whether a mount holds a folder, or a link on the way to it, or
// lies in it.
func overlaps(mount, folder string) bool {
	names := trail(folder)
	for _, name := range names {
		if _, in := inside(name, mount); in {
			return true
		}
	}
	_, in := inside(real(mount), names[len(names)-1])
	return in
}

// manifestMounts put the project's manifest read-only over itself wherever the
// agent could write it. A folder between it and the mount can still be renamed,
// and another put in its place; that is another text then, which is not trusted.
func manifestMounts(m *manifest.Manifest) (out []vm.Mount) {
	if m.Project == nil {
		return nil
	}
	folders := hostFolders(m)
	for _, f := range folders {
		rel, in := inside(m.Project.Path, f.Path)
		if !in || !f.Writable {
			continue
		}
		at := inHome(f.At)
		target := filepath.Join(at, rel)
		hidden := m.WorkspaceMode == manifest.WorkspaceCopy && covers(m.Workspace, at, target)
		for _, o := range folders {
			hidden = hidden || covers(inHome(o.At), at, target)
		}
		if !hidden {
			out = append(out, vm.Mount{Source: m.Project.Path, Target: target, ReadOnly: true, Shared: true})
		}
	}
	return out
}

// covers says whether a mount at over hides what one at under has at target.
func covers(over, under, target string) bool {
	return len(over) > len(under) && (target == over || strings.HasPrefix(target, over+"/"))
}

// inside says whether a path is a folder or lies below it, and where there. It
// goes by what the folders are, so that other names for the same one (a bind
// mount, other case where that does not matter) count as well.
func inside(path, folder string) (rel string, in bool) {
	folder = real(folder)
	is, err := os.Stat(folder)
	path = filepath.Clean(path)
	for at := path; ; at = filepath.Dir(at) {
		same := at == folder
		// By its own name only: where a link leads is another path.
		if info, lerr := os.Lstat(at); !same && err == nil && lerr == nil {
			same = os.SameFile(info, is)
		}
		if same {
			rel, err := filepath.Rel(at, path)
			return rel, err == nil
		}
		if at == filepath.Dir(at) {
			return "", false
		}
	}
}

// maxLinks is how many symbolic links a path may go by, as in Linux.
const maxLinks = 40

// trail returns every name that the ways to some paths go by: the paths, where
// each link on them leads, and last what it comes to of the last path. Who can
// change any of these changes what is found.
func trail(paths ...string) (names []string) {
	for _, path := range paths {
		next, more := filepath.Clean(path), true
		for n := 0; more && n < maxLinks; n++ {
			names = append(names, next)
			next, more = follow(next)
		}
		names = append(names, real(path))
	}
	return names
}

// follow puts what the first symbolic link of a path says in its place.
func follow(path string) (next string, found bool) {
	at, parts := "/", strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		at = filepath.Join(at, part)
		to, err := os.Readlink(at)
		if err != nil {
			continue
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		return filepath.Join(append([]string{to}, parts[i+1:]...)...), true
	}
	return "", false
}

// real resolves the links of a path as far as it is there.
func real(path string) string {
	path = filepath.Clean(path)
	rest := ""
	for at := path; ; at = filepath.Dir(at) {
		if r, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(r, rest)
		}
		if at == filepath.Dir(at) {
			return path
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}
